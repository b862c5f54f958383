import asyncio

import pytest

from modelyard import errors
from modelyard.api.http.idempotency import Produce, fingerprint, replayed
from modelyard.api.http.message import Request, Response, json_response
from modelyard.context import Caller
from tests.unit.api.http.toy import PREFIX, Toys, dialect, operation

TOYS = f"{PREFIX}/toys"
KEY = {"Idempotency-Key": "k1"}


class MemoryRunner:
    """Keeps answers in a dictionary; one request at a time."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, int, str], tuple[str, Response]] = {}
        self._one_at_a_time = asyncio.Lock()

    async def run(self, caller: Caller, key: str, fingerprint: str, produce: Produce) -> Response:
        place = (caller.dialect, caller.project, key)
        async with self._one_at_a_time:
            if place in self.kept:
                known, response = self.kept[place]
                if known != fingerprint:
                    raise errors.ReusedKey(f"Idempotency-Key {key} was used for another request")
                return replayed(response)
            response = await produce()
            self.kept[place] = (fingerprint, response)
            return response


class Shop:
    """Makes toys, numbered from 1; refuses those that are called `bad`, and answers 409 for `taken` without raising."""

    def __init__(self) -> None:
        self.made = 0
        self.runner = MemoryRunner()
        operations = [operation("POST", "/toys", self.make), operation("PATCH", "/toys", self.make)]
        self.toys = Toys(dialect(operations), idempotency=self.runner)

    async def make(self, request: Request) -> Response:
        await asyncio.sleep(0)
        if request.body == b"bad":
            raise errors.Invalid("a bad toy")
        if request.body == b"taken":
            return json_response(409, {"error": "taken"})
        self.made += 1
        return json_response(201, {"id": self.made}, ((b"etag", b'"1"'),))


async def test_a_post_with_a_key_takes_effect_once() -> None:
    shop = Shop()
    first = await shop.toys.call("POST", TOYS, KEY, b"a")
    again = await shop.toys.call("POST", TOYS, KEY, b"a")
    assert (first.status, first.json) == (again.status, again.json) == (201, {"id": 1})
    assert first.header("etag") == again.header("etag") == '"1"'
    assert (first.header("idempotency-replayed"), again.header("idempotency-replayed")) == (None, "true")
    assert shop.made == 1


async def test_requests_with_one_key_at_the_same_time_take_effect_once() -> None:
    shop = Shop()
    answers = await asyncio.gather(*(shop.toys.call("POST", TOYS, KEY, b"a") for _ in range(5)))
    assert [answer.json for answer in answers] == [{"id": 1}] * 5
    assert shop.made == 1


async def test_without_a_key_or_with_another_each_takes_effect() -> None:
    shop = Shop()
    for headers in ({}, {}, KEY, {"Idempotency-Key": "k2"}):
        await shop.toys.call("POST", TOYS, headers, b"a")
    assert shop.made == 4


async def test_only_posts_have_keys() -> None:
    shop = Shop()
    await shop.toys.call("PATCH", TOYS, KEY, b"a")
    await shop.toys.call("PATCH", TOYS, KEY, b"a")
    assert shop.made == 2
    assert shop.runner.kept == {}


@pytest.mark.parametrize(("target", "body"), [(TOYS, b"b"), (f"{TOYS}?name=x", b"a")])
async def test_a_key_is_of_one_request_only(target: str, body: bytes) -> None:
    shop = Shop()
    await shop.toys.call("POST", TOYS, KEY, b"a")
    answer = await shop.toys.call("POST", target, KEY, body)
    assert (answer.status, answer.json) == (422, {"error": "Idempotency-Key k1 was used for another request"})


@pytest.mark.parametrize(("body", "status"), [(b"bad", 400), (b"taken", 409)])
async def test_a_failure_is_not_kept_so_that_a_mended_request_may_use_the_key(body: bytes, status: int) -> None:
    shop = Shop()
    assert (await shop.toys.call("POST", TOYS, KEY, body)).status == status
    assert shop.runner.kept == {}
    assert (await shop.toys.call("POST", TOYS, KEY, b"a")).status == 201


@pytest.mark.parametrize("key", ["", "a b", "ä", "x" * 256, "a\tb"])
async def test_a_bad_key_is_refused(key: str) -> None:
    shop = Shop()
    answer = await shop.toys.call("POST", TOYS, {"Idempotency-Key": key}, b"a")
    assert answer.status == 400
    assert "Idempotency-Key must be 1 to 255 visible ASCII characters" in answer.json["error"]
    assert shop.made == 0


@pytest.mark.parametrize("key", ["1", "x" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "!~"])
async def test_any_visible_ascii_is_a_key(key: str) -> None:
    assert (await Shop().toys.call("POST", TOYS, {"Idempotency-Key": key}, b"a")).status == 201


async def test_a_server_without_a_runner_ignores_keys() -> None:
    assert (await Toys().call("POST", TOYS, {"Idempotency-Key": "a b"})).status == 200


def test_a_fingerprint_tells_every_part_from_its_neighbour() -> None:
    def request(method: str = "POST", path: str = "/a", query: bytes = b"q", body: bytes = b"b") -> Request:
        return Request(method, path, caller=Caller(dialect="toys", request_id="r"), query_string=query, body=body)

    others = [
        request("PUT"),
        request(path="/aq", query=b""),
        request(query=b"", body=b"qb"),
        request(query=b"q\nb", body=b""),
        request(path='/a","q'),
    ]
    prints = {fingerprint(other) for other in [request(), *others]}
    assert len(prints) == 6
    assert fingerprint(request()) == fingerprint(request())
    assert all(len(text) == 64 for text in prints)
