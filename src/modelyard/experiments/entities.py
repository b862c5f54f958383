"""An experiment, its runs, and the points of their metrics."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec
from msgspec import UNSET, UnsetType

from modelyard.artifacts.entities import Artifact, ArtifactState
from modelyard.records.record import NewRecord, Record, RecordPatch


class ExperimentState(StrEnum):
    LIVE = "LIVE"
    ARCHIVED = "ARCHIVED"


class RunStatus(StrEnum):
    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


class Experiment(Record, frozen=True):
    """Unique by name in its project."""

    owner: str | None
    state: ExperimentState | None


class NewExperiment(NewRecord, frozen=True, kw_only=True):
    owner: str | None = None
    state: ExperimentState | None = ExperimentState.LIVE


class ExperimentPatch(RecordPatch, frozen=True, kw_only=True):
    owner: str | None | UnsetType = UNSET
    state: ExperimentState | None | UnsetType = UNSET


class Run(Record, frozen=True):
    """One run of an experiment. Unique by name in its experiment. `started_at` and `ended_at` are the caller's, in milliseconds.

    `model_id` is the model that it works on, if it was said; it may be in the trash by now.
    """

    experiment_id: int
    owner: str | None
    state: ExperimentState | None
    status: RunStatus | None
    started_at: int | None
    ended_at: int | None
    model_id: int | None


class NewRun(NewRecord, frozen=True, kw_only=True):
    experiment_id: int
    owner: str | None = None
    state: ExperimentState | None = ExperimentState.LIVE
    status: RunStatus | None = RunStatus.RUNNING
    started_at: int | None = None
    ended_at: int | None = None
    model_id: int | None = None


class RunPatch(RecordPatch, frozen=True, kw_only=True):
    owner: str | None | UnsetType = UNSET
    state: ExperimentState | None | UnsetType = UNSET
    status: RunStatus | None | UnsetType = UNSET
    ended_at: int | None | UnsetType = UNSET


class MetricPoint(Record, frozen=True):
    """What a metric of a run was at one moment. `name` is the metric's; `created_at` is when it was written."""

    experiment_id: int
    run_id: int
    state: ArtifactState | None
    value: float
    step: int | None
    timestamp: str | None
    recorded_at: int | None


def point_of(metric: Artifact, run: Run) -> MetricPoint:
    """The point that a metric of a run is now."""
    return MetricPoint(
        id=0,
        project_id=metric.project_id,
        name=metric.name,
        external_id=None,
        description=metric.description,
        properties=metric.properties,
        created_at=metric.updated_at,
        updated_at=metric.updated_at,
        revision=1,
        experiment_id=run.experiment_id,
        run_id=run.id,
        state=metric.state,
        value=0.0 if metric.value is None else metric.value,
        step=metric.step,
        timestamp=metric.timestamp,
        recorded_at=metric.recorded_at,
    )


class NewPoint(msgspec.Struct, frozen=True, gc=False):
    """A value to log. `timestamp` is in milliseconds. A step or timestamp left out is that of the metric's point before, if it has one."""

    name: str
    value: float
    step: int | None = None
    timestamp: int | None = None


class Logged(msgspec.Struct, frozen=True):
    """What was stored of a batch: all of its points, so many of each metric."""

    points: int
    metrics: Mapping[str, int]


class Sample(msgspec.Struct, frozen=True, gc=False):
    """A point of a series, as far as it is drawn. `timestamp` is in milliseconds, None where it was none or no number."""

    id: int
    value: float
    step: int | None
    timestamp: int | None


class Steps(msgspec.Struct, frozen=True):
    """From `first` to `last`, both included."""

    first: int
    last: int


class Reading(msgspec.Struct, frozen=True):
    """`samples` of the `count` points that were asked for, in order of arrival."""

    count: int
    samples: Sequence[Sample]


class MetricSummary(msgspec.Struct, frozen=True):
    """A series at a glance: how many points, the lowest and the highest value, and the point that came last."""

    name: str
    count: int
    low: float
    high: float
    last: Sample
