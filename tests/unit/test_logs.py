"""Log lines: JSON that machines read, errors that people understand."""

import asyncio
import io
import json
import logging
import sys
from typing import Any

import msgspec
import pytest

from modelyard import logs
from modelyard.errors import Unavailable
from modelyard.logs import Access
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


LINE = Access("GET", "/a", 200, 1.5, 0.5, 2, "kubeflow", "getModel", "r1", "ann")


async def test_the_lines_of_requests_are_written_together_when_the_loop_turns(lines: Any) -> None:
    access = logs.access_log()
    access(LINE)
    access(msgspec.structs.replace(LINE, request_id="r2"))
    assert lines() == []
    await asyncio.sleep(0)
    first, second = lines()
    assert list(first)[:3] == ["time", "level", "event"]
    assert (first["event"], first["level"], first["path"], first["status"], first["duration_ms"]) == ("request", "info", "/a", 200, 1.5)
    assert (first["request_id"], second["request_id"]) == ("r1", "r2")


async def test_requests_leave_no_line_above_their_level(lines: Any) -> None:
    logs.configure(LogLevel.WARNING, LogFormat.JSON)
    logs.access_log()(LINE)
    await asyncio.sleep(0)
    assert lines() == []


async def test_people_get_the_same_fields(lines: Any, capsys: pytest.CaptureFixture[str]) -> None:
    del lines
    with capsys.disabled():
        stream = io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "stderr", stream)
            logs.configure(LogLevel.INFO, LogFormat.CONSOLE)
            logs.access_log()(LINE)
    assert "getModel" in stream.getvalue()
