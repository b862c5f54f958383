"""The program as a process: how it starts, stops without dropping requests, and what it says when it cannot start."""

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from modelyard.store import migrate
from modelyard.store.schema import HEAD
from modelyard.store.urls import DatabaseUrl
from tests.conftest import NewDatabase, Serve
from tests.servers.modelyard import serving
from tests.servers.process import free_port
from tests.servers.sql import execute

MODELS = "/api/model_registry/v1alpha3/registered_models"


def command(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MODELYARD_", "MR_"))}
    return subprocess.run(
        [sys.executable, "-m", "modelyard", *arguments], cwd=home, env=inherited, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_request_in_flight_is_finished_before_the_server_stops(new_database: NewDatabase, tmp_path: Path) -> None:
    with serving(new_database("sqlite"), home=tmp_path) as server:
        address = urlsplit(server.url)
        body = b'{"name": "in flight"}'
        with socket.create_connection((address.hostname, address.port), timeout=10) as client:
            head = f"POST {MODELS} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: {len(body)}\r\n\r\n"
            client.sendall(head.encode() + body[:5])
            httpx.get(f"{server.url}/healthz")  # answered after the head above was read
            os.kill(server.child.pid, signal.SIGTERM)
            server.child.wait_until(lambda: refuses(address.port or 0))
            client.sendall(body[5:])
            answer = b"".join(iter(lambda: client.recv(65536), b""))  # until the server closes
        assert answer.startswith(b"HTTP/1.1 201")
        assert b"in flight" in answer


def refuses(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_exits_with_0_and_takes_its_ready_file_along(number: signal.Signals, tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-m", "modelyard", "serve", "--port", "0", "--ready-file", str(ready), "--data-dir", str(tmp_path / "data")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            welcome = "".join(itertools.islice(process.stdout, 16))
            told = json.loads(ready.read_bytes())
            process.send_signal(number)
            assert process.wait(20) == 0
        finally:
            process.kill()
    assert told["pid"] == process.pid
    for shown in (told["url"], f"{told['url']}/docs", "curl", str(tmp_path / "data"), "modelyard admin init"):
        assert shown in welcome
    assert not ready.exists()


def test_what_was_stored_is_there_after_a_restart(new_database: NewDatabase, tmp_path: Path) -> None:
    url = new_database("sqlite")
    for number, home in enumerate((tmp_path / "first", tmp_path / "second")):
        home.mkdir()
        with serving(url, home=home) as server:
            assert httpx.get(server.url + MODELS).json()["size"] == number
            httpx.post(server.url + MODELS, json={"name": f"model {number}"}).raise_for_status()


@pytest.mark.servers
@pytest.mark.parametrize("flavour", ["postgresql", "mysql"])
def test_several_workers_share_one_port_and_one_database(flavour: str, serve: Serve, new_database: NewDatabase) -> None:
    url = serve(new_database(flavour), "--workers", "2")
    names = [f"model {number}" for number in range(20)]
    for name in names:
        httpx.post(url + MODELS, json={"name": name}).raise_for_status()  # each on a connection of its own, so on either worker
    assert [model["name"] for model in httpx.get(url + MODELS).json()["items"]] == names


@pytest.mark.parametrize("workers", ["1", "2"])
def test_without_its_database_it_says_so_and_exits_with_1(workers: str, tmp_path: Path) -> None:
    url = f"postgresql://ann:s3cret@127.0.0.1:{free_port()}/models"
    result = command("serve", "--port", "0", "--workers", workers, "--database-url", url, home=tmp_path)
    assert result.returncode == 1
    [sentence] = result.stderr.splitlines()
    assert sentence.startswith(f"The server could not start on the database {url.replace('s3cret', '***')}: PostgreSQL cannot be reached: ")
    assert sentence.endswith("Start that database, or correct its address by --database-url or MODELYARD_DATABASE_URL.")
    assert sentence.count("refused") == 1
    assert "try again" not in sentence


def test_on_a_file_that_is_no_database_it_says_so_and_exits_with_1(tmp_path: Path) -> None:
    (tmp_path / "modelyard.db").write_bytes(b"something else entirely" * 100)
    result = command("serve", "--port", "0", "--data-dir", ".", home=tmp_path)
    assert result.returncode == 1
    [sentence] = result.stderr.splitlines()
    assert sentence.startswith(f"The server could not start on the SQLite file {tmp_path / 'modelyard.db'}: ")
    assert "file is not a database" in sentence
    assert sentence.endswith("or choose another place by --data-dir.")


@pytest.mark.parametrize(
    ("flavour", "order"),
    [
        pytest.param("sqlite", ("serve", "--port", "0"), id="sqlite"),
        pytest.param("sqlite", ("admin", "wipe", "--yes"), id="sqlite-wipe"),
        pytest.param("postgresql", ("serve", "--port", "0"), id="postgresql", marks=pytest.mark.servers),
        pytest.param("mysql", ("serve", "--port", "0"), id="mariadb", marks=pytest.mark.servers),
    ],
)
def test_an_older_program_leaves_a_newer_ones_store_alone_and_says_what_to_do(
    flavour: str, order: tuple[str, ...], new_database: NewDatabase, tmp_path: Path
) -> None:
    database_url = new_database(flavour)
    migrate.upgrade(DatabaseUrl.parse(database_url))
    execute(database_url, "UPDATE alembic_version SET version_num = '0999'")
    result = command(*order, "--database-url", database_url, home=tmp_path)
    assert result.returncode == 1
    [sentence] = result.stderr.splitlines()
    assert f"the store was made by a newer Modelyard (schema 0999, this program knows {HEAD})" in sentence
    assert sentence.removesuffix(".").endswith("start a newer version, or restore a backup")
    assert list(execute(database_url, "SELECT version_num FROM alembic_version")) == [("0999",)]


def test_a_body_of_the_deepest_nesting_that_can_be_set_is_read(new_database: NewDatabase, serve: Serve) -> None:
    url = serve(new_database("sqlite"), env={"MODELYARD_MAX_JSON_DEPTH": "900"})
    messages = {}
    for depth in (900, 901):
        inner = depth - 1
        body = '{"name": "deep", "customProperties": ' + "[" * inner + "]" * inner + "}"
        answer = httpx.post(url + MODELS, content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 400
        messages[depth] = answer.json()["message"]
    assert "customProperties" in messages[900]
    assert "nested more deeply than 900 levels" in messages[901]
    assert "max_json_depth" in messages[901]


def test_wipe_empties_a_store(database_url: str, tmp_path: Path) -> None:
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
    with serving(database_url, home=tmp_path / "before") as server:
        httpx.post(server.url + MODELS, json={"name": "gone soon"}).raise_for_status()
    assert command("admin", "wipe", "--yes", "--database-url", database_url, home=tmp_path).returncode == 0
    with serving(database_url, home=tmp_path / "after") as server:
        assert httpx.get(server.url + MODELS).json()["items"] == []
