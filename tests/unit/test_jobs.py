"""Jobs run over and over beside the requests; a failure ends none of them."""

import asyncio

import pytest
import structlog

from modelyard import app, jobs
from modelyard.errors import Unavailable
from modelyard.jobs import Job, Jobs
from modelyard.settings import Settings
from tests.store.trails import sealing_of
from tests.unit.world import memory_world


class Work:
    """Fails in its first runs, `failures` times."""

    def __init__(self, failures: int = 0, wanted: int = 3) -> None:
        self.runs = 0
        self.done = asyncio.Event()
        self._failures = failures
        self._wanted = wanted

    async def __call__(self) -> None:
        self.runs += 1
        if self.runs == self._wanted:
            self.done.set()
        if self.runs <= self._failures:
            raise Unavailable("the store is away") if self.runs % 2 else ZeroDivisionError("a fault of ours")


async def test_each_runs_again_and_again_whatever_the_others_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "SOON", 0.001)
    well, badly = Work(), Work(failures=99)
    running = Jobs([Job("well", 0.001, well), Job("badly", 3600, badly)])

    with structlog.testing.capture_logs() as lines:
        running.start()
        await asyncio.wait_for(asyncio.gather(well.done.wait(), badly.done.wait()), 10)
        await running.stop()

    assert {(line["event"], line["job"], line["retry_seconds"]) for line in lines} == {("job failed", "badly", 0.001)}
    assert [type(line["exc_info"]) for line in lines[:2]] == [Unavailable, ZeroDivisionError]


async def test_stopping_ends_one_that_is_at_work_and_waits_for_it() -> None:
    begun, ended = asyncio.Event(), False

    async def work() -> None:
        nonlocal ended
        begun.set()
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)
            ended = True

    running = Jobs([Job("long", 0.001, work)])
    running.start()
    await asyncio.wait_for(begun.wait(), 10)

    await running.stop()

    assert ended


async def test_those_that_were_never_started_can_be_stopped() -> None:
    await Jobs([Job("idle", 1, Work())]).stop()


ALWAYS = ["seal audit events", "remove ended tokens"]


@pytest.mark.parametrize(("days", "names"), [(30, [*ALWAYS, "purge the trash"]), (0, ALWAYS)])
def test_a_server_has_these(days: int, names: list[str]) -> None:
    world = memory_world()
    found = app._jobs(Settings(trash_retention_days=days), sealing_of(world), world.trash, world.access.tokens)
    assert [job.name for job in found] == names
