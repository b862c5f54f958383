"""`python -m perf.points`: what it costs to log a million points of one metric, and to read 2,000 of them."""

import asyncio
from random import Random
from typing import Annotated, NamedTuple

import msgspec
import typer

from perf import requests as r
from perf import stage
from perf.load import Load, send_all
from perf.operations import BATCH
from perf.stage import Database, DatabaseName, Server

READS = 50

Databases = Annotated[list[DatabaseName] | None, typer.Option("--database", help="May be repeated. Without it: all of them.")]
Points = Annotated[int, typer.Option(min=10_000, help="How many points the metric has.")]
Batches = Annotated[int, typer.Option(min=1, max=10_000, help="How many points are sent at once.")]
Most = Annotated[int, typer.Option(min=4, max=10_000, help="How many points are read at most.")]


class _Made(msgspec.Struct):
    id: str


class Cost(NamedTuple):
    """Milliseconds of CPU, of the server and of the database (0 where it is part of the server), and of waiting, for each request."""

    server: float
    database: float
    median: float


def main(database: Databases = None, points: Points = 1_000_000, batch: Batches = BATCH, most: Most = 2_000) -> None:
    """Log the points of one metric through the bulk API, 8 connections at once, then read them thinned, one request after the other."""
    for name in database or list(DatabaseName):
        with stage.folder() as home, stage.database(name, home) as made:
            with stage.registry(made.url, home) as server:
                run = asyncio.run(_new_run(server))
                logged = _logged(server, made, run, points, batch)
            made.settle()
            with stage.registry(made.url, home) as server:
                _show(made, "log", logged, f"{batch / logged.server * 1e3:,.0f} points for each second of server CPU")
                for what, more in _reads(points, most).items():
                    _show(made, what, _read(server, made, run, more))


def _logged(server: Server, database: Database, run: str, points: int, batch: int) -> Cost:
    random = Random(1)  # noqa: S311 - only chooses what to ask for; nothing secret comes of it
    requests = [r.points(run, "loss", first, batch, random) for first in range(0, points, batch)]
    return asyncio.run(_measured(server, database, requests, connections=8))


def _reads(points: int, most: int) -> dict[str, dict[str, int]]:
    return {
        f"read {most:,} of {points:,}": {"points": most},
        f"read {most:,} of a tenth": {"points": most, "from_step": points // 2, "to_step": points // 2 + points // 10},
    }


def _read(server: Server, database: Database, run: str, more: dict[str, int]) -> Cost:
    request = r.get(f"/runs/{run}/metrics/loss", api=r.NATIVE, **more)
    asyncio.run(send_all(server.port, iter([request]), connections=1))
    return asyncio.run(_measured(server, database, [request] * READS, connections=1))


async def _new_run(server: Server) -> str:
    made: list[str] = []

    async def make(path: str, body: dict[str, str]) -> str:
        await send_all(server.port, iter([r.post(path, body)]), lambda answer: made.append(msgspec.json.decode(answer, type=_Made).id))
        return made[-1]

    experiment = await make("/experiments", {"name": "long"})
    return await make("/experiment_runs", {"experimentId": experiment})


async def _measured(server: Server, database: Database, requests: list[bytes], *, connections: int) -> Cost:
    def spent() -> tuple[float, float]:
        return server.tree.cpu_seconds(), database.tree.cpu_seconds() if database.tree else 0.0

    before = spent()
    load: Load = await send_all(server.port, iter(requests), connections=connections)
    if load.refused:
        raise RuntimeError(f"{load.refused} requests were refused: {load.complaint}")
    of_server, of_database = (after - start for after, start in zip(spent(), before, strict=True))
    return Cost(of_server / len(requests) * 1e3, of_database / len(requests) * 1e3, load.percentile(0.5) * 1e3)


def _show(database: Database, what: str, cost: Cost, more: str = "") -> None:
    apart = f", database {cost.database:.2f} ms" if database.tree else ""
    print(f"{database.version()}: {what}: server {cost.server:.2f} ms CPU{apart}, median {cost.median:.1f} ms {more}", flush=True)  # noqa: T201 - a command whose purpose is to print this


if __name__ == "__main__":
    typer.run(main)
