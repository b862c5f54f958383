"""`python -m perf.soak`: a mixed load for minutes on end, and a verdict: do memory, open files and database connections stay what they are?

Connections come and go, some clients leave in the middle of a request. The verdict is also the exit code: 0 flat, 1 not.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from random import Random
from statistics import linear_regression, mean
from typing import Annotated, NamedTuple

import typer
import uvloop
from rich.console import Console

from perf import stage
from perf.load import send_for
from perf.operations import OPERATIONS
from perf.requests import new_model
from perf.seed import Seeded, seed
from perf.stage import DatabaseName, Server
from tests.servers.sql import execute

MODELS = 300
ROUND_SECONDS = 5.0
"""Then every connection is closed and a new one opened; sooner in a run that has not four times as long."""
REST_SECONDS = 2.0
"""Before what is open at rest is counted."""
LEAVING = 20
"""Clients of each round that go away before their request is complete."""
WARM_UP = 0.3
"""The share of the time after which memory is to be flat: caches fill before."""
MAY_GROW, AND_BYTES = 0.05, 2 * 1024 * 1024
"""What still counts as flat, from the end of the warm-up to the end of the run: this share of the memory, and this much."""
MAY_OPEN = 8
"""Files or connections that may be open at rest after the load and not before: some are opened when first needed, and kept."""

_CONSOLE = Console(highlight=False, soft_wrap=True)

_CONNECTIONS = {
    DatabaseName.POSTGRESQL: "SELECT count(*) - 1 FROM pg_stat_activity WHERE datname = current_database()",
    DatabaseName.MARIADB: "SELECT count(*) - 1 FROM information_schema.processlist WHERE db = database()",
}


class Sample(NamedTuple):
    seconds: float
    memory: int
    """Private to the server's processes, in bytes."""
    files: int
    connections: int
    """To the database's server."""
    served: int
    """Requests since the start."""
    refused: int


class Soaked(NamedTuple):
    samples: Sequence[Sample]
    """Under load, in order."""
    before: Sample
    """At rest, after a first round of the load."""
    after: Sample


def problems(soaked: Soaked) -> list[str]:
    """What is not as it should be; nothing when all is flat."""
    found = []
    grown = growth(soaked.samples)
    allowed = MAY_GROW * mean(sample.memory for sample in soaked.samples) + AND_BYTES
    if grown > allowed:
        found.append(f"memory grew by {_mib(grown)} after the warm-up, where {_mib(allowed)} still counts as flat")
    before, after = soaked.before, soaked.after
    if after.files > before.files + MAY_OPEN:
        found.append(f"{after.files} open files at rest, {after.files - before.files} more than before the load")
    if after.connections > before.connections + MAY_OPEN:
        found.append(f"{after.connections} database connections at rest, {before.connections} before the load")
    if after.refused:
        found.append(f"{after.refused} requests were refused")
    return found


def growth(samples: Sequence[Sample]) -> float:
    """Bytes by which a straight line through the memory after the warm-up rises."""
    start = samples[-1].seconds * WARM_UP
    settled = [sample for sample in samples if sample.seconds >= start]
    if len(settled) < 2:
        return 0
    seconds = [sample.seconds for sample in settled]
    slope = linear_regression(seconds, [sample.memory for sample in settled]).slope
    return slope * (seconds[-1] - seconds[0])


