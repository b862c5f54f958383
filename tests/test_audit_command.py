"""The command `modelyard audit verify`: what it says, and how it ends."""

import json
import time

import httpx
import pytest
from typer.testing import CliRunner, Result

from modelyard.__main__ import app
from tests.conftest import NewDatabase, Serve
from tests.servers.sql import execute

MODELS = "/api/model_registry/v1alpha3/registered_models"


def verify(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["audit", "verify", "--database-url", url, *arguments], env={"COLUMNS": "200"}, prog_name="modelyard")


def sealed(url: str, events: int) -> str:
    """Wait until the server has sealed so many; returns the head's hash."""
    deadline = time.monotonic() + 60
    while True:
        told = json.loads(verify(url, "--json").stdout)
        assert told["intact"] is True
        if (told["sealed"], told["waiting"]) == (events, 0):
            head: str = told["head"]
            return head
        assert time.monotonic() < deadline, told
        time.sleep(0.2)


@pytest.fixture
def url(database_url: str, serve: Serve) -> str:
    """A store with three events, on each database, with its server still running."""
    server = serve(database_url)
    for name in "abc":
        assert httpx.post(server + MODELS, json={"name": name}).status_code == 201
    return database_url


def test_a_server_seals_and_tampering_shows(url: str) -> None:
    head = sealed(url, 3)
    intact = verify(url, "--expect", head)
    assert intact.exit_code == 0
    assert "is intact: 3 audit events are as they were sealed, 0 more wait" in intact.stdout
    assert f"Head of the chain: {head}" in intact.stdout

    missing = verify(url, "--expect", "f" * 64)
    assert missing.exit_code == 1
    assert "no seal has the hash ffff" in missing.stdout

    execute(url, "UPDATE audit_event SET actor = 'eve' WHERE record_id = 2")
    tampered = verify(url)
    assert tampered.exit_code == 1
    assert "was tampered with: event 2 is not what was sealed (seal " in tampered.stdout
    told = json.loads(verify(url, "--json").stdout)
    assert (told["intact"], told["tampering"]["harm"], told["tampering"]["event"]) == (False, "changed", 2)


def test_what_is_no_hash(new_database: NewDatabase) -> None:
    result = verify(new_database("sqlite"), "--expect", "abc")
    assert result.exit_code == 2
    assert "'abc' is no hash" in result.stderr


def test_a_store_that_is_not_there_is_told_and_not_made(new_database: NewDatabase) -> None:
    result = verify(new_database("sqlite"))
    assert result.exit_code == 1
    assert "there is no store to verify" in result.stderr
