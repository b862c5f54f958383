"""One run: seed each database, load each operation, and what it cost."""

import platform
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import version
from random import Random

import msgspec

from perf import costs, stage
from perf.costs import Cost, Subject
from perf.mlflow import environment
from perf.mlflow.operations import counterpart
from perf.operations import ECHOES, Stream
from perf.products import MLFLOW, MODELYARD, Product
from perf.seed import Progress, Seeded
from perf.stage import DatabaseName, Server

EDGE_ALONE = "the edge alone"
ALSO_MLFLOW = (DatabaseName.SQLITE, DatabaseName.POSTGRESQL)
_NOTHING = Seeded([], [], [], [], [], [])


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    databases: tuple[DatabaseName, ...]
    operations: tuple[str, ...]
    models: int
    seconds: float
    connections: int
    workers: int
    mlflow: bool
    """Whether MLflow is measured, too, for those of the operations that it has."""


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """Of one server. Seconds from start to ready on the seeded database; its memory in MiB before and after the load."""

    product: str
    store: DatabaseName | None
    database: str
    """Which version of it; empty where there is none."""
    workers: int
    start_seconds: float
    idle_mib: float
    loaded_mib: float
    costs: tuple[Cost, ...]

    @property
    def title(self) -> str:
        processes = f", {self.workers} processes" if self.workers > 1 else ""
        return f"{self.product} on {self.database}{processes}" if self.database else self.product

    def of(self, operation: str) -> Cost | None:
        return next((cost for cost in self.costs if cost.operation == operation), None)


class Watch(msgspec.Struct, frozen=True):
    """Who is told how it goes: `making` of how many of what, `doing` of what begins, `done` of a figure, `warn` of what is left out."""

    making: Callable[[Mapping[str, int]], AbstractContextManager[Progress]]
    doing: Callable[[str], None]
    done: Callable[[Cost], None]
    warn: Callable[[str], None]


def interpreter() -> str:
    """Which Python it is. A build that does not say how it was made may be optimised all the same, as Debian's is."""
    says = "--enable-optimizations" in (sysconfig.get_config_var("CONFIG_ARGS") or "")
    build = "an optimised build" if says else "a build that does not say it is optimised"
    return f"{platform.python_implementation()} {platform.python_version()}, {build}, {sys.executable}"


def packages() -> Mapping[str, str]:
    return {name: version(name) for name in ("modelyard", "uvicorn", "uvloop", "httptools", "msgspec", "asyncpg", "asyncmy")}


def run(plan: Plan, watch: Watch) -> Iterator[Costs]:
    """The echo's costs, then those of each database: of one process, of several where they are asked for, of MLflow."""
    with_mlflow = plan.mlflow and _installed(watch)
    with stage.folder() as home, stage.echo(home) as server:
        watch.doing(EDGE_ALONE)
        alone = _measured(plan, ECHOES, Subject(server, 1, None, _NOTHING, {}), EDGE_ALONE, watch)
    yield alone
    yardstick = {read: alone.costs[not read].server_cpu for read in (True, False)}
    chosen = {operation: MODELYARD.operations[operation] for operation in plan.operations}
    shared = {call: stream for call, stream in MLFLOW.operations.items() if counterpart(call).operation in plan.operations}
    for name in plan.databases:
        counts = (1, plan.workers) if plan.workers > 1 and name is not DatabaseName.SQLITE else (1,)
        yield from _on_database(plan, MODELYARD, chosen, name, counts, yardstick, watch)
        if with_mlflow and shared and name in ALSO_MLFLOW:
            yield from _on_database(plan, MLFLOW, shared, name, (1,), yardstick, watch)


def _installed(watch: Watch) -> bool:
    if environment.ready():
        return True
    watch.doing(f"Installing {MLFLOW.name} into {environment.HOME.name} (0.9 GB, some minutes, this once)")
    try:
        with watch.making({environment.PACKAGES: len(environment.pins())}) as progress:
            environment.install(progress)
    except environment.CannotInstallError as error:
        watch.warn(f"MLflow is left out, because it cannot be installed: {error}")
        return False
    return True


def _on_database(
    plan: Plan,
    product: Product,
    operations: Mapping[str, Stream],
    name: DatabaseName,
    counts: Sequence[int],
    yardstick: Mapping[bool, float],
    watch: Watch,
) -> Iterator[Costs]:
    """Seed it once, then measure with so many workers each."""
    with stage.folder() as home, stage.database(name, home) as database:
        watch.doing(f"{product.name} on {database.version()}")
        with product.start(database.url, home) as server:
            seeded = _seed(product, server, plan, watch)
        database.settle()
        for workers in counts:
            with product.start(database.url, home, workers=workers) as server:
                subject = Subject(server, workers, database, seeded, yardstick)
                yield _measured(plan, operations, subject, product.name, watch)


def _seed(product: Product, server: Server, plan: Plan, watch: Watch) -> Seeded:
    with watch.making(product.totals(plan.models)) as progress:
        random = Random(1)  # noqa: S311 - only chooses what to ask for; nothing secret comes of it
        return costs.run_loop(product.fill(server.port, plan.models, random, progress, connections=plan.connections))


def _measured(plan: Plan, operations: Mapping[str, Stream], subject: Subject, product: str, watch: Watch) -> Costs:
    server, database = subject.server, subject.database
    idle_mib = _mib(server)
    measured = []
    for operation, stream in operations.items():
        cost = costs.measure(operation, stream, subject, seconds=plan.seconds, connections=plan.connections)
        watch.done(cost)
        measured.append(cost)
    return Costs(
        product=product,
        store=database.name if database else None,
        database=database.version() if database else "",
        workers=subject.workers,
        start_seconds=server.start_seconds,
        idle_mib=idle_mib,
        loaded_mib=_mib(server),
        costs=tuple(measured),
    )


def _mib(server: Server) -> float:
    return server.tree.resident_bytes() / 2**20
