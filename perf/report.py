"""What people see of a run: progress, then a table for each server."""

import contextlib
from collections.abc import Iterator

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar
from rich.table import Table

from perf.bench import Cost, Costs, Plan, Watch, interpreter, packages
from perf.seed import POINTS, RUNS, Progress


class Report:
    def __init__(self, console: Console) -> None:
        self._console = console

    def begin(self, plan: Plan) -> None:
        self._console.print(f"[bold]What a request costs[/], on {interpreter()}", soft_wrap=True)
        self._console.print(", ".join(f"{name} {version}" for name, version in packages().items()), style="dim")
        self._console.print(
            f"{plan.models} models with a version each, 5 properties on both; {plan.connections} connections, "
            f"{plan.seconds:g} seconds per operation, {plan.workers} server process{'es' * (plan.workers > 1)}"
        )

    def watch(self) -> Watch:
        return Watch(self._making, lambda what: self._console.print(f"\n[bold cyan]{what}[/]"), self._done)

    def show(self, costs: Costs) -> None:
        memory = f"{costs.idle_mib:.0f} MiB idle, {costs.loaded_mib:.0f} MiB after the load"
        title = f"{costs.database}: ready in {costs.start_seconds:.2f} s, {memory}"
        table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), header_style="dim")
        table.add_column("operation", no_wrap=True)
        for column in ("requests/s", "p50 ms", "p99 ms", "server CPU µs", "database CPU µs", "echoes", "refused"):
            table.add_column(column, justify="right", no_wrap=True)
        for cost in costs.costs:
            table.add_row(cost.operation, *_figures(cost))
        self._console.print()
        self._console.print(table)

    @contextlib.contextmanager
    def _making(self, models: int) -> Iterator[Progress]:
        columns = (TextColumn("  {task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        totals = {"models": models, "versions": models, "experiments": 1, "runs": 2 * RUNS, "metric points": RUNS * POINTS}
        with Bar(*columns, console=self._console) as bar:
            tasks = {what: bar.add_task(what, total=total) for what, total in totals.items()}
            yield lambda what, count: bar.advance(tasks[what], count)

    def _done(self, cost: Cost) -> None:
        self._console.print(f"  {cost.operation}: {cost.server_cpu:.0f} µs", style="dim")


def _figures(cost: Cost) -> tuple[str, ...]:
    database = f"{cost.database_cpu:.0f}" if cost.database_cpu else "-"
    times = (f"{cost.p50:.2f}", f"{cost.p99:.2f}", f"{cost.server_cpu:.0f}", database, f"{cost.echoes:.1f}")
    return (f"{cost.per_second:.0f}", *times, f"[red]{cost.refused}[/]" if cost.refused else "")
