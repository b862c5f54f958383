"""Settings: where they come from, which source wins, and what one is told when a value cannot be used."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from modelyard import settings
from modelyard.settings import LogLevel, Settings, SettingsError
from modelyard.settings_sources import load


def loaded(flags: Mapping[str, object] | None = None, environ: dict[str, str] | None = None, config: Path | None = None) -> Settings:
    return load(flags or {}, environ or {}, str(config) if config else None).settings


def refusal(flags: Mapping[str, object] | None = None, environ: dict[str, str] | None = None, config: Path | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        loaded(flags, environ, config)
    return str(caught.value)


def test_without_any_source_the_server_is_local_and_needs_nothing() -> None:
    chosen = loaded()
    assert (chosen.host, chosen.port, chosen.workers) == ("127.0.0.1", 8080, 1)
    assert chosen.uses_sqlite


def test_the_default_database_is_a_file_in_the_data_folder(tmp_path: Path) -> None:
    assert loaded({"data_dir": str(tmp_path)}).database == f"sqlite:///{tmp_path}/modelyard.db"


def test_each_source_overrules_the_one_before(tmp_path: Path) -> None:
    file = tmp_path / "modelyard.toml"
    file.write_text("port = 1")
    original, ours, flags = {"MR_PORT": "2"}, {"MODELYARD_PORT": "3"}, {"port": 4}
    assert loaded(config=file).port == 1
    assert loaded(environ=original, config=file).port == 2
    assert loaded(environ=original | ours, config=file).port == 3
    assert loaded(flags, environ=original | ours, config=file).port == 4


def test_the_file_can_be_named_by_a_variable(tmp_path: Path) -> None:
    file = tmp_path / "modelyard.toml"
    file.write_text('log_level = "debug"\nallowed_hosts = ["models.example.org"]')
    chosen = loaded(environ={"MODELYARD_CONFIG": str(file)})
    assert chosen.log_level is LogLevel.DEBUG
    assert chosen.allowed_hosts == ("models.example.org",)


def test_a_variable_holds_a_list_with_commas_and_a_switch_as_true_or_1() -> None:
    chosen = loaded(environ={"MODELYARD_ALLOWED_HOSTS": "a.example.org, b.example.org,", "MODELYARD_INSECURE_NO_AUTH": "1"})
    assert chosen.allowed_hosts == ("a.example.org", "b.example.org")
    assert chosen.insecure_no_auth


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert loaded(environ={"MODELYARD_PORT": ""}).port == 8080


def test_other_programs_variables_are_left_alone() -> None:
    assert loaded(environ={"PATH": "/bin", "MR_SOMETHING": "x", "MODELYARDISH": "y"}) == Settings()


@pytest.mark.parametrize(
    ("variable", "near"),
    [("MODELYARD_PROT", "MODELYARD_PORT"), ("MODELYARD_DATABASE", "MODELYARD_DATABASE_URL"), ("MODELYARD_CONFIGS", "MODELYARD_CONFIG")],
)
def test_an_unknown_variable_is_an_error_that_names_near_ones(variable: str, near: str) -> None:
    message = refusal(environ={variable: "1"})
    assert variable in message
    assert near in message.partition("Did you mean")[2]


def test_an_unknown_key_in_the_file_is_an_error_that_names_near_ones(tmp_path: Path) -> None:
    file = tmp_path / "modelyard.toml"
    file.write_text("pool_sice = 3")
    message = refusal(config=file)
    assert "pool_sice" in message
    assert "pool_size" in message
    assert str(file) in message


def test_a_file_that_is_missing_or_broken_is_an_error_that_names_it(tmp_path: Path) -> None:
    assert "nowhere.toml" in refusal(config=tmp_path / "nowhere.toml")
    file = tmp_path / "broken.toml"
    file.write_text("port = ")
    assert "broken.toml" in refusal(config=file)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MODELYARD_PORT", "http"),
        ("MODELYARD_PORT", "70000"),
        ("MODELYARD_LOG_LEVEL", "loud"),
        ("MODELYARD_INSECURE_NO_AUTH", "maybe"),
        ("MODELYARD_WORKERS", "0"),
        ("MODELYARD_MAX_BODY_BYTES", "1"),
        ("MODELYARD_STATEMENT_TIMEOUT_SECONDS", "0"),
        ("MODELYARD_CORS_ORIGINS", "ui.example.org"),
        ("MODELYARD_ALLOWED_HOSTS", "https://models.example.org"),
        ("MODELYARD_ALLOWED_HOSTS", "models.example.org:8080"),
        ("MODELYARD_ALLOWED_HOSTS", "*.example.org"),
        ("MODELYARD_DATABASE_URL", "oracle://db"),
    ],
)
def test_a_bad_value_is_told_with_setting_source_and_value(variable: str, value: str) -> None:
    message = refusal(environ={variable: value})
    assert variable in message
    assert variable.removeprefix("MODELYARD_").lower() in message
    assert value in message


def test_the_file_is_typed(tmp_path: Path) -> None:
    file = tmp_path / "modelyard.toml"
    file.write_text('port = "8080"')
    assert "int" in refusal(config=file)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "models.example.org"])
def test_others_reach_what_listens_beyond_loopback(host: str) -> None:
    assert loaded({"host": host}).beyond_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_is_for_this_machine(host: str) -> None:
    assert not loaded({"host": host}).beyond_loopback


def test_several_workers_need_a_database_server() -> None:
    assert "--database-url" in refusal({"workers": 2})
    assert loaded({"workers": 2, "database_url": "postgresql://db/models"}).workers == 2


def test_a_host_beyond_loopback_is_answered_under_its_own_name_only_when_names_are_given() -> None:
    assert loaded({"host": "0.0.0.0", "insecure_no_auth": True}).accepted_hosts == ("*",)
    chosen = loaded({"host": "0.0.0.0", "insecure_no_auth": True}, {"MODELYARD_ALLOWED_HOSTS": "models.example.org"})
    assert "models.example.org" in chosen.accepted_hosts
    assert "*" not in chosen.accepted_hosts


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:s3cret@db/models",
        "mysql://ann:p@s3cret/x@db:3306/models",
        "postgresql://db/models?user=ann&password=s3cret",
        "postgresql://:s3cret@db/models",
    ],
)
def test_a_password_is_never_shown(url: str) -> None:
    chosen = loaded({"database_url": url})
    assert chosen.database == url
    for shown in (str(chosen), repr(chosen), str(chosen.redacted()), chosen.store, str(chosen.__rich_repr__())):
        assert "s3cret" not in shown
        assert "***" in shown


def test_a_refused_database_url_does_not_show_its_password() -> None:
    assert "s3cret" not in refusal({"database_url": "oracle://ann:s3cret@db/models"})


def test_worker_processes_get_the_very_same_settings() -> None:
    chosen = loaded(
        {"database_url": "postgresql://ann:s3cret@db/models", "workers": 3, "log_level": "debug"}, {"MODELYARD_ALLOWED_HOSTS": "a,b"}
    )
    variables = settings.hand_over(chosen)
    assert settings.handed(variables) == chosen
    assert loaded(environ=variables) == Settings()


def test_every_setting_says_what_it_means() -> None:
    for name in settings.FIELDS:
        assert settings.description(name).endswith("."), name


def test_json_may_be_nested_as_deeply_as_its_reader_can_follow_and_no_deeper() -> None:
    assert loaded().max_json_depth == 500
    assert loaded(environ={"MODELYARD_MAX_JSON_DEPTH": "900"}).max_json_depth == 900
    assert "900" in refusal(environ={"MODELYARD_MAX_JSON_DEPTH": "901"})


@pytest.mark.parametrize("prefix", ["registry", "/", "/registry/", "//registry", "/a b", "/..", "/a/../b", "/a?b", "/%72"])
def test_a_path_prefix_is_whole_segments_of_plain_characters(prefix: str) -> None:
    assert "such as /registry" in refusal({"path_prefix": prefix})


def test_a_path_prefix_may_have_several_segments() -> None:
    assert loaded({"path_prefix": "/ml/registry.v1"}).path_prefix == "/ml/registry.v1"


def test_trusted_proxies_are_addresses_and_networks() -> None:
    chosen = loaded(environ={"MODELYARD_TRUSTED_PROXIES": "10.0.0.7, 10.1.0.0/16,2001:db8::/32"})
    assert chosen.trusted_proxies == ("10.0.0.7", "10.1.0.0/16", "2001:db8::/32")


@pytest.mark.parametrize("proxy", ["proxy.example.org", "10.0.0.0/33", "10.0.0.7/8", "*", ""])
def test_anything_else_is_no_trusted_proxy(proxy: str) -> None:
    assert "10.0.0.0/8" in refusal({"trusted_proxies": [proxy]})


def test_an_identity_provider_is_an_issuer_an_audience_and_roles() -> None:
    chosen = loaded(
        environ={
            "MODELYARD_OIDC_ISSUER": "https://login.example.org/realms/ml",
            "MODELYARD_OIDC_AUDIENCE": "modelyard",
            "MODELYARD_OIDC_ROLES": "ml=contributor@fraud, everyone = viewer",
        }
    )
    assert chosen.oidc_roles == ("ml=contributor@fraud", "everyone = viewer")
    assert loaded({"oidc_issuer": "http://127.0.0.1:9", "oidc_audience": "x"}).oidc_groups_claim == "groups"


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"oidc_issuer": "http://login.example.org", "oidc_audience": "x"}, "https://"),
        ({"oidc_issuer": "login.example.org", "oidc_audience": "x"}, "https://"),
        ({"oidc_issuer": "https://login.example.org"}, "oidc_audience"),
        ({"oidc_roles": ["ml"]}, "group=role"),
        ({"oidc_roles": ["ml=king"]}, "group=role"),
        ({"oidc_roles": ["=viewer"]}, "group=role"),
        ({"oidc_roles": ["ml=viewer@Fraud"]}, "group=role"),
    ],
)
def test_an_identity_provider_that_would_let_in_others_is_refused(given: dict[str, object], word: str) -> None:
    assert word in refusal(given)


def test_the_standard_variable_of_opentelemetry_counts_where_nothing_else_is_set(tmp_path: Path) -> None:
    standard = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
    file = tmp_path / "modelyard.toml"
    file.write_text('otlp_endpoint = "http://other:4318"')
    assert loaded(environ=standard).otlp_endpoint == "http://collector:4318"
    assert loaded(environ=standard, config=file).otlp_endpoint == "http://other:4318"
    assert loaded(environ={**standard, "MODELYARD_OTLP_ENDPOINT": "http://ours:4318"}).otlp_endpoint == "http://ours:4318"


@pytest.mark.parametrize(
    "others",
    [
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318", "OTEL_SDK_DISABLED": "true"},
    ],
)
def test_what_opentelemetry_is_told_for_others_stops_nothing(others: dict[str, str]) -> None:
    assert loaded(environ=others).otlp_endpoint == ""


def test_an_endpoint_that_is_no_url_is_refused() -> None:
    assert "http://127.0.0.1:4318" in refusal(environ={"MODELYARD_OTLP_ENDPOINT": "collector:4317"})


def test_a_password_in_an_endpoint_is_not_shown() -> None:
    assert "s3cret" not in repr(loaded(environ={"MODELYARD_OTLP_ENDPOINT": "https://ann:s3cret@collector:4318"}))
