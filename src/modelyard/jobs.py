"""Work that a server does by itself, over and over, beside its requests.

Every server process runs every job, and each at its own moments: pauses are random within a fifth of what is asked for. So a job must
be safe to run in several processes at once, to be ended at any time, and to run again.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from modelyard import logs

SOON = 30.0
"""Seconds until the first run at most, and from a run that failed to the next."""


class Job(msgspec.Struct, frozen=True):
    """`work` is done every so many seconds, as `name` in the log. It must not keep the event loop to itself for long."""

    name: str
    every: float
    work: Callable[[], Awaitable[object]]


class Jobs:
    """Started and stopped with the server; either may be called once."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._jobs = jobs
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(_run(job), name=job.name) for job in self._jobs]

    async def stop(self) -> None:
        """End them where they are, and wait until they have ended."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _run(job: Job) -> None:
    """A failure is logged, and never the end of a job."""
    await asyncio.sleep(min(job.every, SOON) * random.random())  # noqa: S311 - only spreads the load; nothing secret comes of it
    while True:
        pause = job.every
        try:
            await job.work()
        except Exception as error:  # noqa: BLE001 - the last resort: the server goes on, and the log has the cause
            pause = min(pause, SOON)
            logs.logger().error("job failed", job=job.name, retry_seconds=pause, exc_info=error)
        await asyncio.sleep(pause * random.uniform(0.8, 1.2))  # noqa: S311 - likewise
