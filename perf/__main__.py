"""`python -m perf`: measure and show. Takes the machine for itself: the figures are of little worth when others are at work."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from perf import bench, compare
from perf.bench import Costs, Plan
from perf.operations import OPERATIONS
from perf.report import Report
from perf.stage import DatabaseName

QUICK_MODELS, QUICK_SECONDS = 500, 1.0
WIDTH = 140
"""Of what is written to a file."""


class Peer(StrEnum):
    """Who is measured beside us."""

    MLFLOW = "mlflow"


Databases = Annotated[list[DatabaseName] | None, typer.Option("--database", help="May be repeated. Without it: sqlite and postgresql.")]
Only = Annotated[list[str] | None, typer.Option("--only", help=f"An operation; may be repeated. One of: {', '.join(OPERATIONS)}.")]
Models = Annotated[int, typer.Option(min=200, help="How many models the registry holds, and as many versions.")]
Seconds = Annotated[float, typer.Option(min=0.1, help="How long each operation is measured.")]
Connections = Annotated[int, typer.Option(min=1, help="How many ask at once.")]
Workers = Annotated[int, typer.Option(min=1, help="Server processes: measured with one and then with so many (1 on SQLite).")]
With = Annotated[list[Peer] | None, typer.Option("--with", help="Measure this server, too: the default, but not with --quick.")]
Without = Annotated[list[Peer] | None, typer.Option("--without", help="Do not measure this server.")]
Quick = Annotated[bool, typer.Option("--quick", help=f"A minute's look: {QUICK_MODELS} models, {QUICK_SECONDS:g} second per operation.")]
Json = Annotated[Path | None, typer.Option("--json", help="Write the figures here, too.")]


def main(
    database: Databases = None,
    only: Only = None,
    models: Models = 10_000,
    seconds: Seconds = 5.0,
    connections: Connections = 8,
    workers: Workers = 1,
    with_: With = None,
    without: Without = None,
    quick: Quick = False,  # noqa: FBT002 - typer makes a command's flags of such parameters
    json: Json = None,
) -> None:
    """Start the registry on each database, fill it, and measure what every operation costs it."""
    unknown = set(only or ()) - set(OPERATIONS)
    if unknown:
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: there is {', '.join(OPERATIONS)}", param_hint="--only")
    plan = Plan(
        databases=tuple(database or (DatabaseName.SQLITE, DatabaseName.POSTGRESQL)),
        operations=tuple(only or OPERATIONS),
        models=QUICK_MODELS if quick else models,
        seconds=QUICK_SECONDS if quick else seconds,
        connections=connections,
        workers=workers,
        mlflow=Peer.MLFLOW not in (without or ()) and (not quick or Peer.MLFLOW in (with_ or ())),
    )
    measured = _measure(plan)
    if json:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(_document(plan, measured)), indent=2))


def _measure(plan: Plan) -> list[Costs]:
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = WIDTH
    report = Report(console)
    report.begin(plan)
    measured = []
    for costs in bench.run(plan, report.watch()):
        report.show(costs)
        measured.append(costs)
    report.conclude(measured)
    return measured


def _document(plan: Plan, measured: list[Costs]) -> dict[str, object]:
    return {
        "interpreter": bench.interpreter(),
        "packages": bench.packages(),
        "plan": plan,
        "measured": measured,
        "mlflow": list(compare.with_mlflow(measured)),
    }


if __name__ == "__main__":
    typer.run(main)
