"""One run: seed each database, load each operation, and what it cost."""

import asyncio
import platform
import sys
import sysconfig
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import version
from random import Random
from typing import Any, TypeVar

import msgspec
import uvloop

from perf import stage
from perf.load import send_for
from perf.operations import ECHOES, OPERATIONS, READS, Stream
from perf.seed import Progress, Seeded, seed
from perf.stage import Database, DatabaseName, Server

T = TypeVar("T")

EDGE_ALONE = "the edge alone"
_NOTHING = Seeded([], [], [], [], [], [])


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    databases: tuple[DatabaseName, ...]
    operations: tuple[str, ...]
    models: int
    seconds: float
    connections: int
    workers: int


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Of one operation. Latencies in milliseconds, CPU in microseconds per request; `database_cpu` is 0 where it is part of the server."""

    operation: str
    requests: int
    refused: int
    per_second: float
    p50: float
    p99: float
    server_cpu: float
    database_cpu: float
    echoes: float
    """How many bare echoes the server's CPU would have paid for."""


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """Of one server. Seconds from start to ready on the seeded database; its memory in MiB before and after the load."""

    database: str
    start_seconds: float
    idle_mib: float
    loaded_mib: float
    costs: tuple[Cost, ...]


class Watch(msgspec.Struct, frozen=True):
    """Who is told how it goes: `making` of the seed, `doing` of what begins, `done` of a figure."""

    making: Callable[[int], AbstractContextManager[Progress]]
    doing: Callable[[str], None]
    done: Callable[[Cost], None]


def interpreter() -> str:
    """Which Python it is. A build that does not say how it was made may be optimised all the same, as Debian's is."""
    says = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    build = "an optimised build" if says else "a build that does not say it is optimised"
    return f"{platform.python_implementation()} {platform.python_version()}, {build}, {sys.executable}"


def packages() -> Mapping[str, str]:
    return {name: version(name) for name in ("modelyard", "uvicorn", "uvloop", "httptools", "msgspec", "asyncpg", "asyncmy")}


def run(plan: Plan, watch: Watch) -> Iterator[Costs]:
    """The echo's costs, then those of each database."""
    with stage.folder() as home, stage.echo(home) as server:
        watch.doing(EDGE_ALONE)
        idle = _mib(server)
        echoes = _measure_all(plan, ECHOES, _Subject(server, None, _NOTHING, {}), watch)
        yardstick = {read: echoes[not read].server_cpu for read in (True, False)}
        compared = [_compared(cost, yardstick, read=number == 0) for number, cost in enumerate(echoes)]
        yield _costs(EDGE_ALONE, server, idle, compared)
    for name in plan.databases:
        yield _on_database(plan, name, yardstick, watch)


class _Subject(msgspec.Struct, frozen=True):
    server: Server
    database: Database | None
    seeded: Seeded
    yardstick: Mapping[bool, float]


def _on_database(plan: Plan, name: DatabaseName, yardstick: Mapping[bool, float], watch: Watch) -> Costs:
    chosen = {operation: OPERATIONS[operation] for operation in plan.operations}
    with stage.folder() as home, stage.database(name, home) as database:
        watch.doing(database.version())
        with stage.registry(database.url, home) as server:
            seeded = _seed(server, plan, watch)
        database.settle()
        with stage.registry(database.url, home, workers=plan.workers) as server:
            idle = _mib(server)
            costs = _measure_all(plan, chosen, _Subject(server, database, seeded, yardstick), watch)
            return _costs(database.version(), server, idle, costs)


def _seed(server: Server, plan: Plan, watch: Watch) -> Seeded:
    with watch.making(plan.models) as progress:
        return _loop(seed(server.port, plan.models, Random(1), progress, connections=plan.connections))  # noqa: S311 - only chooses what to ask for; nothing secret comes of it


def _measure_all(plan: Plan, streams: Mapping[str, Stream], subject: _Subject, watch: Watch) -> list[Cost]:
    costs = []
    for operation, stream in streams.items():
        cost = _measure(plan, operation, stream, subject)
        watch.done(cost)
        costs.append(cost)
    return costs


def _measure(plan: Plan, operation: str, stream: Stream, subject: _Subject) -> Cost:
    server, database = subject.server, subject.database
    spent: list[tuple[float, float]] = []

    def read_meters() -> None:
        spent.append((server.tree.cpu_seconds(), database.tree.cpu_seconds() if database and database.tree else 0.0))

    requests = stream(subject.seeded, Random(2))  # noqa: S311 - only chooses what to ask for; nothing secret comes of it
    load = _loop(send_for(plan.seconds, server.port, requests, read_meters, connections=plan.connections))
    if not load.latencies:
        raise RuntimeError(f"{operation}: no good answer, but {load.complaint or 'none at all'}")
    (server_before, database_before), (server_after, database_after) = spent
    count = len(load.latencies)
    cost = Cost(
        operation=operation,
        requests=count,
        refused=load.refused,
        per_second=count / load.seconds,
        p50=load.percentile(0.5) * 1e3,
        p99=load.percentile(0.99) * 1e3,
        server_cpu=(server_after - server_before) / count * 1e6,
        database_cpu=(database_after - database_before) / count * 1e6,
        echoes=0.0,
    )
    return _compared(cost, subject.yardstick, read=operation in READS)


def _compared(cost: Cost, yardstick: Mapping[bool, float], *, read: bool) -> Cost:
    return msgspec.structs.replace(cost, echoes=cost.server_cpu / yardstick[read]) if yardstick else cost


def _costs(database: str, server: Server, idle_mib: float, costs: Sequence[Cost]) -> Costs:
    return Costs(database=database, start_seconds=server.start_seconds, idle_mib=idle_mib, loaded_mib=_mib(server), costs=tuple(costs))


def _mib(server: Server) -> float:
    return server.tree.resident_bytes() / 2**20


def _loop(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)
