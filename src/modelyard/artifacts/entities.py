"""An artifact: a model's files, a document, a dataset, a metric or a parameter."""

from enum import StrEnum

import msgspec
from msgspec import UNSET, UnsetType

from modelyard.records.record import NewRecord, Record, RecordPatch


class ArtifactType(StrEnum):
    MODEL = "model-artifact"
    DOCUMENT = "doc-artifact"
    DATASET = "dataset-artifact"
    METRIC = "metric"
    PARAMETER = "parameter"

    @property
    def measured(self) -> bool:
        """Metrics and parameters are what a run measures: posting one again under its name changes it."""
        return self in (ArtifactType.METRIC, ArtifactType.PARAMETER)


class ArtifactState(StrEnum):
    UNKNOWN = "UNKNOWN"
    PENDING = "PENDING"
    LIVE = "LIVE"
    MARKED_FOR_DELETION = "MARKED_FOR_DELETION"
    DELETED = "DELETED"
    ABANDONED = "ABANDONED"
    REFERENCE = "REFERENCE"


class ParameterType(StrEnum):
    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    OBJECT = "object"


class Artifact(Record, frozen=True):
    """Unique by name among the artifacts of its type and owner; without an owner names may repeat.

    `owner_id` is the version or run under which it was created (it can be attached to more, see `Links`). `experiment_id` and
    `run_id` tell which run produced it. `timestamp` is text as the client sent it, `recorded_at` the same as a number of milliseconds
    where it is one. Fields that do not belong to the type are None.
    """

    type: ArtifactType
    owner_id: int | None
    experiment_id: int | None
    run_id: int | None
    state: ArtifactState | None
    uri: str | None
    model_format_name: str | None
    model_format_version: str | None
    storage_key: str | None
    storage_path: str | None
    service_account_name: str | None
    model_source_kind: str | None
    model_source_class: str | None
    model_source_group: str | None
    model_source_id: str | None
    model_source_name: str | None
    digest: str | None
    source_type: str | None
    source: str | None
    schema: str | None
    profile: str | None
    value: float | None
    step: int | None
    timestamp: str | None
    recorded_at: int | None
    text_value: str | None
    parameter_type: ParameterType | None


class ArtifactDraft(RecordPatch, frozen=True, kw_only=True):
    """What a caller says of an artifact: all of it when it is new, the changes when it exists. UNSET is unsaid."""

    type: ArtifactType
    name: str | None = None
    state: ArtifactState | None | UnsetType = UNSET
    uri: str | None | UnsetType = UNSET
    model_format_name: str | None | UnsetType = UNSET
    model_format_version: str | None | UnsetType = UNSET
    storage_key: str | None | UnsetType = UNSET
    storage_path: str | None | UnsetType = UNSET
    service_account_name: str | None | UnsetType = UNSET
    model_source_kind: str | None | UnsetType = UNSET
    model_source_class: str | None | UnsetType = UNSET
    model_source_group: str | None | UnsetType = UNSET
    model_source_id: str | None | UnsetType = UNSET
    model_source_name: str | None | UnsetType = UNSET
    digest: str | None | UnsetType = UNSET
    source_type: str | None | UnsetType = UNSET
    source: str | None | UnsetType = UNSET
    schema: str | None | UnsetType = UNSET
    profile: str | None | UnsetType = UNSET
    value: float | None | UnsetType = UNSET
    step: int | None | UnsetType = UNSET
    timestamp: str | None | UnsetType = UNSET
    text_value: str | None | UnsetType = UNSET
    parameter_type: ParameterType | None | UnsetType = UNSET


class NewArtifact(NewRecord, frozen=True, kw_only=True):
    """The common part of a new artifact; the rest comes from its draft."""

    type: ArtifactType


class Put(msgspec.Struct, frozen=True):
    """The outcome of putting an artifact under a parent: the artifact, and whether it is new."""

    artifact: Artifact
    created: bool


class RunLink(msgspec.Struct, frozen=True):
    """Which run produces what is measured."""

    experiment_id: int
    run_id: int


class Measured(msgspec.Struct, frozen=True):
    """What a metric was last: fields of `Artifact`."""

    value: float
    step: int | None
    timestamp: str | None
    recorded_at: int | None
