from modelyard.api.http.message import Request
from modelyard.api.ops.traffic import Traffic
from modelyard.context import Caller
from modelyard.tally import Tally


def answered(traffic: Traffic, method: str, operation: str, status: int = 200) -> None:
    request = Request(method, "/a/path", caller=Caller(dialect="toys", request_id="1"))
    request.operation = operation
    tally = Tally("1")
    tally.statements, tally.seconds = 2, 0.125
    traffic.observe(request, status, 0.25, tally)


def test_answers_are_counted_with_what_they_cost() -> None:
    traffic = Traffic()
    for status in (200, 404, 200):
        answered(traffic, "GET", "getToy", status)
    [(key, served)] = traffic.served.items()
    assert key == ("toys", "getToy", "GET")
    assert served.statuses == {200: 2, 404: 1}
    assert (sum(served.durations.counts), served.durations.total) == (3, 0.75)
    assert (served.statements, served.database_seconds) == (6, 0.375)


def test_clients_cannot_make_up_more_keys() -> None:
    traffic = Traffic()
    for method in ("BREW", "WHEN", "BREW", "GET", "GET"):
        answered(traffic, method, "")
    assert {key: served.statuses[200] for key, served in traffic.served.items()} == {
        ("toys", "none", "other"): 3,
        ("toys", "none", "GET"): 2,
    }
