"""What goes over the wire. The names of structs are those of the contract's schemas; what a body does not say is UNSET.

An answer leaves out what there is none of, so nothing in it is required; a request is closed, and its limits are in its schema.
"""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from modelyard.records.properties import INT64_MAX
from modelyard.store.columns import NAME_LENGTH

MAX_TAGS = 100
MAX_VALUES = 1_000
"""Metrics, or parameters, in one request."""

Name = Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH)]
Tags = Annotated[tuple[Name, ...], Meta(max_length=MAX_TAGS, description="In this order; doubles count once.")]
Metrics = Annotated[
    dict[Name, float], Meta(max_length=MAX_VALUES, description="Key-value pairs of model metrics (accuracy, loss, etc.), finite.")
]
Parameters = Annotated[dict[Name, str], Meta(max_length=MAX_VALUES, description="Hyperparameters used for training.")]
Cpu = Annotated[
    str, Meta(pattern=r"^[0-9]{1,9}(\.[0-9]{1,9}|m)?$(?!\n)", max_length=NAME_LENGTH, description="Of each replica, such as `500m` or `2`.")
]
Memory = Annotated[
    str,
    Meta(
        pattern=r"^[0-9]{1,18}(\.[0-9]{1,9})?([kMGTPE]|[KMGTPE]i)?$(?!\n)",
        max_length=NAME_LENGTH,
        description="Of each replica, such as `512Mi` or `2Gi`.",
    ),
]
Count = Annotated[int, Meta(ge=0, le=INT64_MAX)]

Text: TypeAlias = str | UnsetType
Moment: TypeAlias = Annotated[datetime, Meta(tz=True)] | UnsetType


class VersionStatus(StrEnum):
    DRAFT = "draft"
    STAGING = "staging"
    PRODUCTION = "production"
    ARCHIVED = "archived"


class ExperimentStatus(StrEnum):
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class DeploymentStatus(StrEnum):
    DEPLOYING = "deploying"
    ACTIVE = "active"
    STOPPED = "stopped"
    FAILED = "failed"


class Shown(msgspec.Struct, gc=False):
    """Part of an answer."""


class Given(msgspec.Struct, forbid_unknown_fields=True):
    """A body."""


class Model(Shown):
    id: Text = UNSET
    name: Text = UNSET
    description: Text = UNSET
    framework: Annotated[Text, Meta(description="ML framework (e.g., tensorflow, pytorch, sklearn)")] = UNSET
    task_type: Annotated[Text, Meta(description="Type of ML task (e.g., classification, regression, nlp)")] = UNSET
    tags: list[str] | UnsetType = UNSET
    latest_version: Annotated[Text, Meta(description="The newest version that is not archived.")] = UNSET
    versions_count: int | UnsetType = UNSET
    created_at: Moment = UNSET
    updated_at: Moment = UNSET
    created_by: Text = UNSET


class ModelRequest(Given):
    name: Name
    description: Text = UNSET
    framework: Text = UNSET
    task_type: Text = UNSET
    tags: Tags | UnsetType = UNSET


class ModelPatch(Given):
    """What is not given stays; null clears."""

    name: Name | UnsetType = UNSET
    description: str | None | UnsetType = UNSET
    framework: str | None | UnsetType = UNSET
    task_type: str | None | UnsetType = UNSET
    tags: Tags | None | UnsetType = UNSET


class ModelList(Shown):
    models: list[Model] | UnsetType = UNSET
    total_count: int | UnsetType = UNSET


class ModelVersion(Shown):
    id: Text = UNSET
    model_id: Text = UNSET
    version: Text = UNSET
    description: Text = UNSET
    status: VersionStatus | UnsetType = UNSET
    artifact_path: Annotated[Text, Meta(description="Path to the model artifact in Artifactory")] = UNSET
    metrics: dict[str, float] | UnsetType = UNSET
    parameters: dict[str, str] | UnsetType = UNSET
    created_at: Moment = UNSET
    created_by: Text = UNSET


class ModelVersionRequest(Given):
    version: Name
    description: Text = UNSET
    status: VersionStatus | UnsetType = UNSET
    artifact_path: Text = UNSET
    metrics: Metrics | UnsetType = UNSET
    parameters: Parameters | UnsetType = UNSET


class ModelVersionPatch(Given):
    """What is not given stays; null clears. Metrics and parameters are added to, or changed by name."""

    description: str | None | UnsetType = UNSET
    status: VersionStatus | UnsetType = UNSET
    artifact_path: str | None | UnsetType = UNSET
    metrics: Metrics | UnsetType = UNSET
    parameters: Parameters | UnsetType = UNSET


class ModelVersionList(Shown):
    versions: list[ModelVersion] | UnsetType = UNSET
    total_count: int | UnsetType = UNSET


class Experiment(Shown):
    id: Text = UNSET
    name: Text = UNSET
    description: Text = UNSET
    model_id: Text = UNSET
    status: ExperimentStatus | UnsetType = UNSET
    metrics: dict[str, float] | UnsetType = UNSET
    parameters: dict[str, str] | UnsetType = UNSET
    created_at: Moment = UNSET
    completed_at: Moment = UNSET
    created_by: Text = UNSET


class ExperimentRequest(Given):
    name: Name
    description: Text = UNSET
    model_id: Text = UNSET
    parameters: Parameters | UnsetType = UNSET


class ExperimentPatch(Given):
    """What is not given stays. Metrics and parameters are added to, or changed by name; each metric is also a point of its history."""

    status: ExperimentStatus | UnsetType = UNSET
    metrics: Metrics | UnsetType = UNSET
    parameters: Parameters | UnsetType = UNSET


class ExperimentList(Shown):
    experiments: list[Experiment] | UnsetType = UNSET
    total_count: int | UnsetType = UNSET


class Deployment(Shown):
    id: Text = UNSET
    name: Text = UNSET
    model_id: Text = UNSET
    model_version_id: Text = UNSET
    status: DeploymentStatus | UnsetType = UNSET
    endpoint_url: Annotated[str, Meta(extra_json_schema={"format": "uri"})] | UnsetType = UNSET
    replicas: int | UnsetType = UNSET
    created_at: Moment = UNSET
    updated_at: Moment = UNSET
    message: Annotated[Text, Meta(description="Why it failed, or why nothing of it runs. Not in JFrog's contract.")] = UNSET


class Resources(Given):
    cpu: Cpu | UnsetType = UNSET
    memory: Memory | UnsetType = UNSET
    gpu: Count | UnsetType = UNSET


class DeploymentRequest(Given):
    name: Name
    model_id: str
    model_version_id: str
    replicas: Count = 1
    resources: Resources | UnsetType = UNSET


class DeploymentList(Shown):
    deployments: list[Deployment] | UnsetType = UNSET
    total_count: int | UnsetType = UNSET


class Fault(Shown):
    """What is wrong with one field of a body."""

    field: str
    message: str


class Problem(msgspec.Struct, omit_defaults=True):
    """What went wrong, as RFC 9457 has it. `instance` is the request's id, by which the server's log finds it."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: list[Fault] = []
