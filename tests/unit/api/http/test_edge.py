import asyncio
import re
from collections.abc import MutableMapping

import msgspec
import pytest

from modelyard.access.memory_directory import MemoryDirectory
from modelyard.access.permissions import Permission
from modelyard.api.http.cold import ColdRoute
from modelyard.api.http.cors import Cors
from modelyard.api.http.edge import Edge
from modelyard.api.http.hosts import Hosts
from modelyard.api.http.message import Request, Response, json_response, text_response
from modelyard.tally import current_tally
from tests.unit.api.http.toy import LIMITS, PREFIX, Log, Toys, dialect, echo, operation, scope

TOYS = f"{PREFIX}/toys"
TOO_DEEP = "the request's body is nested more deeply than {} levels, the limit that the setting max_json_depth sets"


async def test_a_handler_gets_params_query_and_body() -> None:
    answer = await Toys().call("PATCH", f"{TOYS}/a%2Fb?name=x&name=y&empty=", body=b'{"a":1}')
    assert answer.status == 200
    assert answer.json == {"params": {"toyId": "a/b"}, "query": {"name": "x"}, "body": '{"a":1}'}


async def test_every_answer_says_its_type_length_and_id() -> None:
    answer = await Toys().call("GET", TOYS)
    assert answer.header("content-type") == "application/json; charset=UTF-8"
    assert answer.header("content-length") == str(len(answer.body))
    assert answer.header("vary") == "Origin"
    assert answer.header("x-request-id")


# --- request ids


async def test_a_sane_request_id_is_kept_and_any_other_replaced() -> None:
    toys = Toys()
    assert (await toys.call("GET", TOYS, {"X-Request-Id": "Ab-1_2.c"})).header("x-request-id") == "Ab-1_2.c"
    for bad in ["", "a b", "ä", "x" * 129, "a\r\nb"]:
        assert (await toys.call("GET", TOYS, {"X-Request-Id": bad})).header("x-request-id") not in (bad, None)


async def test_new_request_ids_differ_between_requests_and_servers() -> None:
    one, other = Toys(), Toys()
    ids = [(await toys.call("GET", TOYS)).header("x-request-id") for toys in (one, one, other, other)]
    assert len(set(ids)) == 4
    assert all(re.fullmatch(r"[A-Za-z0-9._-]{1,128}", given or "") for given in ids)


async def test_the_caller_knows_the_request_id_and_the_dialect() -> None:
    seen: list[Request] = []

    async def remember(request: Request) -> Response:
        seen.append(request)
        return Response(204, content_type=b"")

    toys = Toys(dialect([operation("GET", "/toys", remember)]))
    await toys.call("GET", TOYS, {"X-Request-Id": "r1"})
    assert (seen[0].caller.request_id, seen[0].caller.dialect, seen[0].operation) == ("r1", "toys", "GET /toys")


# --- routes


@pytest.mark.parametrize(
    "path", ["/", "/unknown", "/api/toys", PREFIX, f"{PREFIX}/", f"{TOYS}/", f"{PREFIX}/unknown", "/api/toys/v1beta/toys"]
)
async def test_an_unknown_route_is_plain_text(path: str) -> None:
    answer = await Toys().call("GET", path)
    assert (answer.status, answer.text) == (404, "404 page not found\n")
    assert answer.header("content-type") == "text/plain; charset=utf-8"
    assert answer.header("x-content-type-options") == "nosniff"


@pytest.mark.parametrize("method", ["DELETE", "HEAD", "OPTIONS", "PUT", "BREW"])
async def test_a_wrong_method_is_empty_with_one_allow_line_for_each_right_one(method: str) -> None:
    answer = await Toys().call(method, f"{TOYS}/1")
    assert (answer.status, answer.body) == (405, b"")
    assert answer.all("allow") == ["GET", "PATCH"]
    assert answer.header("content-type") is None
    assert answer.header("content-length") == "0"


async def test_one_prefix_may_begin_another() -> None:
    toys = Toys(dialect([operation("GET", "/old", echo)], "/api/v1"), dialect([operation("GET", "/new", echo)], "/api/v1/alpha"))
    for path, status in [("/api/v1/old", 200), ("/api/v1/alpha/new", 200), ("/api/v1/new", 404), ("/api/v1/alpha/old", 404)]:
        assert (await toys.call("GET", path)).status == status


