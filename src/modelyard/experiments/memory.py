"""Series in memory, for tests of services: the same answers without blocks."""

from collections import defaultdict

import msgspec

from modelyard.experiments.blocks import thinned
from modelyard.experiments.entities import MetricPoint, MetricSummary, Reading, Sample, Steps, point_of
from modelyard.experiments.series import Batch
from modelyard.records.kinds import Kind
from modelyard.records.memory import MemoryRecords
from modelyard.store.database import Reader, Unit
from modelyard.store.memory import MemoryDatabase


class MemorySeries:
    """`Series` over the points themselves."""

    def __init__(self, database: MemoryDatabase, points: MemoryRecords[MetricPoint]) -> None:
        self._database = database
        self._points = points

    async def append(self, unit: Unit, batch: Batch) -> None:
        for name, value, step, timestamp, moment in zip(
            batch.names, batch.values, batch.steps, batch.timestamps, batch.moments, strict=True
        ):
            metric = msgspec.structs.replace(batch.metrics[name], value=value, step=step, timestamp=timestamp, recorded_at=moment)
            await self._points.insert(unit, point_of(metric, batch.run))

    async def follow(self, unit: Unit, point: MetricPoint, turn: int, *, begins: bool) -> None:
        """Nothing to do: there are no blocks."""

    async def read(self, reader: Reader, run_id: int, name: str, steps: Steps | None, most: int) -> Reading | None:
        del reader
        series = self._series(run_id).get(name)
        if series is None:
            return None
        if steps is not None:
            series = [sample for sample in series if sample.step is not None and steps.first <= sample.step <= steps.last]
        if len(series) <= most:
            return Reading(len(series), series)
        cells = [(sample.value, sample.id, sample.value, sample.id) for sample in series]
        kept = set(thinned(cells, series[0].id, series[-1].id, most))
        return Reading(len(series), [sample for sample in series if sample.id in kept])

    async def summaries(self, reader: Reader, run_id: int) -> list[MetricSummary]:
        del reader
        return [_summary(name, series) for name, series in sorted(self._series(run_id).items())]

    def _series(self, run_id: int) -> dict[str, list[Sample]]:
        found = defaultdict(list)
        points: dict[int, MetricPoint] = self._database.tables[Kind.METRIC_POINT.label]
        for point in sorted(points.values(), key=lambda point: point.id):
            if point.run_id == run_id:
                found[point.name].append(Sample(point.id, point.value, point.step, point.recorded_at))
        return found


def _summary(name: str, series: list[Sample]) -> MetricSummary:
    values = [sample.value for sample in series]
    return MetricSummary(name, len(series), min(values), max(values), series[-1])
