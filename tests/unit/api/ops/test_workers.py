import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from modelyard.api.ops import workers
from modelyard.api.ops.figures import Figures
from modelyard.api.ops.workers import WorkerFigures


class Worker(WorkerFigures):
    """One that has answered some requests, with a tenth as many connections in use."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, self.figures)
        self.requests = 0

    def figures(self) -> Figures:
        return {
            "modelyard_database_statements_total": {("get model",): [self.requests]},
            "modelyard_database_pool_in_use": {(): [self.requests / 10]},
        }

    async def killed(self) -> None:
        """As the system sees it: its lock is lifted, and it writes nothing more."""
        self._writing.cancel()
        os.close(self._lock)


async def seen(worker: Worker) -> tuple[float, float]:
    """How many requests and connections the worker says there were, and are."""
    figures = await worker.all()
    [requests] = figures["modelyard_database_statements_total"]["get model",]
    [connections] = figures["modelyard_database_pool_in_use"][()]
    return requests, connections


async def working(folder: Path) -> Worker:
    worker = Worker(folder)
    await worker.open()
    return worker


async def test_each_answers_for_all(tmp_path: Path) -> None:
    first, second = await working(tmp_path), await working(tmp_path)
    first.requests, second.requests = 20, 50
    assert await seen(first) == (20, 2)  # the second one has not written yet
    assert await seen(second) == (70, 7)
    assert await seen(first) == (70, 7)
    for worker in (first, second):
        await worker.close()


async def test_a_worker_that_is_not_asked_writes_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "WRITE_SECONDS", 0.01)
    first, second = await working(tmp_path), await working(tmp_path)
    second.requests = 50
    deadline = time.monotonic() + 10
    while await seen(first) != (50, 5):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)
    for worker in (first, second):
        await worker.close()


async def test_what_an_ended_worker_has_counted_stays_and_what_it_held_does_not(tmp_path: Path) -> None:
    first, second = await working(tmp_path), await working(tmp_path)
    first.requests, second.requests = 20, 50
    await first.close()
    assert await seen(second) == (70, 5)
    await second.close()


@pytest.mark.parametrize("end", [Worker.close, Worker.killed])
async def test_a_successor_counts_on(end: Callable[[Worker], Awaitable[None]], tmp_path: Path) -> None:
    other = await working(tmp_path)
    for _ in range(3):
        worker = await working(tmp_path)
        worker.requests = 20
        await worker.all()
        await end(worker)
    successor = await working(tmp_path)
    successor.requests = 10
    assert await seen(successor) == (70, 1)
    assert files(tmp_path) == 1  # the other one has not written yet
    for worker in (other, successor):
        await worker.close()
    assert files(tmp_path) == 2


def files(folder: Path) -> int:
    return len([*folder.glob("*.figures")])


async def test_the_gauges_of_a_silent_worker_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = await working(tmp_path), await working(tmp_path)
    first.requests, second.requests = 20, 50
    await first.all()
    await first.killed()
    monkeypatch.setattr(workers, "SILENT_SECONDS", 0)
    assert await second.all() == {"modelyard_database_statements_total": {("get model",): [70]}}
    await second.close()
