"""`python -m chaos`: kill, cut the power, and look whether anything was lost."""

import sys
from random import SystemRandom
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from chaos import kill, powercut
from perf.stage import DatabaseName, folder

SHOWN = 5
"""Sentences of one round; many follow from one cause."""

Databases = Annotated[list[DatabaseName] | None, typer.Option("--database", help="May be repeated. Without it: all three.")]
Rounds = Annotated[int, typer.Option(min=0, help="Rounds of kill -9 on each database.")]
Storms = Annotated[int, typer.Option(min=0, help="Storms on SQLite that are recorded for power cuts.")]
Cuts = Annotated[int, typer.Option(min=1, help="Moments of each storm at which the power is cut.")]
Seed = Annotated[int | None, typer.Option(help="Of an earlier run: the same choices, though never the same moments.")]
Writers = Annotated[int, typer.Option(min=1, help="How many write at once.")]
Writes = Annotated[int, typer.Option(min=1, help="A storm ends after a random number of writes below this.")]


def main(
    database: Databases = None,
    rounds: Rounds = 50,
    storms: Storms = 10,
    cuts: Cuts = 10,
    seed: Seed = None,
    writers: Writers = 12,
    writes: Writes = 500,
) -> None:
    """Kill the registry and its database while clients write, and cut the power. Afterwards all that was acknowledged must be there."""
    seed = SystemRandom().randrange(10**6) if seed is None else seed
    names = database or list(DatabaseName)
    report = _Report(seed)
    for name in names if rounds else ():
        report.kills(kill.Plan(name, rounds, seed, writers, writes))
    if storms and DatabaseName.SQLITE in names:
        report.cuts(powercut.Plan(storms, cuts, seed, writers, writes))
    if report.end():
        raise typer.Exit(1)


class _Report:
    """Tells of each round as it ends, and of all in a table."""

    def __init__(self, seed: int) -> None:
        self._console = Console(highlight=False, width=None if sys.stdout.isatty() else 140)
        self._console.print(f"seed {seed}")
        self._table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for column in ("", "rounds", "acknowledged", "without an answer", "refused", "wrong"):
            self._table.add_column(column, justify="right" if column else "left")
        self._failed = False

    def kills(self, plan: kill.Plan) -> None:
        sums = [0, 0, 0, 0, 0]
        with folder() as home:
            for one in kill.run(plan, home):
                figures = [1, one.acknowledged, one.unanswered, one.refused, len(one.wrong)]
                sums = [total + figure for total, figure in zip(sums, figures, strict=True)]
                told = f"{one.killed} killed, {one.acknowledged} acknowledged, {one.unanswered} without an answer, {one.refused} refused"
                self._tell(f"{plan.database} {one.number + 1}/{plan.rounds}: {told}", one.wrong)
        self._table.add_row(f"kill -9, {plan.database}", *[f"{value:,}" for value in sums])

    def cuts(self, plan: powercut.Plan) -> None:
        promised = done = wrong = 0
        with folder() as home:
            for cut in powercut.run(plan, home):
                done += 1
                promised += cut.promised
                wrong += len(cut.wrong)
                where = (
                    f"power cut {done}/{plan.storms * plan.cuts}: after {cut.place:,} of {cut.tape:,} bytes, {cut.promised} acknowledged"
                )
                self._tell(f"{where}, unsynced: {cut.fate.value}", cut.wrong)
        self._table.add_row("power cut, sqlite", f"{done:,}", f"{promised:,}", "", "", f"{wrong:,}")

    def _tell(self, line: str, wrong: list[str]) -> None:
        self._console.print(f"{line}, {len(wrong)} wrong" if wrong else line)
        for sentence in wrong[:SHOWN]:
            self._console.print(f"  {sentence}", style="red", markup=False)
        self._failed |= bool(wrong)

    def end(self) -> bool:
        """Show the table; whether anything was wrong."""
        self._console.print(self._table)
        return self._failed


if __name__ == "__main__":
    typer.run(main)
