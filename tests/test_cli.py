"""The commands that talk to a server, against a real one."""

import http.server
import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from modelyard import app as composition
from modelyard.__main__ import app
from modelyard.settings import Settings
from tests.servers.modelyard import serving

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> None:
    """Tests before these may have left a handler that writes what the HTTP client logs where commands write their answers."""
    caplog.set_level(logging.WARNING, "httpx")


class Machine:
    """Someone's machine: commands run there, with what they keep in a folder of its own."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self._environ = {"XDG_CONFIG_HOME": str(folder), "COLUMNS": "200", "MODELYARD_SERVER": "", "MODELYARD_TOKEN": "", **environ}

    def run(self, *arguments: str, typed: str = "") -> Result:
        return CliRunner().invoke(app, arguments, input=typed, env=self._environ, prog_name="modelyard")

    def does(self, *arguments: str, typed: str = "") -> str:
        """What the command wrote to standard output."""
        result = self.run(*arguments, typed=typed)
        assert result.exit_code == 0, result.output
        return result.stdout

    def knows(self, *arguments: str) -> list[dict[str, object]]:
        found: list[dict[str, object]] = json.loads(self.does(*arguments, "--json"))
        return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('store') / 'modelyard.db'}"


@pytest.fixture(scope="module")
def token(store: str) -> str:
    """The first admin's."""
    return composition.admit_admin(Settings(database_url=store), "admin", again=False).text


