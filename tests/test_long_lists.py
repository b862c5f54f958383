"""A list without a page size is sent as it is read: however long it is and however slowly it is taken, the server stays small."""

import http.client
import re
import shutil
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest

from modelyard.store import migrate
from modelyard.store.urls import DatabaseUrl
from tests.servers.modelyard import Serving, serving

MODELS = "/api/model_registry/v1alpha3/registered_models"
ROWS = 200_000
MIB = 2**20

_FILL = f"""
    WITH RECURSIVE number(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < {ROWS})
    INSERT INTO model (id, project_id, name, properties, created_at, updated_at, revision, trashed)
    SELECT n, 1, 'model-' || n, '{{"accuracy":0.' || n || ',"framework":"onnx","team":"team-' || (n % 50) || '"}}', n, n, 1, 0 FROM number
"""  # noqa: S608 - our own constant


class Model(msgspec.Struct):
    id: str


class Listed(msgspec.Struct, rename="camel"):
    items: list[Model]
    next_page_token: str
    page_size: int
    size: int


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("many") / "many.db"
    migrate.upgrade(DatabaseUrl.parse(f"sqlite:///{path}"))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(_FILL)
        connection.execute("UPDATE id_sequence SET value = ? WHERE name = 'resource'", (ROWS,))
    return path


@pytest.fixture(scope="module")
def server(filled: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(f"sqlite:///{filled}", home=tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def own(filled: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copy(filled, tmp_path / "own.db"))


@pytest.fixture
def own_server(own: Path, tmp_path: Path) -> Iterator[Serving]:
    with serving(f"sqlite:///{own}", home=tmp_path) as running:
        yield running


def memory(server: Serving, what: str) -> int:
    """`VmHWM`: the most that was resident. `RssAnon`: now, without pages of the database's file."""
    status = Path(f"/proc/{server.child.pid}/status").read_text()
    found = re.search(rf"{what}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


@contextmanager
def asked(server: Serving, query: str = "") -> Iterator[http.client.HTTPResponse]:
    """The head of the answer is read; the body waits. The small buffer makes the server feel a reader that does not read."""
    address = urlsplit(server.url)
    client = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
    client.sock = socket.socket()
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)
    client.sock.settimeout(60)
    client.sock.connect((address.hostname, address.port))
    with closing(client):
        client.request("GET", MODELS + query)
        with client.getresponse() as answer:
            yield answer


def read(server: Serving, query: str) -> Listed:
    with asked(server, query) as answer:
        return msgspec.json.decode(answer.read(), type=Listed)


def test_two_hundred_thousand_models_at_once(server: Serving) -> None:
    most = before = memory(server, "RssAnon")
    parts = []
    with asked(server) as answer:
        while part := answer.read(8 * MIB):
            parts.append(part)
            most = max(most, memory(server, "RssAnon"))

    body = b"".join(parts)
    listed = msgspec.json.decode(body, type=Listed)
    assert answer.getheader("transfer-encoding") == "chunked"
    assert [int(model.id) for model in listed.items] == list(range(1, ROWS + 1))
    assert (listed.size, listed.page_size, listed.next_page_token) == (ROWS, 0, "")
    assert body.endswith(b"}\n")
    assert len(body) > 60 * MIB
    assert most - before < 60 * MIB
    assert memory(server, "VmHWM") < 512 * MIB


def test_a_large_page_is_sent_in_parts_too_and_its_token_goes_on(server: Serving) -> None:
    listed = read(server, "?pageSize=150001&sortOrder=DESC")
    assert [int(model.id) for model in listed.items] == list(range(ROWS, ROWS - 150_001, -1))
    assert (listed.size, listed.page_size) == (150_001, 150_001)

    rest = read(server, f"?pageSize=150001&sortOrder=DESC&nextPageToken={listed.next_page_token}")
    assert [int(model.id) for model in rest.items] == list(range(ROWS - 150_001, 0, -1))
    assert rest.next_page_token == ""


def test_a_reader_that_waits_costs_no_memory_and_misses_nothing(own_server: Serving) -> None:
    before = memory(own_server, "RssAnon")
    with asked(own_server) as answer:
        time.sleep(2)
        assert memory(own_server, "RssAnon") - before < 60 * MIB

        created = httpx.post(own_server.url + MODELS, json={"name": "meanwhile"}).json()["id"]
        httpx.patch(f"{own_server.url}{MODELS}/{ROWS}", json={"description": "changed"}).raise_for_status()

        listed = msgspec.json.decode(answer.read(), type=Listed)
    assert [int(model.id) for model in listed.items] == [*range(1, ROWS + 1), int(created)]


def test_a_list_that_fails_half_way_ends_without_an_end(own_server: Serving, own: Path) -> None:
    with asked(own_server) as answer:
        with closing(sqlite3.connect(own)) as other, other:
            other.execute("ALTER TABLE model RENAME TO gone")
        with pytest.raises(http.client.IncompleteRead) as caught:
            answer.read()

    assert caught.value.partial.startswith(b'{"items":[{')
    assert "answer cut off" in own_server.child.tail()


def test_a_short_list_has_a_length(server: Serving) -> None:
    with asked(server, "?filterQuery=name%20LIKE%20%27model-1999%25%27") as answer:
        listed = msgspec.json.decode(answer.read(), type=Listed)
        assert answer.getheader("content-length") is not None
    assert (listed.size, listed.next_page_token) == (111, "")
