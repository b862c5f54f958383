"""The command `modelyard check`: what it says, and how it ends."""

import json
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from modelyard.__main__ import app
from modelyard.store.folder import make_durable
from tests.conftest import NewDatabase, Serve
from tests.servers.sql import execute

MODELS = "/api/model_registry/v1alpha3/registered_models"


def check(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["check", "--database-url", url, *arguments], env={"COLUMNS": "200"}, prog_name="modelyard")


@pytest.fixture
def url(database_url: str, serve: Serve) -> str:
    """A store with one model, on each database, with its server still running."""
    model = {"name": "m", "customProperties": {"n": {"metadataType": "MetadataIntValue", "int_value": "1"}}}
    assert httpx.post(serve(database_url) + MODELS, json=model).status_code == 201
    return database_url


def test_it_finds_what_is_wrong_mends_the_index_and_says_so(url: str) -> None:
    healthy = check(url)
    assert healthy.exit_code == 0, healthy.output
    assert "is whole: 17 checks found nothing wrong." in healthy.stdout

    execute(url, "DELETE FROM property_number")
    broken = check(url)
    assert broken.exit_code == 1
    assert "property_number 1: n = 1.0 of this model is not indexed" in broken.stdout
    told = json.loads(check(url, "--json").stdout)
    assert told["whole"] is False
    assert [(finding["table"], finding["id"]) for finding in told["findings"]] == [("property_number", 1)]

    mended = check(url, "--repair-index", "--json")
    assert mended.exit_code == 0
    assert json.loads(mended.stdout)["repaired"] == {"removed": 0, "added": 1, "rebuilt": 0, "counted": 0}


def test_a_store_that_is_not_there_is_told_and_not_made(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "typo.db"
    result = check(f"sqlite:///{path}")
    assert result.exit_code == 1
    assert "folder/typo.db" in result.stderr
    assert not path.parent.exists()


def test_a_store_without_a_schema_is_told_what_to_do(new_database: NewDatabase) -> None:
    url = new_database("sqlite")
    Path(url.removeprefix("sqlite:///")).touch()
    result = check(url, "--repair-index")
    assert result.exit_code == 1
    assert "start a server" in result.stderr


def test_folders_are_made_as_deep_as_needed_and_again(tmp_path: Path) -> None:
    """That they are synced, the power cut of `tests/chaos` shows."""
    for _ in range(2):
        make_durable(tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()
