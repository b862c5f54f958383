"""The closed sets of words that the Kubeflow API speaks. Values are what goes over the wire, in capitals or with dashes."""

from collections.abc import Mapping
from enum import StrEnum


class RegisteredModelState(StrEnum):
    """Whether a model is in use or kept for the record only."""

    LIVE = "LIVE"
    ARCHIVED = "ARCHIVED"


class ModelVersionState(StrEnum):
    """Whether a version is in use or kept for the record only."""

    LIVE = "LIVE"
    ARCHIVED = "ARCHIVED"


class ExperimentState(StrEnum):
    """Whether an experiment is in use or kept for the record only."""

    LIVE = "LIVE"
    ARCHIVED = "ARCHIVED"


class ExperimentRunState(StrEnum):
    """Whether a run is in use or kept for the record only; says nothing of its progress."""

    LIVE = "LIVE"
    ARCHIVED = "ARCHIVED"


class ExperimentRunStatus(StrEnum):
    """How far a run has come. Any change between them is accepted."""

    RUNNING = "RUNNING"
    SCHEDULED = "SCHEDULED"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


class InferenceServiceState(StrEnum):
    """What an inference service should be; what it is comes from its serve records."""

    DEPLOYED = "DEPLOYED"
    UNDEPLOYED = "UNDEPLOYED"


class ExecutionState(StrEnum):
    """What was last seen of one attempt to serve a version."""

    UNKNOWN = "UNKNOWN"
    NEW = "NEW"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"
    CACHED = "CACHED"
    CANCELED = "CANCELED"


class ArtifactState(StrEnum):
    """What is known of the thing an artifact record points to."""

    UNKNOWN = "UNKNOWN"
    PENDING = "PENDING"
    LIVE = "LIVE"
    MARKED_FOR_DELETION = "MARKED_FOR_DELETION"
    DELETED = "DELETED"
    ABANDONED = "ABANDONED"
    REFERENCE = "REFERENCE"


class ParameterType(StrEnum):
    """How the text of a parameter's value is meant. The server does not check the value against it."""

    STRING = "string"
    NUMBER = "number"
    BOOLEAN = "boolean"
    OBJECT = "object"


class ArtifactTypeQueryParam(StrEnum):
    """The kinds of artifact a list can be narrowed to; also the values of `artifactType`."""

    MODEL_ARTIFACT = "model-artifact"
    DOC_ARTIFACT = "doc-artifact"
    DATASET_ARTIFACT = "dataset-artifact"
    METRIC = "metric"
    PARAMETER = "parameter"


class OrderByField(StrEnum):
    """What a list can be ordered by."""

    CREATE_TIME = "CREATE_TIME"
    LAST_UPDATE_TIME = "LAST_UPDATE_TIME"
    ID = "ID"


class SortOrder(StrEnum):
    """Which way a list is ordered."""

    ASC = "ASC"
    DESC = "DESC"


DEFAULTS: Mapping[type[StrEnum], StrEnum] = {
    ArtifactState: ArtifactState.UNKNOWN,
    ExecutionState: ExecutionState.UNKNOWN,
    ExperimentRunState: ExperimentRunState.LIVE,
    ExperimentRunStatus: ExperimentRunStatus.RUNNING,
    ExperimentState: ExperimentState.LIVE,
    InferenceServiceState: InferenceServiceState.DEPLOYED,
    ModelVersionState: ModelVersionState.LIVE,
    ParameterType: ParameterType.STRING,
    RegisteredModelState: RegisteredModelState.LIVE,
}
"""What the contract gives each as its default, wherever it is used. For the document: the defaults that apply to a body are those of
the struct that it is read as."""
