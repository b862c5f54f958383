import pytest

from tests.unit.api.http.toy import LIMITS, PREFIX, Gone, Toys, exchange, scope

TOYS = f"{PREFIX}/toys"


async def test_a_body_may_come_in_pieces() -> None:
    answer = await Toys().call("POST", TOYS, body=[b"a", b"", b"bc", b""])
    assert answer.json["body"] == "abc"


async def test_a_get_may_have_a_body() -> None:
    assert (await Toys().call("GET", TOYS, body=b"abc")).json["body"] == "abc"
    assert (await Toys().call("GET", TOYS, body=[b"a", b"b"])).json["body"] == "ab"


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_of_the_limit_is_taken_and_one_byte_more_is_not(chunked: bool) -> None:  # noqa: FBT001 - pytest fills it; nobody calls it with a bare True
    whole = b"x" * LIMITS.body
    assert (await Toys().call("POST", TOYS, body=[whole] if chunked else whole)).status == 200
    answer = await Toys().call("POST", TOYS, body=[whole, b"x"] if chunked else whole + b"x")
    assert answer.status == 413
    assert "1000 bytes" in answer.json["error"]


async def test_a_declared_length_is_refused_unread_and_the_connection_closed_when_the_client_has_stopped() -> None:
    toys = Toys()
    request = scope("POST", TOYS, [("host", "localhost"), ("content-length", "5000")])
    chunks = [{"type": "http.request", "body": b"x" * 1000, "more_body": number < 4} for number in range(5)]
    left = list(chunks)
    answer = await exchange(toys.edge, request, left)
    assert answer.status == 413
    assert answer.header("connection") == "close"


async def test_a_stream_without_end_is_refused_while_it_flows() -> None:
    toys = Toys()
    request = scope("POST", TOYS, [("host", "localhost"), ("transfer-encoding", "chunked")])
    answer = await exchange(toys.edge, request, [{"type": "http.request", "body": b"x" * 600, "more_body": True}] * 9)
    assert answer.status == 413
    assert answer.header("connection") == "close"


async def test_a_client_that_waits_for_100_continue_is_not_waited_for() -> None:
    asked = 0

    async def receive() -> dict[str, object]:
        nonlocal asked
        asked += 1
        return {"type": "http.disconnect"}

    sent: list[object] = []

    async def send(message: object) -> None:
        sent.append(message)

    headers = [("host", "localhost"), ("content-length", "5000"), ("expect", "100-continue")]
    await Toys().edge(scope("POST", TOYS, headers), receive, send)
    assert asked == 0
    assert len(sent) == 2


async def test_a_client_that_goes_away_is_no_error() -> None:
    toys = Toys()
    request = scope("POST", TOYS, [("host", "localhost"), ("content-length", "500")])
    with pytest.raises(Gone):
        await exchange(toys.edge, request, [{"type": "http.request", "body": b"x", "more_body": True}])
    assert toys.log.lines == []