class Soak:
    """`connections` counts those to the database's server; `told` gets each sample under load as it is taken."""

    def __init__(self, server: Server, connections: Callable[[], int], told: Callable[[Sample], None]) -> None:
        self._server = server
        self._connections = connections
        self._told = told
        self._random = Random(0)  # noqa: S311 - the same load each time
        self._began = 0.0
        self._served = 0
        self._refused = 0

    async def run(self, seconds: float, every: float, clients: int) -> Soaked:
        seeded = await seed(self._server.port, MODELS, self._random, lambda _what, _count: None)
        requests = mixed(seeded, self._random)
        each = min(ROUND_SECONDS, seconds / 4)
        await self._round(each, requests, clients)
        before = await self._at_rest()
        self._began, self._served = time.monotonic(), 0
        samples: list[Sample] = []
        sampling = asyncio.create_task(self._sample_each(every, samples))
        while time.monotonic() - self._began < seconds:
            await self._round(each, requests, clients)
        sampling.cancel()
        return Soaked(samples, before, await self._at_rest())

    async def _round(self, seconds: float, requests: Iterator[bytes], clients: int) -> None:
        leaving = asyncio.gather(*(self._leave(seconds) for _ in range(LEAVING)))
        load = await send_for(seconds, self._server.port, requests, lambda: None, connections=clients, warm_up=0)
        await leaving
        self._served += len(load.latencies)
        self._refused += load.refused

    async def _leave(self, within: float) -> None:
        await asyncio.sleep(self._random.uniform(0, within))
        _, writer = await asyncio.open_connection("127.0.0.1", self._server.port)
        whole = new_model("never", self._random)
        writer.write(whole[: self._random.randrange(len(whole))])
        await writer.drain()
        writer.transport.abort()

    async def _sample_each(self, every: float, samples: list[Sample]) -> None:
        while True:
            await asyncio.sleep(every)
            samples.append(await self._sample())
            self._told(samples[-1])

    async def _at_rest(self) -> Sample:
        await asyncio.sleep(REST_SECONDS)
        return await self._sample()

    async def _sample(self) -> Sample:
        connections = await asyncio.to_thread(self._connections)
        tree = self._server.tree
        seconds = time.monotonic() - self._began
        return Sample(seconds, tree.private_bytes(), tree.open_files(), connections, self._served, self._refused)


def mixed(seeded: Seeded, random: Random) -> Iterator[bytes]:
    """Every operation as often as the others, in no order."""
    streams = [stream(seeded, random) for stream in OPERATIONS.values()]
    while True:
        yield next(random.choice(streams))


def soak(name: DatabaseName, minutes: float, every: float, clients: int) -> list[str]:
    """Print how it goes; returns the problems."""
    with stage.folder() as home, stage.database(name, home) as database, stage.registry(database.url, home) as server:
        _CONSOLE.print(f"\n{name}, {minutes:g} minutes, {clients} clients\n  seconds   MiB  files  connections  requests")
        count = _CONNECTIONS.get(name)

        def connections() -> int:
            return int(execute(database.url, count)[0][0]) if count else 0

        soaked = uvloop.run(Soak(server, connections, _show).run(minutes * 60, every, clients))
    grown = f"memory rose by {_mib(growth(soaked.samples))} after the warm-up"
    rest = f"at rest {soaked.before.files} open files before and {soaked.after.files} after"
    _CONSOLE.print(
        f"{soaked.after.served} requests; {grown}; {rest}, {soaked.before.connections} and {soaked.after.connections} connections"
    )
    found = problems(soaked)
    _CONSOLE.print("\n".join(f"NOT FLAT: {problem}" for problem in found) or "FLAT")
    return found


def _show(sample: Sample) -> None:
    memory = sample.memory / 2**20
    _CONSOLE.print(f"  {sample.seconds:7.0f} {memory:5.1f} {sample.files:6} {sample.connections:12} {sample.served:9}")


def _mib(size: float) -> str:
    return f"{size / 2**20:.1f} MiB"


def main(
    database: Annotated[list[DatabaseName] | None, typer.Option("--database", help="May be repeated. Without it: sqlite.")] = None,
    minutes: Annotated[float, typer.Option(min=0.1, help="How long the load lasts on each.")] = 10.0,
    every: Annotated[float, typer.Option(min=0.5, help="Seconds between two lines.")] = 10.0,
    clients: Annotated[int, typer.Option(min=1, help="How many ask at once.")] = 8,
) -> None:
    """Load the registry for a while and say whether its memory, open files and connections stay flat."""
    found = [problem for name in database or [DatabaseName.SQLITE] for problem in soak(name, minutes, every, clients)]
    raise typer.Exit(1 if found else 0)


if __name__ == "__main__":
    typer.run(main)
