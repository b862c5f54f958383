"""Clients that send slowly, nothing, or without end, and those that do not read: each costs the server little, and not for long."""

import itertools
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from perf.cpu import ProcessTree
from tests.conftest import NewDatabase
from tests.reliability.holding import nobody_can_write
from tests.reliability.wire import connected, head, read_all, read_answer, send_until_refused, status
from tests.servers.modelyard import Serving, serving

MODELS = "/api/model_registry/v1alpha3/registered_models"
IMPATIENT, PATIENT = 0.4, 1.0
"""Seconds that the two servers of these tests wait for a client."""
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def database_url(new_database: NewDatabase) -> str:
    return new_database("sqlite")


@pytest.fixture(scope="module")
def server(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(database_url, home=tmp_path_factory.mktemp("impatient"), env=waiting(IMPATIENT)) as running:
        yield running


def waiting(seconds: float) -> dict[str, str]:
    return {"MODELYARD_CLIENT_TIMEOUT_SECONDS": str(seconds)}


def drip(client: socket.socket, content: bytes) -> bytes:
    """Send a byte every twentieth of a second until the server ends the connection; returns what it said."""
    client.settimeout(0.05)
    received = b""
    for byte in itertools.chain(content):
        try:
            client.sendall(bytes([byte]))
            data = client.recv(65536)
        except TimeoutError:
            continue
        except ConnectionError:
            return received
        received += data
        if not data:
            return received
    raise AssertionError("the server took it all")


def test_a_connection_that_says_nothing_is_closed_without_a_word(server: Serving) -> None:
    with connected(server.url) as client:
        assert read_all(client) == b""


def test_a_head_that_comes_byte_by_byte_is_given_up(server: Serving) -> None:
    with connected(server.url) as client:
        answer = drip(client, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: " + b"x" * 200)
    assert status(answer) == 408
    assert b"connection: close" in answer


def test_so_is_a_second_head_on_a_connection_that_was_served(server: Serving) -> None:
    with connected(server.url) as client:
        client.sendall(head("GET", "/healthz"))
        assert status(read_answer(client)) == 200
        assert status(drip(client, b"GET /healthz HTTP/1.1\r\nX-Slow: " + b"x" * 200)) == 408


def test_empty_lines_do_not_keep_a_connection_open(server: Serving) -> None:
    with connected(server.url) as client:
        client.sendall(head("GET", "/healthz"))
        assert status(read_answer(client)) == 200
        drip(client, b"\r\n" * 200)


def test_a_connection_that_rests_too_long_is_closed_without_a_word(server: Serving) -> None:
    with connected(server.url) as client:
        client.sendall(head("GET", "/healthz"))
        assert status(read_answer(client)) == 200
        assert read_all(client) == b""


@pytest.mark.parametrize("framing", ["Content-Length: 100000", "Transfer-Encoding: chunked"])
def test_a_body_that_comes_byte_by_byte_is_given_up(server: Serving, framing: str) -> None:
    with connected(server.url) as client:
        client.sendall(head("POST", MODELS, framing))
        content = b'{"name": "' + b"x" * 200 if "Length" in framing else b"1\r\nx\r\n" * 50
        assert status(drip(client, content)) == 408


def test_a_body_that_stops_is_given_up(server: Serving) -> None:
    with connected(server.url) as client:
        client.sendall(head("POST", MODELS, "Content-Length: 100000") + b'{"name": ')
        assert status(read_all(client)) == 408


def test_what_takes_long_and_is_no_slowness_of_the_client(database_url: str, tmp_path: Path) -> None:
    """A rest between two requests, a long body that keeps coming, an answer that the server is slow to give."""
    body = b'{"name": "took its time", "description": "' + b"x" * 40_000 + b'"}'
    with serving(database_url, home=tmp_path, env=waiting(PATIENT)) as server, connected(server.url) as client:
        client.sendall(head("GET", "/healthz"))
        assert status(read_answer(client)) == 200
        time.sleep(PATIENT * 1.5)
        client.sendall(head("POST", MODELS, f"Content-Length: {len(body)}"))
        for start in range(0, len(body), 5000):
            client.sendall(body[start : start + 5000])
            time.sleep(PATIENT / 5)  # nine times
        assert status(read_answer(client)) == 201
        with nobody_can_write(database_url):
            client.sendall(head("POST", MODELS, "Content-Length: 15", "Connection: close") + b'{"name": "two"}')
            time.sleep(PATIENT * 1.5)
        assert status(read_all(client)) == 201


def test_a_head_without_end_is_refused_early(server: Serving) -> None:
    before = ProcessTree(server.child.pid).resident_bytes()
    with connected(server.url) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nX-Long: ")
        sent = send_until_refused(client, b"x" * 65536, 200 * MIB)
    assert sent < 20 * MIB  # what the system's own buffers took
    assert ProcessTree(server.child.pid).resident_bytes() - before < 10 * MIB


def test_trailers_without_end_are_refused_early(server: Serving) -> None:
    before = ProcessTree(server.child.pid).resident_bytes()
    with connected(server.url) as client:
        client.sendall(head("POST", MODELS, "Transfer-Encoding: chunked") + b"1\r\n{\r\n0\r\nX-Long: ")
        sent = send_until_refused(client, b"x" * 65536, 200 * MIB)
    assert sent < 20 * MIB
    assert ProcessTree(server.child.pid).resident_bytes() - before < 10 * MIB


@pytest.mark.parametrize("framing", ["Content-Length: 104857600", "Transfer-Encoding: chunked"])
def test_a_body_of_100_mb_is_refused_early(server: Serving, framing: str) -> None:
    """With a length before any of it, in chunks as soon as there is too much of it; the client reads why."""
    before = ProcessTree(server.child.pid).resident_bytes()
    piece = b"x" * 65536
    chunk = piece if "Length" in framing else b"10000\r\n" + piece + b"\r\n"
    with connected(server.url) as client:
        client.sendall(head("POST", MODELS, framing, "Content-Type: application/json"))
        send_until_refused(client, chunk, 20 * MIB)  # a little over what it takes
        answer = read_answer(client)
        assert status(answer) == 413
        assert b"larger than 16777216 bytes" in answer
        assert send_until_refused(client, chunk, 200 * MIB) < 100 * MIB
    assert ProcessTree(server.child.pid).resident_bytes() - before < 40 * MIB


def test_a_client_that_stops_reading_is_given_up(server: Serving) -> None:
    for number in range(20):
        httpx.post(server.url + MODELS, json={"name": f"long {number}", "description": "x" * 60_000}).raise_for_status()
    whole = len(httpx.get(server.url + MODELS).content)
    with connected(server.url, receive_buffer=4096) as client:
        client.sendall(head("GET", MODELS) * 20)
        time.sleep(IMPATIENT * 5)
        assert len(read_all(client)) < 20 * whole
    assert httpx.get(f"{server.url}/healthz").status_code == 200
