"""`python -m perf.overload`: what is served, and how fast, as ever more clients ask at once, each again as soon as it is answered."""

from collections.abc import Iterator
from random import Random
from typing import Annotated

import typer
import uvloop
from rich.console import Console
from rich.table import Table

from perf import stage
from perf.load import Load, send_for
from perf.operations import OPERATIONS
from perf.seed import Seeded, seed
from perf.stage import DatabaseName, Server

MODELS = 300
CLIENTS = (8, 100, 400, 800, 1600)
"""The last two are more than `max_concurrent_requests`, and fewer than `max_connections`."""


async def overload(server: Server, seconds: float, table: Table) -> None:
    random = Random(0)  # noqa: S311 - the same load each time
    seeded = await seed(server.port, MODELS, random, lambda _what, _count: None)
    for clients in CLIENTS:
        load = await send_for(seconds, server.port, _creates_and_gets(seeded, random), lambda: None, connections=clients)
        table.add_row(str(clients), *_figures(load), f"{server.tree.private_bytes() / 2**20:.0f}")


def _creates_and_gets(seeded: Seeded, random: Random) -> Iterator[bytes]:
    streams = [OPERATIONS[name](seeded, random) for name in ("create", "get")]
    while True:
        for stream in streams:
            yield next(stream)


def _figures(load: Load) -> tuple[str, ...]:
    p50, p99 = (f"{load.percentile(share) * 1000:.0f}" for share in (0.5, 0.99))
    return f"{len(load.latencies) / load.seconds:.0f}", p50, p99, f"{load.refused / load.seconds:.0f}"


def main(
    database: Annotated[list[DatabaseName] | None, typer.Option("--database", help="May be repeated. Without it: sqlite.")] = None,
    seconds: Annotated[float, typer.Option(min=0.5, help="How long each number of clients asks.")] = 5.0,
) -> None:
    """Create and get models with ever more clients, and show what becomes of those that are served."""
    for name in database or [DatabaseName.SQLITE]:
        table = Table("clients", "served/s", "p50 ms", "p99 ms", "refused/s", "MiB", title=name, title_justify="left", box=None)
        with stage.folder() as home, stage.database(name, home) as started, stage.registry(started.url, home) as server:
            uvloop.run(overload(server, seconds, table))
        Console(highlight=False).print(table)


if __name__ == "__main__":
    typer.run(main)
