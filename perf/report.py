"""What people see of a run: progress, a table for each server, and at the end what they make side by side."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from perf import compare
from perf.bench import Costs, Plan, Watch, interpreter, packages
from perf.costs import Cost
from perf.original import ORIGINAL, SOURCE
from perf.products import MLFLOW, MODELYARD
from perf.seed import Progress
from perf.stage import DatabaseName


class Report:
    def __init__(self, console: Console) -> None:
        self._console = console

    def begin(self, plan: Plan) -> None:
        self._console.print(f"[bold]What a request costs[/], on {interpreter()}", soft_wrap=True)
        self._console.print(", ".join(f"{name} {version}" for name, version in packages().items()), style="dim")
        processes = f"one server process and then {plan.workers}" if plan.workers > 1 else "one server process"
        self._console.print(
            f"{plan.models} models with a version each, 5 properties on both; {plan.connections} connections, "
            f"{plan.seconds:g} seconds per operation, {processes}"
        )

    def watch(self) -> Watch:
        return Watch(
            making=self._making,
            doing=lambda what: self._console.print(f"\n[bold cyan]{what}[/]"),
            done=lambda cost: self._console.print(f"  {cost.operation}: {cost.server_cpu:.0f} µs", style="dim"),
            warn=lambda what: self._console.print(what, style="yellow", markup=False, soft_wrap=True),
        )

    def show(self, costs: Costs) -> None:
        memory = f"{costs.idle_mib:.0f} MiB idle, {costs.loaded_mib:.0f} MiB after the load"
        columns = ["requests/s", "p50 ms", "p99 ms", "server CPU µs", "database CPU µs", "echoes", "refused"]
        rows = [(cost.operation, *_figures(cost)) for cost in costs.costs]
        original = costs.product == MODELYARD.name and costs.store is DatabaseName.POSTGRESQL and costs.workers == 1
        if original:
            columns.append("of the original's CPU")
            rows = [(*row, _of_original(cost)) for row, cost in zip(rows, costs.costs, strict=True)]
        self._table(f"{costs.title}: ready in {costs.start_seconds:.2f} s, {memory}", ("operation",), columns, rows)
        if original:
            self._console.print(f"The last column is the share of: {SOURCE}.", style="dim")

    def conclude(self, measured: Sequence[Costs]) -> None:
        """What only the whole run can show."""
        for one, several, pairs in compare.workers(measured):
            self._workers(one, several, pairs)
        if compared := list(compare.with_mlflow(measured)):
            self._mlflow(compared)

    def _workers(self, one: Costs, several: Costs, pairs: Sequence[tuple[Cost, Cost]]) -> None:
        rows = [
            (
                *(before.operation, f"{before.per_second:.0f}", f"{after.per_second:.0f}", f"{after.per_second / before.per_second:.2f}"),
                *(f"{before.server_cpu:.0f}", f"{after.server_cpu:.0f}", f"{before.cores:.2f}", f"{after.cores:.2f}", _cores(after)),
            )
            for before, after in pairs
        ]
        count = str(several.workers)
        columns = ["requests/s: 1", count, "gain", "server CPU µs: 1", count, "busy cores: 1", count, "= each process, database, load"]
        self._table(f"{one.product} on {one.database}, with 1 process and with {count}", ("operation",), columns, rows)
        told = f"The database and the load use the same {os.cpu_count()} cores: when all of them are busy, more processes cannot gain more."
        self._console.print(told, style="dim")

    def _mlflow(self, compared: Sequence[compare.Compared]) -> None:
        rows = [
            (
                *(row.database, row.call, _both(row.server, row.of_database)),
                *(_both(row.mlflow_server, row.mlflow_database), f"{row.ratio:.1f}"),
            )
            for row in compared
        ]
        columns = (f"{MODELYARD.name} µs", f"{MLFLOW.name} µs", "ratio")
        self._table("CPU of the same calls in this run: server + database", ("database", "call"), columns, rows)
        for call, operation, times in sorted({(row.call, row.operation, row.times) for row in compared if row.times > 1}):
            self._console.print(f"{call}: ours is {times} times “{operation}”, one request each.", style="dim")

    def _table(self, title: str, names: Sequence[str], columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """The columns `names` hold words, the others figures."""
        table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), header_style="dim")
        for name in names:
            table.add_column(name, no_wrap=True)
        for column in columns:
            table.add_column(column, justify="right", no_wrap=True)
        for row in rows:
            table.add_row(*row)
        self._console.print()
        self._console.print(table)

    @contextlib.contextmanager
    def _making(self, totals: Mapping[str, int]) -> Iterator[Progress]:
        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Bar(*columns, console=self._console) as bar:
            tasks = {what: bar.add_task(what, total=total) for what, total in totals.items()}
            yield lambda what, count: bar.advance(tasks[what], count)


def _figures(cost: Cost) -> tuple[str, ...]:
    database = f"{cost.database_cpu:.0f}" if cost.database_cpu else "-"
    times = (f"{cost.p50:.2f}", f"{cost.p99:.2f}", f"{cost.server_cpu:.0f}", database, f"{cost.echoes:.1f}")
    return (f"{cost.per_second:.0f}", *times, f"[red]{cost.refused}[/]" if cost.refused else "")


def _of_original(cost: Cost) -> str:
    original = ORIGINAL.get(cost.operation)
    return f"{cost.server_cpu / original.server:.0%} + {cost.database_cpu / original.database:.0%}" if original else ""


def _cores(cost: Cost) -> str:
    busy = (*cost.workers, cost.per_second * cost.database_cpu / 1e6, cost.per_second * cost.client_cpu / 1e6)
    return " ".join(f"{part:.2f}" for part in busy)


def _both(server: float, database: float) -> str:
    return f"{server:,.0f} + {database:,.0f}" if database else f"{server:,.0f}"
