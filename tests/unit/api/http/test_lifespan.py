from collections.abc import Awaitable, Callable
from typing import Any

from modelyard.api.http.lifespan import run_lifespan
from tests.unit.api.http.toy import Log


async def run(
    startup: Callable[[], Awaitable[None]] | None,
    shutdown: Callable[[], Awaitable[None]] | None,
    log: Log,
    failed_start: Callable[[Exception], None] | None = None,
) -> list[Any]:
    told: list[Any] = []
    coming = ["lifespan.startup", "lifespan.shutdown"]

    async def receive() -> dict[str, Any]:
        told.append(coming[0])
        return {"type": coming.pop(0)}

    async def send(message: Any) -> None:
        told.append(message)

    async def noted(name: str, hook: Callable[[], Awaitable[None]] | None) -> None:
        told.append(name)
        if hook is not None:
            await hook()

    await run_lifespan(receive, send, lambda: noted("startup", startup), lambda: noted("shutdown", shutdown), log, failed_start)
    return told


async def fail() -> None:
    raise ValueError("the port is taken")


async def test_start_and_stop_run_in_their_time() -> None:
    assert await run(None, None, Log()) == [
        "lifespan.startup",
        "startup",
        {"type": "lifespan.startup.complete"},
        "lifespan.shutdown",
        "shutdown",
        {"type": "lifespan.shutdown.complete"},
    ]


async def test_a_failing_start_is_told_and_logged_and_ends_there() -> None:
    log = Log()
    told = await run(fail, None, log)
    assert told[-1] == {"type": "lifespan.startup.failed", "message": "ValueError: the port is taken"}
    assert log.of("lifespan failed") == [{"stage": "startup"}]
    assert "shutdown" not in told


async def test_who_asked_is_told_of_a_failing_start_and_the_log_is_not() -> None:
    log, failures = Log(), list[Exception]()
    told = await run(fail, None, log, failures.append)
    assert told[-1] == {"type": "lifespan.startup.failed", "message": ""}
    assert [str(error) for error in failures] == ["the port is taken"]
    assert log.of("lifespan failed") == []


async def test_a_failing_stop_is_told_too() -> None:
    told = await run(None, fail, Log())
    assert told[-1]["type"] == "lifespan.shutdown.failed"
