"""More clients than the server can serve: it says so at once, and goes on serving the others."""

import contextlib
import select
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from perf.cpu import ProcessTree
from tests.conftest import NewDatabase
from tests.dialects.registry import unique
from tests.reliability.holding import nobody_can_write
from tests.reliability.wire import connected, head, read_all, read_answer, status
from tests.servers.client import PoolPerRequest
from tests.servers.modelyard import Serving, serving

MODELS = "/api/model_registry/v1alpha3/registered_models"
MOST_REQUESTS, MOST_CONNECTIONS = 4, 8


@pytest.fixture(scope="module")
def database_url(new_database: NewDatabase) -> str:
    return new_database("sqlite")


@pytest.fixture(scope="module")
def server(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    home: Path = tmp_path_factory.mktemp("overload")
    limits = {"MODELYARD_MAX_CONCURRENT_REQUESTS": str(MOST_REQUESTS), "MODELYARD_MAX_CONNECTIONS": str(MOST_CONNECTIONS)}
    with serving(database_url, home=home, env=limits) as running:
        yield running


def create(url: str) -> httpx.Response:
    return httpx.post(url + MODELS, json={"name": unique()}, timeout=30)


def one_too_many(pool: ThreadPoolExecutor, work: Callable[[], httpx.Response]) -> tuple[set[Future[httpx.Response]], httpx.Response]:
    """Begin one request more than are served at a time, none of which can end; returns those that wait, and the refusal."""
    done, waiting = wait([pool.submit(work) for _ in range(MOST_REQUESTS + 1)], return_when=FIRST_COMPLETED)
    (refused,) = done
    return waiting, refused.result()


def test_one_request_too_many_is_refused_at_once_and_the_others_are_served(server: Serving, database_url: str) -> None:
    with ThreadPoolExecutor(MOST_REQUESTS + 1) as pool:
        with nobody_can_write(database_url):
            waiting, refused = one_too_many(pool, lambda: create(server.url))
            assert refused.status_code == 503
            assert refused.headers["retry-after"] == "1"
            assert refused.json()["code"] == "Service Unavailable"
            assert "max_concurrent_requests" in refused.json()["message"]
            assert httpx.get(f"{server.url}/healthz").status_code == 200
            assert httpx.get(f"{server.url}/readyz").status_code == 200
        assert [request.result().status_code for request in waiting] == [201] * MOST_REQUESTS
    assert create(server.url).status_code == 201


def test_a_request_whose_body_is_still_to_come_takes_no_place(server: Serving) -> None:
    with ExitStack() as clients:
        for _ in range(MOST_REQUESTS + 1):
            client = clients.enter_context(connected(server.url))
            client.sendall(head("POST", MODELS, "Content-Length: 100") + b"{")
        assert create(server.url).status_code == 201


def test_a_connection_too_many_is_refused_and_those_before_it_are_served(server: Serving) -> None:
    with ExitStack() as clients:
        served = [clients.enter_context(connected(server.url)) for _ in range(MOST_CONNECTIONS)]
        refused = httpx.get(server.url + MODELS)
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert refused.headers["connection"] == "close"
        assert "max_connections" in refused.json()["message"]
        assert httpx.get(f"{server.url}/healthz").status_code == 200
        for client in served:
            client.sendall(head("GET", MODELS, "Connection: close"))
            assert status(read_all(client)) == 200
    assert httpx.get(server.url + MODELS).status_code == 200


def test_far_too_many_connections_are_not_even_listened_to(server: Serving) -> None:
    with ExitStack() as clients:
        for _ in range(MOST_CONNECTIONS + MOST_CONNECTIONS // 4):
            clients.enter_context(connected(server.url))
        with connected(server.url) as client, contextlib.suppress(ConnectionError):
            client.sendall(head("GET", "/healthz"))
            assert read_all(client) == b""


def test_unfinished_bodies_do_not_fill_the_memory(new_database: NewDatabase, tmp_path: Path) -> None:
    """Sixteen of the largest may be under way; here come twice as many, and none of them ends."""
    largest = 1024 * 1024
    with serving(new_database("sqlite"), home=tmp_path, env={"MODELYARD_MAX_BODY_BYTES": str(largest)}) as server, ExitStack() as clients:
        tree = ProcessTree(server.child.pid)
        before = tree.resident_bytes()
        stalled = [clients.enter_context(connected(server.url)) for _ in range(32)]
        for client in stalled:
            client.sendall(head("POST", MODELS, f"Content-Length: {largest}") + b"x" * (largest - 1))
        answered: list[socket.socket] = []
        while len(answered) < len(stalled) - 16:
            answered, _, _ = select.select(stalled, [], [], 10)
            assert answered, "no more of them are refused"
        for answer in map(read_answer, answered):
            assert status(answer) == 503
            assert b"retry-after: 1" in answer
            assert b"still coming" in answer
        assert tree.resident_bytes() - before < 40 * largest
        assert create(server.url).status_code == 201


def test_a_storm_is_answered_and_passes(new_database: NewDatabase, tmp_path: Path) -> None:
    """Eight times as many clients as are served at a time, each coming again until it is served."""
    with serving(new_database("sqlite"), home=tmp_path, env={"MODELYARD_MAX_CONCURRENT_REQUESTS": "8"}) as server:
        tree = ProcessTree(server.child.pid)

        def persist(client: httpx.Client) -> Counter[int]:
            answers: Counter[int] = Counter()
            while answers[201] < 5:
                response = client.post(server.url + MODELS, json={"name": unique()})
                answers[response.status_code] += 1
            return answers

        with httpx.Client(timeout=30, transport=PoolPerRequest()) as client, ThreadPoolExecutor(64) as pool:
            persist(client)
            before = tree.resident_bytes()
            total: Counter[int] = sum(pool.map(lambda _: persist(client), range(64)), Counter())
        assert total.keys() <= {201, 503}
        assert total[201] == 5 * 64
        assert tree.resident_bytes() - before < 20 * 1024 * 1024
        assert httpx.get(server.url + MODELS, params={"pageSize": "1"}).status_code == 200
