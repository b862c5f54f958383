"""The command line: what it refuses, with which words and which exit code."""

import json
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import jwt
import msgspec
import pytest
import structlog
from typer.testing import CliRunner, Result

from modelyard import __version__, server
from modelyard.__main__ import app
from modelyard.settings import handed

pytestmark = pytest.mark.usefixtures("away_from_the_project")


@pytest.fixture(autouse=True)
def logs_go_where_they_went() -> Iterator[None]:
    """A command sets up logging for its process; here it would write into the runner's stream, which closes with the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def run(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200", **environ}, prog_name="modelyard")


@pytest.mark.parametrize("arguments", [("version",), ("--version",)])
def test_the_version_is_told(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 0
    assert __version__ in result.stdout


def test_without_a_command_the_help_is_shown() -> None:
    assert "serve" in run().output


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("serve", "--porte", "1"), "--port"),
        (("serve", "--port", "http"), "http"),
        (("serve", "--port", "70000"), "65535"),
        (("serve", "--log-level", "loud"), "warning"),
        (("serve", "--config", "nowhere.toml"), "nowhere.toml"),
        (("serve", "--workers", "2"), "on SQLite one is the fastest"),
        (("serve", "--database-url", "oracle://db"), "postgresql://"),
        (("serve", "--database-url", "postgres"), "--database-url"),
        (("check", "--database-url", "postgresql://db:port/models"), "--database-url"),
        (("admin", "wipe", "now"), "now"),
    ],
)
def test_a_mistake_is_explained_and_exits_2(arguments: tuple[str, ...], word: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert word in result.stderr
    assert "Traceback" not in result.output


def test_an_unknown_variable_stops_the_start() -> None:
    result = run("serve", MODELYARD_PROT="1")
    assert result.exit_code == 2
    assert "MODELYARD_PORT" in result.stderr


def test_a_database_of_the_original_s_variables_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    result = run("serve", "--port", "0", MR_EMBEDMD_DATABASE_DSN="root:s3cret@nowhere")
    assert result.exit_code == 2
    assert "MR_EMBEDMD_DATABASE_DSN" in result.stderr
    assert "MODELYARD_DATABASE_URL" in result.stderr
    assert "s3cret" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_taken_port_is_told_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("serve", "--port", str(taken.getsockname()[1]))
    assert result.exit_code == 1
    assert "taken" in result.stderr
    assert "--port" in result.stderr


def test_a_data_folder_that_cannot_be_made_is_told_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = run("serve", "--data-dir", str(tmp_path / "file" / "data"))
    assert result.exit_code == 1
    assert "--data-dir" in result.stderr


def test_a_ready_file_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    result = run("serve", "--ready-file", str(tmp_path / "nowhere" / "ready.json"), "--port", "0", "--data-dir", str(tmp_path))
    assert (result.exit_code, "--ready-file" in result.stderr) == (1, True)


@pytest.mark.parametrize("command", [("check",), ("audit", "verify"), ("admin", "init"), ("admin", "wipe", "--yes")])
def test_a_file_that_is_no_database_is_told(command: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "modelyard.db").write_bytes(b"something else entirely" * 100)
    result = run(*command, "--data-dir", str(tmp_path))
    assert (result.exit_code, "make sure that it is a SQLite database" in result.stderr.replace("\n", " ")) == (1, True), result.output


def test_a_store_that_may_not_be_written_is_not_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelyard.app.os.access", lambda path, mode: not (mode & os.W_OK and Path(path).suffix == ".db"))
    result = run("admin", "init", "--data-dir", str(tmp_path))
    assert (result.exit_code, "may not write" in result.stderr) == (1, True)


def test_the_first_admin_is_made_with_the_store_and_once(tmp_path: Path) -> None:
    data = ("--data-dir", str(tmp_path / "data"))
    made = run("admin", "init", "--name", "ada", *data)
    assert made.exit_code == 0
    assert jwt.decode(made.stdout.strip(), options={"verify_signature": False})["sub"] == "ada", "the token is alone on standard output"
    assert "shown this once" in made.stderr

    second = run("admin", "init", "--name", "eve", *data)
    assert second.exit_code == 1
    assert second.stdout == ""
    assert "--again" in second.stderr

    mistyped = run("admin", "init", "--name", "adda", "--again", *data)
    assert mistyped.exit_code == 1
    assert "adda" in mistyped.stderr

    again = run("admin", "init", "--name", "ada", "--again", *data)
    assert again.exit_code == 0
    assert again.stdout not in ("", made.stdout)


def test_an_admin_has_a_name_that_accounts_can_have(tmp_path: Path) -> None:
    result = run("admin", "init", "--name", "a b", "--data-dir", str(tmp_path))
    assert result.exit_code == 1
    assert "letters" in result.stderr


def test_wipe_without_yes_removes_nothing_and_says_what_it_would_remove(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "modelyard.db").write_bytes(b"precious")
    result = run("admin", "wipe", "--data-dir", str(data))
    assert result.exit_code == 2
    assert "--yes" in result.stderr
    assert "modelyard.db" in result.stderr
    assert (data / "modelyard.db").read_bytes() == b"precious"


def test_wipe_does_not_show_a_password() -> None:
    result = run("admin", "wipe", "--database-url", "postgresql://ann:s3cret@db/models")
    assert "postgresql://ann:***@db/models" in result.stderr


def test_port_0_is_a_free_port() -> None:
    with server.bind("127.0.0.1", 0) as first, server.bind("127.0.0.1", 0) as second:
        assert first.getsockname()[1] != second.getsockname()[1]


def test_the_ready_file_is_written_whole(tmp_path: Path) -> None:
    server._write_ready_file(tmp_path / "ready.json", "http://127.0.0.1:1")
    assert json.loads((tmp_path / "ready.json").read_text()) == {"url": "http://127.0.0.1:1", "pid": os.getpid()}
    assert [path.name for path in tmp_path.iterdir()] == ["ready.json"]


def test_an_unknown_host_is_told_with_what_to_do() -> None:
    with pytest.raises(server.CannotStartError, match="--host"):
        server.bind("no-such-host.invalid", 0)


def test_handed_settings_are_checked_like_any_input() -> None:
    with pytest.raises(msgspec.ValidationError):
        handed({"MODELYARD_HANDED_SETTINGS": '{"port": "x"}'})
