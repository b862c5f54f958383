"""What services may ask of the points of runs as series, whatever keeps them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from modelyard.artifacts.entities import Artifact
from modelyard.context import Millis
from modelyard.experiments.entities import MetricPoint, MetricSummary, Reading, Run, Steps
from modelyard.records.properties import encode
from modelyard.store.database import Reader, Unit


class Batch(msgspec.Struct, frozen=True):
    """Points of one run in order of arrival, one list for each of their fields. `metrics` are the metrics after it, by name,
    new ones without an id.
    """

    run: Run
    at: Millis
    metrics: Mapping[str, Artifact]
    names: Sequence[str]
    values: Sequence[float]
    steps: Sequence[int | None]
    timestamps: Sequence[str | None]
    moments: Sequence[int | None]
    """The timestamps that are numbers, as such."""


class Series(Protocol):
    """The points of each metric of each run, in order of arrival. Whoever writes holds the run's lock."""

    async def append(self, unit: Unit, batch: Batch) -> None:
        """Store the points of a batch, all together: before the unit changes anything else, for it reads first."""
        ...

    async def follow(self, unit: Unit, point: MetricPoint, turn: int, *, begins: bool) -> None:
        """Be told of a point that was stored alone. `turn` counts its metric's changes. `begins`: it may be the first of its series."""
        ...

    async def read(self, reader: Reader, run_id: int, name: str, steps: Steps | None, most: int) -> Reading | None:
        """A series, or those of its points that have a step in `steps`, thinned to at most `most`. None: there is no such series."""
        ...

    async def summaries(self, reader: Reader, run_id: int) -> list[MetricSummary]:
        """Every series of a run, by name."""
        ...


def columns(batch: Batch, ids: Sequence[int]) -> Mapping[str, Sequence[Any]]:
    """The values of every column of the points, those included that a plain point does without."""
    run = batch.run
    same = {
        "project_id": run.project_id,
        "experiment_id": run.experiment_id,
        "run_id": run.id,
        "created_at": batch.at,
        "updated_at": batch.at,
        "revision": 1,
    }
    return {
        **{name: [value] * len(ids) for name, value in same.items()},
        "id": ids,
        "name": batch.names,
        "value": batch.values,
        "step": batch.steps,
        "timestamp": batch.timestamps,
        "recorded_at": batch.moments,
        "state": _of_metrics(batch, lambda metric: metric.state and metric.state.value),
        "description": _of_metrics(batch, lambda metric: metric.description),
        "properties": _of_metrics(batch, lambda metric: encode(metric.properties)),
    }


def _of_metrics(batch: Batch, get: Callable[[Artifact], str | None]) -> Sequence[str | None]:
    """What each point has of its metric."""
    if len(batch.metrics) == 1:
        return [get(batch.metrics[batch.names[0]])] * len(batch.names)
    of = {name: get(metric) for name, metric in batch.metrics.items()}
    return [of[name] for name in batch.names]
