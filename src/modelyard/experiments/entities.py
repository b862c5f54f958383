"""An experiment, its runs, and the points of their metrics."""

from enum import StrEnum

from msgspec import UNSET, UnsetType

from modelyard.artifacts.entities import ArtifactState
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
    """One run of an experiment. Unique by name in its experiment. `started_at` and `ended_at` are the caller's, in milliseconds."""

    experiment_id: int
    owner: str | None
    state: ExperimentState | None
    status: RunStatus | None
    started_at: int | None
    ended_at: int | None


class NewRun(NewRecord, frozen=True, kw_only=True):
    experiment_id: int
    owner: str | None = None
    state: ExperimentState | None = ExperimentState.LIVE
    status: RunStatus | None = RunStatus.RUNNING
    started_at: int | None = None
    ended_at: int | None = None


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
