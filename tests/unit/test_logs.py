"""Log lines: JSON that machines read, errors that people understand."""

import io
import json
import logging
import sys
from typing import Any

import pytest

from modelyard import logs
from modelyard.errors import Unavailable
from modelyard.settings import LogFormat, LogLevel


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Everything logged from here on, read back. Standard error is a plain file, as under a service manager."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    monkeypatch.setattr(sys, "stderr", stream)
    logs.configure(LogLevel.INFO, LogFormat.JSON)

    def read() -> list[dict[str, Any]]:
        return [json.loads(line) for line in stream.buffer.getvalue().splitlines()]

    yield read
    monkeypatch.undo()
    logs.configure(LogLevel.INFO, LogFormat.JSON)


def test_a_line_has_time_level_event_and_what_was_bound(lines: Any) -> None:
    logs.logger().bind(request_id="r1").info("request", status=200)
    [line] = lines()
    assert list(line) == ["time", "level", "event", "request_id", "status"]
    assert (line["level"], line["event"], line["request_id"], line["status"]) == ("info", "request", "r1", 200)
    assert line["time"].endswith("Z")


def test_what_is_less_serious_than_the_level_is_left_out(lines: Any) -> None:
    logs.logger().debug("detail")
    assert lines() == []


def test_an_error_of_the_domain_is_a_sentence_and_any_other_a_stack_trace(lines: Any) -> None:
    for problem in (Unavailable("the database does not answer"), ZeroDivisionError("oops")):
        logs.logger().error("failed", exc_info=problem)
    ours, other = lines()
    assert ours["error"] == "the database does not answer"
    assert "exception" not in ours
    assert "ZeroDivisionError: oops" in other["exception"]


def test_what_libraries_say_has_the_same_form(lines: Any) -> None:
    logging.getLogger("asyncio").warning("slow %s", "callback")
    [line] = lines()
    assert (line["event"], line["library"], line["level"]) == ("slow callback", "asyncio", "warning")


def test_a_value_that_json_does_not_know_is_shown_all_the_same(lines: Any) -> None:
    logs.logger().info("odd", value={1, 2}, path=object)
    [line] = lines()
    assert line["event"] == "odd"
