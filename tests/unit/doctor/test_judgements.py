"""What the doctor makes of what it sees, where no machine of a test shows it."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from modelyard.doctor import accounts, folder, program, servers, sqlite
from modelyard.doctor.findings import Finding, State, broken, ok, warning, worst
from modelyard.doctor.schema import judged
from modelyard.settings import Settings
from modelyard.store.facts import Product, ServerFacts
from modelyard.store.schema import HEAD

DURABLE = {"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on"}
CONNECTIONS = {"max_connections": "100", "superuser_reserved_connections": "3"}


def of(check: str, facts: ServerFacts, settings: Settings | None = None) -> list[Finding]:
    return [finding for finding in servers.look(facts, settings or Settings()) if finding.check == check]


def facts(
    product: Product = "PostgreSQL",
    version: str = "17.2 (Debian)",
    settings: Mapping[str, str] = DURABLE,
    *,
    skew: float = 0.0,
    never: tuple[str, ...] = (),
) -> ServerFacts:
    return ServerFacts(product=product, version=version, settings={**settings, **CONNECTIONS}, skew_seconds=skew, never_analysed=never)


def test_the_worst_finding_decides() -> None:
    assert worst([]) is State.OK
    assert worst([ok("a", "b")]) is State.OK
    assert worst([ok("a", "b"), warning("a", "b", "c")]) is State.WARNING
    assert worst([broken("a", "b", "c"), warning("a", "b", "c")]) is State.BROKEN


@pytest.mark.parametrize(
    ("product", "version", "state"),
    [
        ("PostgreSQL", "15.0", State.OK),
        ("PostgreSQL", "18.1 (Ubuntu 18.1-1)", State.OK),
        ("PostgreSQL", "14.9", State.WARNING),
        ("PostgreSQL", "19devel", State.OK),
        ("MariaDB", "10.11.6-MariaDB-0+deb12u1", State.OK),
        ("MariaDB", "11.8.3-MariaDB", State.OK),
        ("MariaDB", "10.6.1-MariaDB", State.WARNING),
        ("MySQL", "8.4.0", State.OK),
        ("MySQL", "8.0.16", State.BROKEN),
        ("MySQL", "5.7.44-log", State.BROKEN),
    ],
)
def test_server_versions(product: Product, version: str, state: State) -> None:
    [finding] = of("server version", facts(product, version))
    assert finding.state is state
    assert version in finding.found


def test_durable_settings_are_ok() -> None:
    [finding] = of("durability", facts())
    assert finding.state is State.OK
    [finding] = of("durability", facts(settings={"innodb_flush_log_at_trx_commit": "1", "innodb_doublewrite": "ON"}))
    assert finding.state is State.OK


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fsync", "off"),
        ("full_page_writes", "off"),
        ("synchronous_commit", "off"),
        ("innodb_flush_log_at_trx_commit", "2"),
        ("innodb_flush_log_at_trx_commit", "0"),
        ("innodb_doublewrite", "OFF"),
    ],
)
def test_a_setting_that_loses_data_is_named_with_what_it_should_be(name: str, value: str) -> None:
    [finding] = of("durability", facts(settings={**DURABLE, name: value}))
    assert finding.state is State.WARNING
    assert f"{name} is {value}" in finding.found
    assert f"set {name} = " in finding.remedy


@pytest.mark.parametrize("value", ["on", "local", "remote_write", "remote_apply"])
def test_a_commit_that_is_on_a_disk_is_good_enough(value: str) -> None:
    [finding] = of("durability", facts(settings={**DURABLE, "synchronous_commit": value}))
    assert finding.state is State.OK


def test_the_pools_of_all_workers_must_fit_into_the_server() -> None:
    url = "postgresql://db/models"
    [finding] = of("connections", facts(), Settings(database_url=url, workers=9, pool_size=10))
    assert finding.state is State.OK
    [finding] = of("connections", facts(), Settings(database_url=url, workers=10, pool_size=10))  # 3 of the 100 are kept for superusers
    assert finding.state is State.WARNING


@pytest.mark.parametrize(("skew", "words"), [(5.0, "5.0 s ahead"), (-7.25, "7.2 s behind")])
def test_a_clock_that_is_off(skew: float, words: str) -> None:
    [finding] = of("clock", facts(skew=skew))
    assert finding.state is State.WARNING
    assert words in finding.found
    assert of("clock", facts(skew=0.5))[0].state is State.OK


def test_tables_without_statistics_are_named() -> None:
    [finding] = of("statistics", facts(never=("models", "prop_str")))
    assert "models, prop_str" in finding.found
    assert "ANALYZE" in finding.remedy
    assert of("statistics", facts()) == []


@pytest.mark.parametrize(("revision", "state"), [(None, State.OK), (HEAD, State.OK), ("9999", State.BROKEN)])
def test_schemas(revision: str | None, state: State) -> None:
    assert judged(revision).state is state


def test_an_older_schema_is_brought_up_to_date_after_a_backup(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelyard.doctor.schema.HEAD", "9999")
    found = judged(HEAD)
    assert found.state is State.WARNING
    assert "backup" in found.remedy


def test_the_file_system_is_that_of_the_innermost_mount(tmp_path: Path) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        "22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
        "40 22 0:45 / /srv/team\\040data rw,relatime shared:9 master:2 - nfs4 filer:/export rw,vers=4.2\n"
        "41 22 0:46 / /srv/tea rw - tmpfs tmpfs rw\n"
    )
    assert sqlite._kind(Path("/srv/team data/modelyard"), mounts) == "nfs4"
    assert sqlite._kind(Path("/srv/team"), mounts) == "ext4"
    assert sqlite._kind(Path("/srv"), tmp_path / "not there") == ""


@pytest.mark.parametrize(
    ("kind", "state"), [("nfs4", State.WARNING), ("cifs", State.WARNING), ("fuse.sshfs", State.WARNING), ("ext4", State.OK), ("", State.OK)]
)
def test_a_network_is_no_place_for_sqlite(kind: str, state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite, "_kind", lambda _place, _mounts: kind)
    assert sqlite._file_system(tmp_path / "modelyard.db").state is state


def test_little_space_is_told() -> None:
    assert folder._space(Path("/srv"), folder.LITTLE - 1).state is State.WARNING
    assert folder._space(Path("/srv"), folder.LITTLE).state is State.OK


def test_pythons_and_sqlites() -> None:
    assert program._python((3, 11)).state is State.OK
    assert program._python((3, 99)).state is State.WARNING
    assert program._sqlite((3, 34, 1)).state is State.BROKEN
    assert program._sqlite((3, 35, 0)).state is State.OK


def test_an_identity_provider_needs_its_extra_and_asks_everybody() -> None:
    given = Settings(host="0.0.0.0", oidc_issuer="https://login.example.org", oidc_audience="modelyard")
    assert program._needed(given) == {"oidc"}
    assert accounts.judged(given, some=False).state is State.OK


def test_an_extra_is_missed_only_where_it_is_needed() -> None:
    missing = ("no-such-package-anywhere",)
    assert program._extra("postgres", missing, needed=False).state is State.OK
    needed = program._extra("postgres", missing, needed=True)
    assert (needed.state, "pip install '.[postgres]'" in needed.remedy) == (State.BROKEN, True)
