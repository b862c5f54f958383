"""An environment, the inference services in it, and what was done to serve them."""

from enum import StrEnum

from msgspec import UNSET, UnsetType

from modelyard.records.record import NewRecord, Record, RecordPatch


class DesiredState(StrEnum):
    DEPLOYED = "DEPLOYED"
    UNDEPLOYED = "UNDEPLOYED"


class ServeState(StrEnum):
    UNKNOWN = "UNKNOWN"
    NEW = "NEW"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    FAILED = "FAILED"
    CACHED = "CACHED"
    CANCELED = "CANCELED"


class Environment(Record, frozen=True):
    """A place where models are served. Unique by name in its project."""


class NewEnvironment(NewRecord, frozen=True, kw_only=True):
    pass


class EnvironmentPatch(RecordPatch, frozen=True, kw_only=True):
    pass


class InferenceService(Record, frozen=True):
    """A served model: a fixed version of it, or, with `version_id` None, its newest. Unique by name in its environment.

    `cpu` and `memory` are quantities as Kubernetes writes them, for each replica. `message` says why it is as it is.
    """

    environment_id: int
    model_id: int
    version_id: int | None
    runtime: str | None
    desired_state: DesiredState | None
    replicas: int | None
    cpu: str | None
    memory: str | None
    gpu: int | None
    message: str | None


class NewInferenceService(NewRecord, frozen=True, kw_only=True):
    environment_id: int
    model_id: int
    version_id: int | None = None
    runtime: str | None = None
    desired_state: DesiredState | None = DesiredState.DEPLOYED
    replicas: int | None = None
    cpu: str | None = None
    memory: str | None = None
    gpu: int | None = None
    message: str | None = None


class InferenceServicePatch(RecordPatch, frozen=True, kw_only=True):
    version_id: int | None | UnsetType = UNSET
    runtime: str | None | UnsetType = UNSET
    desired_state: DesiredState | None | UnsetType = UNSET
    message: str | None | UnsetType = UNSET


class ServeRecord(Record, frozen=True):
    """One action to serve a version through a service. Unique by name in its service. Only what is known of its state changes."""

    service_id: int
    version_id: int
    last_known_state: ServeState | None


class NewServeRecord(NewRecord, frozen=True, kw_only=True):
    service_id: int
    version_id: int
    last_known_state: ServeState | None = ServeState.UNKNOWN


class ServePatch(RecordPatch, frozen=True, kw_only=True):
    last_known_state: ServeState | None | UnsetType = UNSET
