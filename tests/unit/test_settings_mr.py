"""The original server's variables: taken over where they mean the same, noted where they do not."""

from pathlib import Path

import pytest

from modelyard.settings import SettingsError
from modelyard.settings_mr import translate
from modelyard.settings_sources import load
from modelyard.store.urls import DatabaseUrl


def database_url(type_: str, dsn: str, **more: str) -> str:
    return translate({"MR_EMBEDMD_DATABASE_TYPE": type_, "MR_EMBEDMD_DATABASE_DSN": dsn, **more}).values["database_url"].text


def test_host_and_port() -> None:
    chosen = load({}, {"MR_HOSTNAME": "localhost", "MR_PORT": "9000"}).settings
    assert (chosen.host, chosen.port) == ("localhost", 9000)


@pytest.mark.parametrize(
    ("dsn", "url"),
    [
        ("root:demo@tcp(mysql:3306)/metadb?charset=utf8mb4&parseTime=true", "mysql://root:demo@mysql:3306/metadb"),
        ("root@tcp(mysql)/metadb", "mysql://root@mysql:3306/metadb"),
        ("/metadb", "mysql://127.0.0.1:3306/metadb"),
        ("root:p@ss/w:rd@tcp(mysql:3306)/metadb", "mysql://root:p%40ss%2Fw%3Ard@mysql:3306/metadb"),
        ("root:demo@tcp([::1]:3306)/metadb", "mysql://root:demo@[::1]:3306/metadb"),
        ("root:demo@unix(/run/mysql.sock)/metadb", "mysql://root:demo@localhost:3306/metadb?socket=%2Frun%2Fmysql.sock"),
        ("root:demo@tcp(mysql:3306)/metadb?tls=true", "mysql://root:demo@mysql:3306/metadb?sslmode=verify-full"),
    ],
)
def test_a_mysql_data_source_name(dsn: str, url: str) -> None:
    assert database_url("mysql", dsn) == url
    DatabaseUrl.parse(url)


@pytest.mark.parametrize(
    ("dsn", "url"),
    [
        ("host=db port=5433 user=ann password=demo dbname=models sslmode=disable", "postgresql://ann:demo@db:5433/models?sslmode=disable"),
        (r"host=db user=ann password='it\'s a secret' dbname=models", "postgresql://ann:it%27s%20a%20secret@db:5432/models"),
        ("host=db user=ann", "postgresql://ann@db:5432/ann"),
        ("host=/run/postgresql user=ann", "postgresql://ann@localhost:5432/ann?socket=%2Frun%2Fpostgresql"),
        ("postgres://ann:demo@db/models?sslmode=require", "postgresql://ann:demo@db/models?sslmode=require"),
    ],
)
def test_a_postgresql_data_source_name(dsn: str, url: str) -> None:
    assert database_url("postgres", dsn) == url
    DatabaseUrl.parse(url)


@pytest.mark.parametrize(
    ("type_", "dsn"),
    [
        ("mysql", "root:s3cret@tcp(db)/metadb?allowOldPasswords=1"),
        ("postgres", "host=db user=ann gssencmode=x"),
    ],
)
def test_an_option_without_a_counterpart_is_noted_and_the_rest_is_taken(type_: str, dsn: str) -> None:
    translated = translate({"MR_EMBEDMD_DATABASE_TYPE": type_, "MR_EMBEDMD_DATABASE_DSN": dsn})
    [note] = translated.notes
    assert "ignored" in note
    assert "s3cret" not in note
    DatabaseUrl.parse(translated.values["database_url"].text)


def test_certificates_become_part_of_the_url() -> None:
    url = database_url(
        "postgres",
        "host=db user=ann dbname=models",
        MR_EMBEDMD_DATABASE_SSL_ROOT_CERT="/tls/ca.pem",
        MR_EMBEDMD_DATABASE_SSL_VERIFY_SERVER_CERT="true",
    )
    assert url == "postgresql://ann@db:5432/models?sslrootcert=%2Ftls%2Fca.pem&sslmode=verify-full"


@pytest.mark.parametrize(
    "environ",
    [
        {"MR_DATASTORE_TYPE": "mlmd"},
        {"MR_EMBEDMD_DATABASE_SSL_CIPHER": "AES256-SHA"},
        {"MR_CONFIG": "registry.yaml"},
    ],
)
def test_what_has_no_meaning_here_is_noted(environ: dict[str, str]) -> None:
    translated = translate(environ)
    assert not translated.values
    assert "ignored" in translated.notes[0]
    assert any(name in translated.notes[0] for name in environ)


UNUSABLE = [
    {"MR_EMBEDMD_DATABASE_TYPE": "postgres"},
    {"MR_EMBEDMD_DATABASE_TYPE": "mysql"},
    {"MR_EMBEDMD_DATABASE_SSL_ROOT_CERT": "/tls/ca.pem"},
    {"MR_EMBEDMD_DATABASE_DSN": "root:s3cret@pipe(x)/metadb"},
    {"MR_EMBEDMD_DATABASE_DSN": "root:s3cret@tcp(db)/metadb?tls=custom"},
    {"MR_EMBEDMD_DATABASE_DSN": "password='s3cret", "MR_EMBEDMD_DATABASE_TYPE": "postgres"},
    {"MR_EMBEDMD_DATABASE_DSN": "host=db", "MR_EMBEDMD_DATABASE_TYPE": "oracle"},
]


@pytest.mark.parametrize("environ", UNUSABLE)
def test_a_database_that_cannot_be_used_stops_the_start_instead_of_being_replaced_by_another(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load({}, environ)
    told = str(caught.value)
    assert next(iter(environ)) in told
    assert f"MODELYARD_DATABASE_URL, or unset {next(iter(environ))}." in told
    assert "s3cret" not in told


@pytest.mark.parametrize("environ", UNUSABLE)
def test_it_does_no_harm_where_a_stronger_source_names_the_database(environ: dict[str, str]) -> None:
    url = "sqlite:///chosen.db"
    assert load({}, environ | {"MODELYARD_DATABASE_URL": url}).settings.database == url
    assert load({"database_url": url}, environ).settings.database == url


@pytest.mark.parametrize("environ", UNUSABLE)
def test_a_weaker_source_is_no_answer(environ: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "modelyard.toml"
    file.write_text('database_url = "sqlite:///other.db"')
    with pytest.raises(SettingsError):
        load({}, environ, str(file))


def test_a_value_that_cannot_be_used_is_told_by_the_original_s_name() -> None:
    with pytest.raises(Exception, match="MR_PORT"):
        load({}, {"MR_PORT": "http"})
