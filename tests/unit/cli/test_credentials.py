"""What stays on a machine after logging in."""

import stat
from pathlib import Path

import pytest

from modelyard.cli.credentials import Credentials, Login, UnreadableCredentials

HERE, THERE = "http://127.0.0.1:8080", "https://registry.example.org"


@pytest.fixture
def credentials(tmp_path: Path) -> Credentials:
    return Credentials({"XDG_CONFIG_HOME": str(tmp_path)})


def test_a_login_is_found_again_and_the_last_one_without_asking_for_it(credentials: Credentials) -> None:
    credentials.keep(Login(HERE, "one", 7))
    credentials.keep(Login(THERE + "/", "two"))

    assert credentials.find(HERE) == Login(HERE, "one", 7)
    assert credentials.find(None) == credentials.find(THERE)
    assert credentials.find("https://elsewhere.example.org") is None


def test_only_its_owner_can_read_the_file(credentials: Credentials) -> None:
    credentials.keep(Login(HERE, "secret"))

    assert stat.S_IMODE(credentials.path.stat().st_mode) == 0o600
    assert [entry.name for entry in credentials.path.parent.iterdir()] == ["credentials.json"]


def test_a_forgotten_login_is_gone_and_another_takes_its_place(credentials: Credentials) -> None:
    credentials.keep(Login(HERE, "one"))
    credentials.keep(Login(THERE, "two"))

    credentials.forget(THERE + "/")

    assert credentials.find(THERE) is None
    assert credentials.find(None) == Login(HERE, "one")
    assert b"two" not in credentials.path.read_bytes()


def test_the_environment_comes_before_the_file(credentials: Credentials, tmp_path: Path) -> None:
    credentials.keep(Login(HERE, "one"))
    named = Credentials({"XDG_CONFIG_HOME": str(tmp_path), "MODELYARD_SERVER": THERE, "MODELYARD_TOKEN": "two"})
    token = Credentials({"XDG_CONFIG_HOME": str(tmp_path), "MODELYARD_TOKEN": "two"})

    assert named.find(None) == Login(THERE, "two")
    assert token.find(None) == Login(HERE, "two")


def test_a_token_alone_is_for_no_server(tmp_path: Path) -> None:
    assert Credentials({"XDG_CONFIG_HOME": str(tmp_path), "MODELYARD_TOKEN": "two"}).find(None) is None


def test_a_file_of_something_else_is_told_and_left_alone(credentials: Credentials) -> None:
    credentials.path.parent.mkdir()
    credentials.path.write_text('{"logins": 3}')

    with pytest.raises(UnreadableCredentials, match=r"credentials\.json cannot be read"):
        credentials.keep(Login(HERE, "one"))
    assert credentials.path.read_text() == '{"logins": 3}'
