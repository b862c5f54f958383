"""`modelyard doctor` on real folders, databases and ports."""

import asyncio
import json
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import pytest
from typer.testing import CliRunner

from modelyard.__main__ import app
from modelyard.store import migrate
from modelyard.store.urls import DatabaseUrl
from tests.access.accounts import Accounts
from tests.conftest import NewDatabase
from tests.servers.identity import Identity
from tests.servers.modelyard import serving
from tests.servers.process import free_port


class Report(msgspec.Struct, frozen=True):
    exit_code: int
    state: str
    findings: list[dict[str, Any]]

    def of(self, check: str) -> dict[str, Any]:
        [found] = [finding for finding in self.findings if finding["check"] == check]
        return found


@pytest.fixture(autouse=True)
def home(away_from_the_project: Path) -> Path:
    """The folder that the doctor is called in."""
    return away_from_the_project


def examine(*arguments: str, env: dict[str, str] | None = None) -> Report:
    where = () if "--port" in arguments else ("--port", "0")
    result = CliRunner().invoke(app, ["doctor", *where, *arguments, "--json"], env=env)
    report = Report(result.exit_code, **json.loads(result.stdout))
    assert [finding for finding in report.findings if finding["state"] != "ok" and not finding["remedy"]] == []
    return report


def test_a_fresh_machine_is_well_and_stays_as_it_is(home: Path) -> None:
    report = examine()
    assert (report.exit_code, report.state) == (0, "ok")
    assert "first start makes it" in report.of("data folder")["found"]
    assert list(home.iterdir()) == []


