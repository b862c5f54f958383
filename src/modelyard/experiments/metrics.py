"""The rules of metrics as series: logging many points at once, and reading them back."""

from collections import Counter
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import TypeVar

import msgspec

from modelyard.artifacts.entities import Artifact, Measured, RunLink
from modelyard.artifacts.service import ArtifactService
from modelyard.audit.events import Action
from modelyard.audit.ledger import Ledger, existing, locked
from modelyard.context import Caller
from modelyard.errors import Invalid, NotFound, TooLarge, invalid
from modelyard.experiments.entities import Logged, MetricSummary, NewPoint, Reading, Run, Steps
from modelyard.experiments.series import Batch, Series
from modelyard.records.repository import Records
from modelyard.store.columns import NAME_LENGTH
from modelyard.store.database import Database, Unit, transactional

F = TypeVar("F")

MAX_POINTS = 10_000
"""Points in one batch: on SQLite the others wait while they are stored, for some 50 ms."""


class MetricService:
    """Logs points of a run's metrics and reads them back.

    Errors, everywhere: `NotFound` for a run that does not exist.
    """

    def __init__(self, database: Database, runs: Records[Run], series: Series, artifacts: ArtifactService, ledger: Ledger) -> None:
        self.database = database
        self._runs = runs
        self._series = series
        self._artifacts = artifacts
        self._ledger = ledger

    @transactional
    async def log(self, unit: Unit, caller: Caller, run_id: int, points: Sequence[NewPoint]) -> Logged:
        """Store all of the points or none, with the outcome of putting each metric under the run, one after the other.

        Their order is that of arrival. Each metric changes once, whatever number of points it gets: its revision rises by one. Raises
        `TooLarge` for more than `MAX_POINTS`, `Invalid` for none, and for a name or value that cannot be kept.
        """
        names, values, told_steps, told_moments = _columns(points)
        counts = Counter(names)
        _check(counts, values)
        run = await locked(unit, caller, self._runs, run_id)
        before = await self._artifacts.lock_metrics(unit, caller, run.id, counts)
        at = self._ledger.later_than(*before.values())
        steps = _filled(names, told_steps, {name: metric.step for name, metric in before.items()})
        texts = [None if moment is None else str(moment) for moment in told_moments]
        moments = _filled(names, told_moments, {name: metric.recorded_at for name, metric in before.items()})
        timestamps = _filled(names, texts, {name: metric.timestamp for name, metric in before.items()})
        # Of several places of one name a dictionary keeps the last.
        last = dict(zip(names, range(len(names)), strict=True))
        measured = {name: Measured(values[place], steps[place], timestamps[place], moments[place]) for name, place in last.items()}
        metrics = self._artifacts.measured(caller, RunLink(run.experiment_id, run.id), before, measured, at)
        await self._series.append(unit, Batch(run, at, metrics, names, values, steps, timestamps, moments))
        metrics = await self._artifacts.measure(unit, run.id, metrics)
        told = [{**_told(metrics[name]), "points": count} for name, count in counts.items()]
        await self._ledger.note(unit, caller, Action.MEASURED, self._runs, run, [_told(metric) for metric in before.values()], told)
        return Logged(len(points), counts)

    async def read(self, caller: Caller, run_id: int, name: str, steps: Steps | None, most: int) -> Reading:
        """The points of one metric in order of arrival, or those with a step in `steps`, thinned to at most `most` (at least `FEWEST`).

        The first and the last are among them, and the lowest and the highest of each of many stretches. Raises `NotFound`.
        """
        await existing(self.database.reader, caller, self._runs, run_id)
        reading = await self._series.read(self.database.reader, run_id, name, steps, most)
        if reading is None:
            raise NotFound(f"run {run_id} has no metric named {name!r}: its metrics are at /runs/{run_id}/metrics", name=name)
        return reading

    async def summaries(self, caller: Caller, run_id: int) -> list[MetricSummary]:
        """Every metric of a run, by name."""
        await existing(self.database.reader, caller, self._runs, run_id)
        return await self._series.summaries(self.database.reader, run_id)


def _check(counts: Counter[str], values: Sequence[float]) -> None:
    if not values:
        raise Invalid("there are no points: send at least one")
    if len(values) > MAX_POINTS:
        raise TooLarge(f"there are {len(values)} points: send at most {MAX_POINTS} at once, in several requests", limit=MAX_POINTS)
    if not all(map(isfinite, values)):
        bad = next(value for value in values if not isfinite(value))
        invalid("value", bad, "a metric's value must be finite, for neither JSON nor every database has others")
    for name in counts:
        if not 0 < len(name) <= NAME_LENGTH or "\0" in name:
            invalid("name", name, f"use 1 to {NAME_LENGTH} characters, none of them NUL")


def _columns(points: Sequence[NewPoint]) -> tuple[Sequence[str], Sequence[float], Sequence[int | None], Sequence[int | None]]:
    """Their names, values, steps and timestamps."""
    return tuple(zip(*map(msgspec.structs.astuple, points), strict=True)) or ((), (), (), ())  # type: ignore[return-value]  # four columns


def _filled(names: Sequence[str], given: Sequence[F | None], before: Mapping[str, F | None]) -> Sequence[F | None]:
    """What each point says or, where it says nothing, what the point of its metric before it does."""
    if None not in given:
        return given
    now, filled = dict(before), []
    for name, value in zip(names, given, strict=True):
        if value is not None:
            now[name] = value
        filled.append(now.get(name))
    return filled


def _told(metric: Artifact) -> dict[str, object]:
    """A metric in an audit event: what of it a batch changes."""
    return {name: getattr(metric, name) for name in ("id", "name", "revision", "value", "step", "timestamp")}
