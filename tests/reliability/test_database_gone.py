"""The database server falls silent, or dies, under load: every request is answered, and when it is back so is everything else.

`OUTAGE_SECONDS=30` makes the outages as long as that; they are short otherwise.
"""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from modelyard.store.statements import Flavour
from modelyard.store.urls import DatabaseUrl
from tests.dialects.registry import Registry, unique
from tests.servers.mariadb import MariadbServer
from tests.servers.modelyard import serving
from tests.servers.postgres import PostgresServer
from tests.servers.server import DatabaseServer

pytestmark = pytest.mark.servers

OUTAGE = float(os.environ.get("OUTAGE_SECONDS", "1.5"))
CLIENTS, CONNECTIONS = 8, 3
LIMITS = {
    "MODELYARD_POOL_SIZE": str(CONNECTIONS),
    "MODELYARD_POOL_WAIT_SECONDS": "0.5",
    "MODELYARD_CONNECT_TIMEOUT_SECONDS": "1",
    "MODELYARD_STATEMENT_TIMEOUT_SECONDS": "2",
}
BOUND = 30
"""Seconds after which a request counts as hanging: three times the sum of these limits and the pool's grace."""
OPEN = {
    Flavour.POSTGRESQL: "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname = '{}'",
    Flavour.MYSQL: "SELECT count(*) FROM information_schema.processlist WHERE db = '{}'",
}


@pytest.fixture(scope="module", params=[pytest.param(PostgresServer, id="postgresql"), pytest.param(MariadbServer, id="mariadb")])
def database(request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    """A server that these tests may ill-treat."""
    server: DatabaseServer = request.param()
    try:
        server.start()
        yield server
    finally:
        server.close()


def fall_silent(database: DatabaseServer) -> Callable[[], None]:
    database.freeze()
    return database.thaw


def die(database: DatabaseServer) -> Callable[[], None]:
    database.kill()
    return database.start


class Load:
    """Clients that create, change and read models, each as fast as it is answered."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stop = threading.Event()
        self.acknowledged: dict[str, str] = {}
        """What each created model's owner was last said to be, by the model's id; "" before it was said to be any."""
        self.doubtful: set[str] = set()
        """Models whose last change was not acknowledged: it may have been made or not."""
        self.statuses: Counter[int] = Counter()
        self.complaints: set[str] = set()

    def begin(self, pool: ThreadPoolExecutor) -> list[Future[None]]:
        return [pool.submit(self._run) for _ in range(CLIENTS)]

    def end(self, clients: list[Future[None]]) -> None:
        self._stop.set()
        for client in clients:
            client.result()

    def until_served(self, times: int) -> None:
        """Wait until so many more requests have been served."""
        self._until(200, self.statuses[200] + times)

    def until_refused(self) -> None:
        """Wait until one has been."""
        self._until(503, 1)

    def _until(self, status: int, wanted: int) -> None:
        deadline = time.monotonic() + BOUND
        while self.statuses[status] < wanted:
            assert time.monotonic() < deadline, f"answered otherwise: {self.statuses} {self.complaints}"
            time.sleep(0.02)

    def _run(self) -> None:
        with httpx.Client(timeout=BOUND) as client:  # a request that hangs raises here, and fails the test
            registry = Registry(client, self._url)
            while not self._stop.is_set():
                created = self._seen(registry.post("/registered_models", {"name": unique("outage")}))
                if created.status_code != 201:
                    continue
                made = created.json()["id"]
                self.acknowledged[made] = ""
                changed = self._seen(registry.patch(f"/registered_models/{made}", {"owner": "ann"}))
                if changed.status_code == 200:
                    self.acknowledged[made] = "ann"
                else:
                    self.doubtful.add(made)
                self._seen(registry.get(f"/registered_models/{made}"))

    def _seen(self, response: httpx.Response) -> httpx.Response:
        self.statuses[response.status_code] += 1
        if response.status_code == 503:
            assert int(response.headers["retry-after"]) >= 1
            body = response.json()
            assert body.keys() == {"code", "message"}
            assert body["code"] == "Service Unavailable"
            self.complaints.add(body["message"])
        return response


@pytest.mark.parametrize("outage", [fall_silent, die])
def test_every_request_is_answered_and_all_heals(
    database: DatabaseServer, outage: Callable[[DatabaseServer], Callable[[], None]], tmp_path: Path
) -> None:
    url = database.new_database()
    with serving(url, home=tmp_path, env=LIMITS) as server, ThreadPoolExecutor(CLIENTS) as pool:
        load = Load(server.url)
        clients = load.begin(pool)
        load.until_served(30)
        mend = outage(database)
        time.sleep(OUTAGE)
        load.until_refused()
        assert httpx.get(f"{server.url}/healthz", timeout=BOUND).status_code == 200
        mend()
        load.until_served(60)
        load.end(clients)

        assert load.statuses.keys() <= {200, 201, 503}, load.statuses
        assert httpx.get(f"{server.url}/readyz", timeout=BOUND).status_code == 200
        assert connections(database, url) <= CONNECTIONS
        with httpx.Client(timeout=BOUND) as client:
            assert_kept(load, {model["id"]: model.get("owner", "") for model in Registry(client, server.url).items("/registered_models")})


def connections(database: DatabaseServer, url: str) -> int:
    """How many the database's server counts, once those are gone that it has only to notice."""
    parsed = DatabaseUrl.parse(url)
    sql = OPEN[parsed.flavour].format(parsed.database)
    deadline = time.monotonic() + BOUND
    while (found := int(database.execute(sql)[0][0])) > CONNECTIONS and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def assert_kept(load: Load, owners: dict[str, str]) -> None:
    """What was acknowledged is there."""
    assert load.acknowledged.keys() <= owners.keys()
    for made, owner in load.acknowledged.items():
        assert owners[made] == owner or made in load.doubtful


def test_a_start_while_it_is_silent_waits_no_longer_than_told(database: DatabaseServer, tmp_path: Path) -> None:
    url = database.new_database()
    database.freeze()
    try:
        with pytest.raises(RuntimeError, match="could not start on the database"), serving(url, home=tmp_path, env=LIMITS):
            pass
    finally:
        database.thaw()