async def test_before_routing_sees_unknown_paths_too() -> None:
    for path in (TOYS, f"{PREFIX}/unknown"):
        answer = await Toys().call("POST", path, body=b"banned")
        assert (answer.status, answer.json) == (400, {"error": "banned"})
    assert (await Toys().call("GET", "/elsewhere?banned")).status == 404


# --- failures


async def test_a_domain_error_is_rendered_by_the_dialect_and_is_no_incident() -> None:
    toys = Toys()
    answer = await toys.call("GET", f"{PREFIX}/fail?with=not+found")
    assert (answer.status, answer.json) == (404, {"error": "no toy 7"})
    assert toys.log.of("unhandled error") == []


async def test_a_store_that_is_not_up_yet_says_when_to_come_back() -> None:
    toys = Toys()
    answer = await toys.call("GET", f"{PREFIX}/fail?with=unavailable")
    assert (answer.status, answer.header("retry-after")) == (503, "2")
    assert toys.log.of("unhandled error") == []


@pytest.mark.parametrize(("how", "cause"), [("bug", ZeroDivisionError), ("recursion", RecursionError), ("worse", LookupError)])
async def test_a_fault_of_ours_is_a_500_and_logged_with_its_cause(how: str, cause: type[Exception]) -> None:
    toys = Toys()
    answer = await toys.call("GET", f"{PREFIX}/fail?with={how}", {"X-Request-Id": "r1"})
    assert answer.status == 500
    assert "fault of ours" not in answer.text
    (line,) = toys.log.of("unhandled error")
    assert isinstance(line["exc_info"], cause)
    assert line["request_id"] == "r1"


async def test_a_body_nested_too_deeply_is_refused() -> None:
    assert (await Toys().call("POST", TOYS, body=b"[" * 50 + b"]" * 50)).status == 200
    answer = await Toys().call("POST", TOYS, body=b"[" * 51 + b"]" * 51)
    assert (answer.status, answer.json) == (400, {"error": TOO_DEEP.format(50)})


async def test_a_decoder_that_gives_up_on_a_deep_body_is_the_callers_fault() -> None:
    answer = await Toys(limits=msgspec.structs.replace(LIMITS, json_depth=400)).call(
        "POST", f"{PREFIX}/fail?with=recursion", body=b"[" * 300
    )
    assert (answer.status, answer.json) == (400, {"error": TOO_DEEP.format(400)})


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        (f"{TOYS}?name={'x' * 3000}", {}),
        (f"{TOYS}/{'x' * 3000}", {}),
        (TOYS, {"Cookie": "x" * 3000}),
        (TOYS, {f"x-{number}": "" for number in range(30)}),
    ],
)
async def test_a_head_that_is_too_large_is_refused(target: str, headers: dict[str, str]) -> None:
    answer = await Toys().call("GET", target, headers)
    assert answer.status == 431
    assert "2000 bytes or 20 headers" in answer.text
    assert answer.header("connection") == "close"


@pytest.mark.parametrize("name", ["host", "origin", "content-length", "idempotency-key"])
async def test_a_header_that_must_be_single_is_refused_when_repeated(name: str) -> None:
    answer = await Toys().call("GET", TOYS, [("host", "localhost"), (name, "1"), (name, "1")])
    assert answer.status == 400
    assert name in answer.text


async def test_other_headers_may_repeat() -> None:
    assert (await Toys().call("GET", TOYS, [("accept", "a"), ("accept", "b")])).status == 200


async def test_a_name_that_is_not_ours_is_refused() -> None:
    answer = await Toys().call("GET", TOYS, {"Host": "evil.example"})
    assert answer.status == 403
    assert "evil.example" in answer.text
    assert "allowed_hosts" in answer.text


async def test_a_client_gone_before_the_answer_is_no_error() -> None:
    toys = Toys()

    async def receive() -> dict[str, object]:
        return {"type": "http.request"}

    async def send(_message: object) -> None:
        raise BrokenPipeError

    await toys.edge(scope("GET", TOYS, [("host", "localhost")]), receive, send)
    assert toys.log.lines == []


# --- routes outside the dialects


async def pong(request: Request) -> Response:
    return text_response(200, request.operation)