@pytest.fixture(scope="module")
def url(store: str, token: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    assert token  # whoever has it made the store
    with serving(store, home=tmp_path_factory.mktemp("server")) as server:
        yield server.url


@pytest.fixture
def admin(url: str, token: str, tmp_path: Path) -> Machine:
    machine = Machine(tmp_path / "admin")
    assert "as admin" in machine.does("login", url, typed=token + "\n")
    return machine


def test_who_has_not_logged_in_is_told_how(tmp_path: Path) -> None:
    result = Machine(tmp_path).run("user", "list")

    assert result.exit_code == 1
    assert "modelyard login URL" in result.stderr


def test_a_user_logs_in_by_password_does_what_the_role_allows_and_logs_out(admin: Machine, url: str, tmp_path: Path) -> None:
    admin.does("user", "create", "ann", "--password", typed=PASSWORD + "\n")
    ann = Machine(tmp_path / "ann")

    assert "as ann" in ann.does("login", url, "--user", "ann", typed=PASSWORD + "\n")
    assert "No role" in ann.does("whoami")
    assert ann.run("user", "list").exit_code == 1

    admin.does("grant", "add", "ann", "viewer", "--project", "default")
    assert "viewer" in ann.does("whoami")
    [made] = ann.knows("token", "list")
    assert str(made["label"]).startswith("login on")

    ann.does("logout")
    assert [one for one in admin.knows("token", "list", "--user", "ann") if one["id"] == made["id"]] == []
    assert ann.run("whoami").exit_code == 1


def test_a_wrong_password_logs_nobody_in_and_keeps_nothing(admin: Machine, url: str, tmp_path: Path) -> None:
    admin.does("user", "create", "bob", "--password", typed=PASSWORD + "\n")
    bob = Machine(tmp_path / "bob")

    refused = bob.run("login", url, "--user", "bob", typed="wrong\n")
    assert (refused.exit_code, refused.stderr) == (1, "the name or the password is wrong\n")
    assert not (tmp_path / "bob").exists()


def test_a_login_that_fails_leaves_the_one_before(admin: Machine, url: str) -> None:
    refused = admin.run("login", url, typed="no-token\n")

    assert refused.exit_code == 1
    assert "log in again" not in refused.stderr
    assert admin.run("login", "http://127.0.0.1:9", typed="no-token\n").exit_code == 1
    assert "admin" in admin.does("whoami")


@pytest.mark.parametrize("typed", ["", "no token", "t\u00f6ken"])
def test_what_is_no_token_is_not_sent(tmp_path: Path, url: str, typed: str) -> None:
    refused = Machine(tmp_path).run("login", url, typed=f"{typed}\n")
    assert (refused.exit_code, "the token is empty, or has" in refused.stderr) == (2, True)


def test_a_server_of_the_environment_must_have_a_url(tmp_path: Path) -> None:
    refused = Machine(tmp_path, MODELYARD_SERVER="models", MODELYARD_TOKEN="t").run("whoami")
    assert (refused.exit_code, "is no URL of a server" in refused.stderr) == (2, True)


def test_a_service_gets_a_token_that_does_no_more_than_its_scope(admin: Machine, url: str, tmp_path: Path) -> None:
    admin.does("user", "create", "pipeline", "--service")
    admin.does("grant", "add", "pipeline", "admin")
    text = admin.does("token", "create", "--user", "pipeline", "--label", "nightly", "--scope", "viewer", "--days", "1").strip()
    pipeline = Machine(tmp_path / "pipeline", MODELYARD_SERVER=url, MODELYARD_TOKEN=text)

    assert "at most as viewer" in pipeline.does("whoami")
    assert "accounts:manage" in pipeline.run("user", "list").stderr
    [made] = admin.knows("token", "list", "--user", "pipeline")
    assert (made["label"], made["scope"]) == ("nightly", "viewer")

    admin.does("token", "revoke", str(made["id"]), "--anyone")
    assert "MODELYARD_TOKEN" in pipeline.run("whoami").stderr


def test_accounts_are_changed_and_removed(admin: Machine) -> None:
    admin.does("project", "create", "research")
    admin.does("user", "create", "carl", "--home", "research")
    admin.does("user", "disable", "carl")
    [carl] = [one for one in admin.knows("user", "list") if one["name"] == "carl"]
    assert (carl["home"], carl["disabled"], carl["has_password"]) == ("research", True, False)

    admin.does("user", "enable", "carl")
    admin.does("user", "move", "carl", "default")
    admin.does("user", "password", "carl", typed=PASSWORD + "\n")
    [carl] = [one for one in admin.knows("user", "list") if one["name"] == "carl"]
    assert (carl["home"], carl["disabled"], carl["has_password"]) == ("default", False, True)

    admin.does("user", "remove", "carl")
    assert "carl" in admin.run("user", "remove", "carl").stderr


def test_grants_and_projects_are_listed_and_taken_back(admin: Machine) -> None:
    admin.does("user", "create", "dora")
    admin.does("project", "create", "field-work")
    admin.does("grant", "add", "dora", "contributor", "--project", "field-work")
    [grant] = admin.knows("grant", "list", "--user", "dora")
    assert (grant["role"], grant["project"]) == ("contributor", "field-work")

    admin.does("grant", "remove", str(grant["id"]))
    admin.does("project", "archive", "field-work")

    assert admin.knows("grant", "list", "--user", "dora") == []
    assert "field-work  yes" in admin.does("project", "list")
    admin.does("project", "archive", "field-work", "--undo")
    assert "field-work  no" in admin.does("project", "list")


def test_what_the_server_refuses_is_told_in_its_words(admin: Machine) -> None:
    result = admin.run("grant", "add", "nobody", "king")

    assert result.exit_code == 1
    assert result.stderr == "role is 'king': use one of viewer, contributor, deployer, admin\n"


def test_a_server_that_does_not_answer_is_told(tmp_path: Path) -> None:
    result = Machine(tmp_path, MODELYARD_SERVER="http://127.0.0.1:9", MODELYARD_TOKEN="x").run("whoami")

    assert result.exit_code == 1
    assert "no server answers at http://127.0.0.1:9" in result.stderr


def test_another_program_at_the_port_is_told(tmp_path: Path) -> None:
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>hello</html>")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Page) as other:
        threading.Thread(target=other.handle_request).start()
        there = f"http://127.0.0.1:{other.server_port}"
        result = Machine(tmp_path, MODELYARD_SERVER=there, MODELYARD_TOKEN="x").run("whoami")

    assert result.exit_code == 1
    assert "no Modelyard server" in result.stderr


def test_a_token_is_not_sent_unencrypted_beyond_this_machine(tmp_path: Path) -> None:
    result = Machine(tmp_path).run("login", "http://registry.example.org", typed="x\n")

    assert result.exit_code == 2
    assert "--insecure" in result.stderr