def test_for_people_it_says_the_same_in_words() -> None:
    command = [sys.executable, "-m", "modelyard", "doctor", "--port", "0"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    assert "data folder" in result.stdout
    assert "Nothing to do." in result.stdout


def test_settings_are_told_with_their_sources_and_without_passwords() -> None:
    url = f"postgresql://ann:s3cret@127.0.0.1:{free_port()}/models"
    report = examine(env={"MODELYARD_DATABASE_URL": url, "MR_CONFIG": "old.yaml"})
    assert report.of("setting database_url")["found"].endswith("set by the variable MODELYARD_DATABASE_URL")
    assert "MR_CONFIG is ignored" in report.of("settings")["found"]
    assert "s3cret" not in str(report)


def test_a_wrong_setting_is_a_finding() -> None:
    report = examine("--workers", "2")
    assert (report.exit_code, report.of("settings")["state"]) == (1, "broken")
    assert "on SQLite one is the fastest" in report.of("settings")["found"]


def test_a_store_in_use_is_well_and_its_registry_is_recognised(new_database: NewDatabase, home: Path) -> None:
    url = new_database("sqlite")
    with serving(url, home=home) as server:
        report = examine("--database-url", url, "--port", server.url.rpartition(":")[2])
    assert report.state == "ok", report
    assert "is running there already" in report.of("port")["found"]
    assert report.of("journal")["found"] == "write-ahead log"
    assert "as this program needs" in report.of("schema")["found"]


def test_that_there_are_no_accounts_is_told_and_is_wrong_where_others_come() -> None:
    nowhere = ("--host", "192.0.2.1")  # of a range that is nobody's
    here, others = examine(), examine(*nowhere)
    assert (here.of("accounts")["state"], others.of("accounts")["state"]) == ("ok", "broken")
    told = examine(*nowhere, env={"MODELYARD_INSECURE_NO_AUTH": "true"})
    assert told.of("accounts")["state"] == "warning"
    for report in (here, others, told):
        assert "modelyard admin init" in report.of("accounts")["remedy"]


@pytest.mark.parametrize("flavour", ["sqlite", pytest.param("postgresql", marks=pytest.mark.servers)])
def test_with_accounts_others_may_come(flavour: str, new_database: NewDatabase) -> None:
    url = new_database(flavour)
    migrate.upgrade(DatabaseUrl.parse(url))
    asyncio.run(Accounts(url).add("ann"))
    report = examine("--database-url", url, "--host", "192.0.2.1")
    assert report.of("accounts")["state"] == "ok"
    assert "everybody is asked" in report.of("accounts")["found"]


def test_a_port_that_another_program_has_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        report = examine("--port", str(taken.getsockname()[1]))
    assert (report.exit_code, report.of("port")["state"]) == (1, "broken")
    assert "taken by another program" in report.of("port")["found"]
    assert "--port" in report.of("port")["remedy"]


def test_a_collector_is_looked_for_where_one_is_set() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        there = examine(env={"MODELYARD_OTLP_ENDPOINT": f"http://127.0.0.1:{listening.getsockname()[1]}"})
    assert (there.of("collector")["state"], there.exit_code) == ("ok", 0)
    gone = examine(env={"MODELYARD_OTLP_ENDPOINT": f"http://ann:s3cret@127.0.0.1:{free_port()}"})
    assert (gone.of("collector")["state"], gone.exit_code) == ("warning", 0)
    assert "s3cret" not in str(gone)


@pytest.mark.servers
def test_a_provider_of_tokens_is_asked_for_its_keys_where_one_is_set(home: Path) -> None:
    provider = Identity(home)
    env = {"MODELYARD_OIDC_ISSUER": provider.issuer, "MODELYARD_OIDC_AUDIENCE": "modelyard"}
    with provider.running():
        there = examine(env=env)
    assert (there.of("identity provider")["state"], there.exit_code) == ("ok", 0)
    gone = examine(env=env)
    assert (gone.of("identity provider")["state"], gone.exit_code) == ("warning", 0)
    assert "MODELYARD_OIDC_ISSUER" in gone.of("identity provider")["remedy"]


def test_a_file_that_is_no_database_is_told(home: Path) -> None:
    (home / "modelyard.db").write_bytes(b"something else entirely" * 100)
    report = examine("--data-dir", ".")
    assert (report.exit_code, report.of("database")["state"]) == (1, "broken")
    assert "file is not a database" in report.of("database")["found"]


def test_a_schema_of_a_newer_program_is_told(home: Path) -> None:
    with sqlite3.connect(home / "modelyard.db") as connection:
        connection.executescript("CREATE TABLE alembic_version (version_num TEXT); INSERT INTO alembic_version VALUES ('9999')")
    connection.close()
    report = examine("--data-dir", ".")
    assert (report.exit_code, report.of("schema")["state"]) == (1, "broken")
    assert report.of("journal")["state"] == "warning"


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_server_that_cannot_be_reached_is_told(scheme: str) -> None:
    report = examine("--database-url", f"{scheme}://ann:s3cret@127.0.0.1:{free_port()}/models")
    assert (report.exit_code, report.of("database")["state"]) == (1, "broken")
    assert "cannot be reached" in report.of("database")["found"]
    assert "--database-url" in report.of("database")["remedy"]
    assert "s3cret" not in str(report)


@pytest.mark.servers
@pytest.mark.parametrize(
    ("flavour", "product", "risk"),
    [("postgresql", "PostgreSQL", "fsync is off"), ("mysql", "MariaDB", "innodb_flush_log_at_trx_commit is 2")],
)
def test_a_server_tells_what_it_risks(flavour: str, product: str, risk: str, new_database: NewDatabase, home: Path) -> None:
    url = new_database(flavour)
    report = examine("--database-url", url, "--workers", "30")
    assert report.exit_code == 0
    assert report.of("server version")["state"] == "ok"
    assert product in report.of("server version")["found"]
    assert "the first start makes the tables" in report.of("schema")["found"]
    risks = [finding for finding in report.findings if finding["check"] == "durability"]
    assert any(risk in finding["found"] and finding["state"] == "warning" for finding in risks)
    assert report.of("connections")["state"] == "warning"  # the tests' servers take 200
    assert report.of("clock")["state"] == "ok"
    with serving(url, home=home):
        assert "as this program needs" in examine("--database-url", url).of("schema")["found"]


@pytest.mark.servers
async def test_a_missing_right_is_told(new_database: NewDatabase) -> None:
    url = new_database("postgresql")
    connection = await asyncpg.connect(**DatabaseUrl.parse(url).connect_arguments())
    try:
        await connection.execute("CREATE ROLE stranger LOGIN PASSWORD 'stranger'; CREATE TABLE alembic_version (version_num text)")
        where = DatabaseUrl.parse(url)
        theirs = f"postgresql://stranger:stranger@{where.host}:{where.port}/{where.database}"
        report = await asyncio.to_thread(examine, "--database-url", theirs)
    finally:
        await connection.execute("DROP ROLE stranger")
        await connection.close()
    assert report.exit_code == 1
    [finding] = [finding for finding in report.findings if finding["state"] == "broken"]
    assert "permission denied for table alembic_version" in finding["found"]
