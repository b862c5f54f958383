"""`python -m perf.scale`: what filters and everyday calls cost as the registry grows."""

import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Annotated, NamedTuple

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from perf import bulk, stage
from perf import requests as r
from perf.bench import interpreter
from perf.bulk import Filled
from perf.costs import run_loop
from perf.filters import PAGE, published
from perf.load import send_all, send_for
from perf.stage import Database, DatabaseName, Server

CACHE = 1024
"""MiB that PostgreSQL and MariaDB get for their pages."""
SIZES = (10_000, 100_000, 1_000_000)
MOST_MS = 60.0
MOST_GROWTH = 1.5


class Cost(NamedTuple):
    """Of one request, in milliseconds of CPU; how many items its answer had, and whether there was a token for more."""

    server: float
    database: float
    items: int
    more: bool

    @property
    def total(self) -> float:
        return self.server + self.database

    def __str__(self) -> str:
        short = " short" if self.more and self.items < PAGE else ""
        return f"{self.total:.1f}{short}"


class _Answer(msgspec.Struct, rename="camel"):
    items: list[msgspec.Raw] = []
    next_page_token: str = ""


class _Subject(NamedTuple):
    server: Server
    database: Database

    def measure(self, requests: Iterator[bytes], seconds: float, *, connections: int = 2) -> Cost:
        bodies: list[bytes] = []
        first = next(requests)
        load = run_loop(send_all(self.server.port, iter([first]), bodies.append, connections=1))
        if load.refused:
            raise RuntimeError(load.complaint)
        spent: list[tuple[float, float]] = []
        load = run_loop(
            send_for(
                seconds,
                self.server.port,
                requests,
                lambda: spent.append(self._read_meters()),
                connections=connections,
                warm_up=min(0.2, seconds),
            )
        )
        count = len(load.latencies) or 1
        (server_before, database_before), (server_after, database_after) = spent
        answer = msgspec.json.decode(bodies[0], type=_Answer)
        server, database = (server_after - server_before) / count * 1e3, (database_after - database_before) / count * 1e3
        return Cost(server, database, len(answer.items), bool(answer.next_page_token))

    def _read_meters(self) -> tuple[float, float]:
        return self.server.tree.cpu_seconds(), self.database.tree.cpu_seconds() if self.database.tree else 0.0


Costs = Mapping[str, Cost]


def everyday(filled: Filled) -> Mapping[str, Iterator[bytes]]:
    """What must cost about the same however much there is."""
    random = Random(3)  # noqa: S311 - only chooses what to ask for; nothing secret comes of it

    def some() -> int:
        return random.randrange(1, filled.models + 1)

    series = random.randbytes(4).hex()
    return {
        "get": (r.get(f"/registered_models/{some()}") for _ in itertools.count()),
        "find by name": (r.get("/registered_model", name=bulk.name(some())) for _ in itertools.count()),
        "list of 20": (_list_after(some()) for _ in itertools.count()),
        "selective filter": (_selective(filled.models, random) for _ in itertools.count()),
        "create": (r.new_model(f"{series}-{number}", random) for number in itertools.count()),
    }


def _list_after(number: int) -> bytes:
    return r.get("/registered_models", pageSize=PAGE, orderBy="CREATE_TIME", nextPageToken=bulk.token(number))


def _selective(models: int, random: Random) -> bytes:
    """About ten models of however many."""
    low = random.uniform(0, 0.9)
    return r.get("/registered_models", filterQuery=f"accuracy > {1 - 10 / models:.7f} AND epochs > {low * 10:.0f}", pageSize=PAGE)


def measure(name: DatabaseName, models: int, seconds: float, console: Console) -> tuple[Costs, Costs]:
    """The costs of the published filters, and of the everyday calls."""
    with stage.folder() as home, stage.database(name, home, cache=CACHE) as database:
        filled = _fill(database, models, console)
        database.settle()
        with stage.registry(database.url, home) as server:
            subject = _Subject(server, database)
            filters: dict[str, Cost] = {}
            for what, request in published(filled).items():
                filters[what] = subject.measure(itertools.repeat(request), seconds)
                console.print(f"  {filters[what]} ms  {what}", style="dim")
            calls = {what: subject.measure(requests, 3 * seconds, connections=8) for what, requests in everyday(filled).items()}
    return filters, calls


def _fill(database: Database, models: int, console: Console) -> Filled:
    made: dict[str, int] = {}

    def progress(what: str, count: int) -> None:
        made[what] = made.get(what, 0) + count
        if made[what] % (50 * bulk.CHUNK) == 0:
            console.print(f"  {made[what]:,} rows of {what}", style="dim")

    return run_loop(bulk.fill(database.url, models, progress))


def _table(title: str, columns: Mapping[int, Costs], *, unit: float = 1.0) -> Table:
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("", no_wrap=True)
    for size in columns:
        table.add_column(f"{size:,}", justify="right")
    for what in next(iter(columns.values())):
        table.add_row(what, *[str(costs[what]) if unit == 1 else f"{costs[what].total * unit:.0f}" for costs in columns.values()])
    return table


Databases = Annotated[list[DatabaseName] | None, typer.Option("--database", help="May be repeated. Without it: all three.")]
Models = Annotated[list[int] | None, typer.Option("--models", min=1_000, help=f"May be repeated. Without it: {SIZES}.")]
Seconds = Annotated[float, typer.Option(min=0.01, help="How long each filter is measured.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write the figures here, too.")]


def main(database: Databases = None, models: Models = None, seconds: Seconds = 1.0, json: Json = None) -> None:
    """Fill a registry on each database, small to large, and measure what filters and everyday calls cost there."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 140
    console.print(f"[bold]What lists cost as the registry grows[/], on {interpreter()}", soft_wrap=True)
    figures = {}
    for name in database or list(DatabaseName):
        measured = {}
        for size in models or SIZES:
            console.print(f"\n[bold cyan]{name}, {size:,} models[/]")
            measured[size] = measure(name, size, seconds, console)
        _show(console, name, measured)
        figures[name] = measured
    if json:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2))


def _show(console: Console, name: DatabaseName, measured: Mapping[int, tuple[Costs, Costs]]) -> None:
    filters = {size: filters for size, (filters, _) in measured.items()}
    calls = {size: calls for size, (_, calls) in measured.items()}
    console.print(_table(f"\n{name}: CPU of server and database in ms, of a page of {PAGE} by the number of models", filters))
    console.print(_table(f"\n{name}: CPU of server and database in µs", calls, unit=1e3))
    worst = {what: max(costs[what].total for costs in filters.values()) for what in next(iter(filters.values()))}
    slowest = max(worst, key=lambda what: worst[what])
    console.print(f"\nThe worst filter: {worst[slowest]:.1f} ms ({slowest}); it should be at most {MOST_MS:.0f}.")
    first, *_, last = calls.values() if len(calls) > 1 else (*calls.values(), *calls.values())
    growth = {what: last[what].total / first[what].total for what in first}
    text = ", ".join(f"{what} {factor:.2f}" for what, factor in growth.items())
    console.print(f"From the smallest to the largest: {text}; each should be at most {MOST_GROWTH}.")


if __name__ == "__main__":
    typer.run(main)
