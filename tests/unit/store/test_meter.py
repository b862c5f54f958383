from typing import Any

import pytest
from structlog.testing import capture_logs

from modelyard.store.meter import Meter
from modelyard.store.statements import Flavour
from modelyard.tally import Tally, current_tally


@pytest.fixture(autouse=True)
def tally() -> Tally:
    tally = Tally("request-1")
    current_tally.set(tally)
    return tally


def told(meter: Meter, name: str, seconds: float, result: object) -> list[dict[str, Any]]:
    with capture_logs() as lines:
        meter.ran(name, seconds, result)
    return [dict(line) for line in lines]


def test_statements_are_counted_by_name_and_for_the_request(tally: Tally) -> None:
    meter = Meter(Flavour.SQLITE)
    for name in ("get model", "list model", "get model"):
        meter.ran(name, 0.25, None)
    assert {name: (cost.count, cost.seconds) for name, cost in meter.statements.items()} == {
        "get model": (2, 0.5),
        "list model": (1, 0.25),
    }
    assert (tally.statements, tally.seconds) == (3, 0.75)


def test_a_slow_statement_is_logged_with_its_name_and_its_request() -> None:
    meter = Meter(Flavour.POSTGRESQL, slow_seconds=0.5)
    assert told(meter, "get model", 0.499, None) == []
    assert told(meter, "list model", 1.5, [("a secret",), ("another",)]) == [
        {
            "event": "slow statement",
            "log_level": "warning",
            "statement": "list model",
            "duration_ms": 1500.0,
            "database": "postgresql",
            "rows": 2,
            "request_id": "request-1",
        }
    ]


@pytest.mark.parametrize(("result", "rows"), [((("a",), ("b",)), 2), ((), 0), ([], 0), (("one row", 2), None), (None, None), (7, None)])
def test_rows_are_told_where_they_are_known(result: object, rows: int | None) -> None:
    [line] = told(Meter(Flavour.MYSQL, slow_seconds=0.5), "some", 1, result)
    assert line.get("rows") == rows


def test_a_slow_commit_is_logged_as_a_statement_is() -> None:
    with capture_logs() as lines:
        Meter(Flavour.SQLITE, slow_seconds=0.5).committed(3, 0.75)
    [line] = lines
    assert (line["event"], line["statement"], line["duration_ms"], line["request_id"]) == ("slow statement", "COMMIT", 750, "request-1")


def test_0_logs_none() -> None:
    assert told(Meter(Flavour.SQLITE, slow_seconds=0), "get model", 1e9, None) == []
