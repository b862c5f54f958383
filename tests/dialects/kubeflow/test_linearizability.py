"""Create, get and patch of one record, by many clients over two servers: as if each request happened at one moment."""

import random
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.dialects.kubeflow.linearizability import Operation, State, is_linearizable
from tests.dialects.registry import Registry, on_pairs_too, unique

CLIENTS, REQUESTS, RECORDS = 8, 12, 4
ALWAYS = ["create", "read"]
ONCE_KNOWN = ["read", "change", "change", "change what I saw", "change what I saw"]


class Client:
    """Creates, reads and changes the model of one name, at random, and writes down what it saw."""

    def __init__(self, registry: Registry, name: str, number: int) -> None:
        self._registry = registry
        self._name = name
        self._number = number
        self._random = random.Random(f"{name} {number}")  # noqa: S311 - what to do next is no secret
        self._id = ""
        self._revision = 0
        self.history: list[Operation] = []

    def run(self) -> list[Operation]:
        for number in range(REQUESTS):
            value = f"{self._number}.{number}"
            match self._random.choice(ALWAYS + (ONCE_KNOWN if self._id else [])):
                case "create":
                    self._request("POST", value)
                case "read":
                    self._request("GET")
                case "change":
                    self._request("PATCH", value)
                case "change what I saw":
                    self._request("PATCH", value, self._revision)
        return self.history

    def _request(self, method: str, value: str = "", expected: int | None = None) -> None:
        called = time.monotonic_ns()
        response = self._send(method, value, expected)
        returned = time.monotonic_ns()
        seen = None
        if response.is_success:
            body = response.json()
            self._id, self._revision = body["id"], int(response.headers["etag"].strip('"'))
            seen = State(body["owner"], self._revision)
        self.history.append(Operation(called, returned, method, response.status_code, value, expected, seen))

    def _send(self, method: str, value: str, expected: int | None) -> httpx.Response:
        registry = self._registry
        if method == "POST":
            return registry.post("/registered_models", {"name": self._name, "owner": value})
        if method == "GET":
            # By id where it is known: the two ways to read must tell the same story.
            return registry.get(f"/registered_models/{self._id}") if self._id else registry.get("/registered_model", name=self._name)
        headers = None if expected is None else {"If-Match": f'"{expected}"'}
        return registry.patch(f"/registered_models/{self._id}", {"owner": value}, headers=headers)


@on_pairs_too
def test_requests_to_one_record_happen_one_after_another(registry: Registry) -> None:
    for _ in range(RECORDS):
        name = unique("linear")
        clients = [Client(registry, name, number) for number in range(CLIENTS)]
        with ThreadPoolExecutor(CLIENTS) as pool:
            history = [operation for told in pool.map(Client.run, clients) for operation in told]
        assert {operation.status for operation in history} <= {200, 201, 404, 409, 412}
        assert {operation.status for operation in history} >= {200, 201, 409}
        assert is_linearizable(history), "\n".join(map(str, sorted(history)))


class TestChecker:
    """It would notice."""

    CREATED = Operation(0, 10, "POST", 201, "a", seen=State("a", 1))
    CHANGED = Operation(20, 30, "PATCH", 200, "b", seen=State("b", 2))

    def test_a_story_in_order(self) -> None:
        read = Operation(40, 50, "GET", 200, seen=State("b", 2))
        assert is_linearizable([read, self.CHANGED, self.CREATED])

    @pytest.mark.parametrize("value", [State("a", 1), State("b", 2)])
    def test_a_read_beside_a_change_may_see_either(self, value: State) -> None:
        read = Operation(25, 50, "GET", 200, seen=value)
        assert is_linearizable([self.CREATED, self.CHANGED, read])

    def test_a_read_after_a_change_sees_it(self) -> None:
        stale = Operation(31, 50, "GET", 200, seen=State("a", 1))
        assert not is_linearizable([self.CREATED, self.CHANGED, stale])

    def test_two_reads_do_not_go_back_in_time(self) -> None:
        new = Operation(21, 22, "GET", 200, seen=State("b", 2))
        old = Operation(23, 24, "GET", 200, seen=State("a", 1))
        assert not is_linearizable([self.CREATED, self.CHANGED, new, old])
        assert is_linearizable([self.CREATED, self.CHANGED, old._replace(called=20), new])

    def test_a_name_is_given_once(self) -> None:
        assert not is_linearizable([self.CREATED, self.CREATED._replace(value="c", seen=State("c", 1))])

    def test_a_lost_update(self) -> None:
        other = Operation(20, 30, "PATCH", 200, "c", seen=State("c", 2))
        assert not is_linearizable([self.CREATED, self.CHANGED, other])
        assert is_linearizable([self.CREATED, self.CHANGED, other._replace(seen=State("c", 3))])

    def test_a_demand_that_was_not_met(self) -> None:
        late = Operation(40, 50, "PATCH", 412, "c", expected=1)
        assert is_linearizable([self.CREATED, self.CHANGED, late])
        assert not is_linearizable([self.CREATED, self.CHANGED, late._replace(expected=2)])