COLD = (
    ColdRoute(id="ping", path="/ping", handler=pong, permission=Permission.PUBLIC),
    ColdRoute(id="probe", suffix="/probe", handler=pong, permission=Permission.PUBLIC, methods=None, any_host=True),
)


async def test_cold_routes_answer_by_path_and_by_ending() -> None:
    toys = Toys(routes=COLD)
    assert (await toys.call("GET", "/ping")).text == "ping"
    assert (await toys.call("HEAD", "/ping")).status == 200
    assert (await toys.call("POST", "/ping")).all("allow") == ["GET"]
    for path in ("/probe", f"{PREFIX}/x/probe"):
        assert (await toys.call("BREW", path)).text == "probe"
    assert (await toys.call("GET", "/ping/")).status == 404


async def test_only_a_route_for_probes_answers_to_any_name() -> None:
    toys = Toys(routes=COLD)
    assert (await toys.call("GET", "/probe", {"Host": "10.1.2.3:8080"})).status == 200
    assert (await toys.call("GET", "/ping", {"Host": "10.1.2.3:8080"})).status == 403


async def test_a_cold_route_that_fails_is_a_500() -> None:
    async def broken(_request: Request) -> Response:
        raise OSError("disk")

    toys = Toys(routes=[ColdRoute(id="broken", path="/broken", handler=broken, permission=Permission.PUBLIC)])
    assert (await toys.call("GET", "/broken")).status == 500
    assert len(toys.log.of("unhandled error")) == 1


# --- what is recorded


async def test_each_answer_leaves_one_line_and_one_measurement() -> None:
    toys = Toys()
    await toys.call("GET", f"{TOYS}/7?secret=1", {"X-Request-Id": "r1"})
    await toys.call("GET", "/unknown")
    first, second = toys.log.of("request")
    assert first.pop("duration_ms") >= 0
    assert (first.pop("database_ms"), first.pop("statements")) == (0, 0)
    assert first == {
        "method": "GET",
        "path": f"{TOYS}/7",
        "status": 200,
        "dialect": "toys",
        "operation": "getToy",
        "request_id": "r1",
        "caller": "anonymous",
        "client": "127.0.0.1",
    }
    assert (second["status"], second["operation"], second["dialect"]) == (404, "", "ops")
    assert [measured[:2] for measured in toys.observed] == [("getToy", 200), ("", 404)]


async def test_what_a_request_asks_of_the_database_is_in_its_line() -> None:
    async def ask(request: Request) -> Response:
        for _ in range(int(request.query["times"])):
            await asyncio.sleep(0)
            current_tally.get().statements += 1
            current_tally.get().seconds += 0.002
        return json_response(200, {})

    toys = Toys(dialect([operation("GET", "/ask", ask)]))
    await asyncio.gather(*(toys.call("GET", f"{PREFIX}/ask?times={times}") for times in (1, 3, 2)))
    assert sorted((line["statements"], line["database_ms"]) for line in toys.log.of("request")) == [(1, 2.0), (2, 4.0), (3, 6.0)]


async def test_a_long_path_is_not_logged_in_full() -> None:
    toys = Toys()
    await toys.call("GET", "/" + "x" * 5000)
    (line,) = toys.log.of("request")
    assert (line["status"], len(line["path"])) == (431, 1000)


async def test_the_servers_start_and_stop_run_what_the_edge_was_given() -> None:
    ran: list[str] = []
    coming = ["lifespan.startup", "lifespan.shutdown"]

    async def start() -> None:
        ran.append("start")

    async def stop() -> None:
        ran.append("stop")

    async def receive() -> dict[str, object]:
        return {"type": coming.pop(0)}

    async def send(message: MutableMapping[str, object]) -> None:
        ran.append(str(message["type"]))

    edge = Edge(
        [], limits=LIMITS, cors=Cors(), hosts=Hosts(), logger=Log(), access=print, directory=MemoryDirectory(), startup=start, shutdown=stop
    )
    await edge({"type": "lifespan"}, receive, send)
    assert ran == ["start", "lifespan.startup.complete", "stop", "lifespan.shutdown.complete"]


async def test_a_websocket_is_turned_away() -> None:
    sent: list[object] = []

    async def receive() -> dict[str, object]:
        return {"type": "websocket.connect"}

    async def send(message: object) -> None:
        sent.append(message)

    await Toys().edge({"type": "websocket"}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1000}]
