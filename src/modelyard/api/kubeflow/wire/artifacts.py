"""Artifacts: five kinds of record, told apart by `artifactType`.

Where the body may be any kind, unknown keys are ignored and no defaults apply. Under `/model_artifacts` it can be one kind only, and
unknown keys are refused: `Plain...` structs read those bodies.
"""

from typing import Annotated, TypeAlias

from msgspec import Meta

from modelyard.api.kubeflow.wire import enums as e
from modelyard.api.kubeflow.wire import fields as f
from modelyard.api.kubeflow.wire.base import BaseResourceUpdate, ListOf, Wire
from modelyard.api.kubeflow.wire.notes import note

INT64 = Meta(ge=-(2**63), le=2**63 - 1)
"""Checked, not only documented: a number has no other place where a value too large could be told."""

Step = Annotated[Annotated[int, INT64] | None, note("Which step of the training it belongs to.", format="int64")]


class ModelArtifactUpdate(BaseResourceUpdate, tag_field="artifactType", tag="model-artifact"):
    """Changes to a model's files' record. What is left out stays."""

    model_format_name: f.ModelFormatName = None
    model_format_version: f.ModelFormatVersion = None
    model_source_class: f.ModelSourceClass = None
    model_source_group: f.ModelSourceGroup = None
    model_source_id: f.ModelSourceId = None
    model_source_kind: f.ModelSourceKind = None
    model_source_name: f.ModelSourceName = None
    service_account_name: f.ServiceAccountName = None
    state: e.ArtifactState | None = None
    storage_key: f.StorageKey = None
    storage_path: f.StoragePath = None
    uri: f.Uri = None


class ModelArtifactCreate(ModelArtifactUpdate, tag="model-artifact"):
    """A model's files to be recorded."""

    name: f.Name = None


class PlainModelArtifactUpdate(ModelArtifactUpdate, tag=False, forbid_unknown_fields=True):
    """The body of PATCH `/model_artifacts/{id}`: `artifactType` is any text there."""

    artifact_type: f.Text = None


class PlainModelArtifactCreate(ModelArtifactCreate, tag=False, forbid_unknown_fields=True):
    """The body of POST `/model_artifacts`: `artifactType` is any text there, and the state has a default."""

    artifact_type: f.Text = None
    state: e.ArtifactState | None = e.ArtifactState.UNKNOWN


class ModelArtifact(Wire, tag_field="artifactType", tag="model-artifact"):
    """The record of a model's files."""

    create_time_since_epoch: f.CreateTime = None
    custom_properties: f.CustomProperties = None
    description: f.Description = None
    experiment_id: f.MadeByExperimentId = None
    experiment_run_id: f.MadeByRunId = None
    external_id: f.ExternalId = None
    id: f.Id = None
    last_update_time_since_epoch: f.LastUpdateTime = None
    model_format_name: f.ModelFormatName = None
    model_format_version: f.ModelFormatVersion = None
    model_source_class: f.ModelSourceClass = None
    model_source_group: f.ModelSourceGroup = None
    model_source_id: f.ModelSourceId = None
    model_source_kind: f.ModelSourceKind = None
    model_source_name: f.ModelSourceName = None
    name: f.NonEmptyName = None
    service_account_name: f.ServiceAccountName = None
    state: e.ArtifactState | None = None
    storage_key: f.StorageKey = None
    storage_path: f.StoragePath = None
    uri: f.Uri = None


class DocArtifactUpdate(BaseResourceUpdate, tag_field="artifactType", tag="doc-artifact"):
    """Changes to a document's record. What is left out stays."""

    state: e.ArtifactState | None = None
    uri: f.Uri = None


class DocArtifactCreate(DocArtifactUpdate, tag="doc-artifact"):
    """A document to be recorded."""

    name: f.Name = None


class DocArtifact(Wire, tag_field="artifactType", tag="doc-artifact"):
    """The record of a document."""

    create_time_since_epoch: f.CreateTime = None
    custom_properties: f.CustomProperties = None
    description: f.Description = None
    experiment_id: f.MadeByExperimentId = None
    experiment_run_id: f.MadeByRunId = None
    external_id: f.ExternalId = None
    id: f.Id = None
    last_update_time_since_epoch: f.LastUpdateTime = None
    name: f.NonEmptyName = None
    state: e.ArtifactState | None = None
    uri: f.Uri = None


class DataSetUpdate(BaseResourceUpdate, tag_field="artifactType", tag="dataset-artifact"):
    """Changes to a data set's record. What is left out stays."""

    digest: f.Digest = None
    profile: f.Profile = None
    schema: f.Schema = None
    source: f.Source = None
    source_type: f.SourceType = None
    state: e.ArtifactState | None = None
    uri: f.Uri = None


class DataSetCreate(DataSetUpdate, tag="dataset-artifact"):
    """A data set to be recorded."""

    name: f.Name = None


class DataSet(Wire, tag_field="artifactType", tag="dataset-artifact"):
    """The record of a data set: what a model was trained or tested on."""

    create_time_since_epoch: f.CreateTime = None
    custom_properties: f.CustomProperties = None
    description: f.Description = None
    digest: f.Digest = None
    experiment_id: f.MadeByExperimentId = None
    experiment_run_id: f.MadeByRunId = None
    external_id: f.ExternalId = None
    id: f.Id = None
    last_update_time_since_epoch: f.LastUpdateTime = None
    name: f.NonEmptyName = None
    profile: f.Profile = None
    schema: f.Schema = None
    source: f.Source = None
    source_type: f.SourceType = None
    state: e.ArtifactState | None = None
    uri: f.Uri = None


class MetricUpdate(BaseResourceUpdate, tag_field="artifactType", tag="metric"):
    """Changes to a metric. What is left out stays."""

    state: e.ArtifactState | None = None
    step: Step = None
    timestamp: f.MetricTimestamp = None
    value: f.MetricValue = None


class MetricCreate(MetricUpdate, tag="metric"):
    """A metric to be recorded."""

    name: f.Name = None


class Metric(Wire, tag_field="artifactType", tag="metric"):
    """A measurement of a model: its latest value."""

    create_time_since_epoch: f.CreateTime = None
    custom_properties: f.CustomProperties = None
    description: f.Description = None
    experiment_id: f.MadeByExperimentId = None
    experiment_run_id: f.MadeByRunId = None
    external_id: f.ExternalId = None
    id: f.Id = None
    last_update_time_since_epoch: f.LastUpdateTime = None
    name: f.NonEmptyName = None
    state: e.ArtifactState | None = None
    step: Step = None
    timestamp: f.MetricTimestamp = None
    value: f.MetricValue = None


class ParameterUpdate(BaseResourceUpdate, tag_field="artifactType", tag="parameter"):
    """Changes to a parameter. What is left out stays."""

    parameter_type: e.ParameterType | None = None
    state: e.ArtifactState | None = None
    value: f.ParameterValue = None


class ParameterCreate(ParameterUpdate, tag="parameter"):
    """A parameter to be recorded."""

    name: f.Name = None


class Parameter(Wire, tag_field="artifactType", tag="parameter"):
    """A setting that a model was trained or run with."""

    create_time_since_epoch: f.CreateTime = None
    custom_properties: f.CustomProperties = None
    description: f.Description = None
    experiment_id: f.MadeByExperimentId = None
    experiment_run_id: f.MadeByRunId = None
    external_id: f.ExternalId = None
    id: f.Id = None
    last_update_time_since_epoch: f.LastUpdateTime = None
    name: f.NonEmptyName = None
    parameter_type: e.ParameterType | None = None
    state: e.ArtifactState | None = None
    value: f.ParameterValue = None


Artifact: TypeAlias = Annotated[
    ModelArtifact | DocArtifact | DataSet | Metric | Parameter, Meta(title="Artifact", description="An artifact of any kind.")
]
ArtifactCreate: TypeAlias = Annotated[
    ModelArtifactCreate | DocArtifactCreate | DataSetCreate | MetricCreate | ParameterCreate,
    Meta(title="ArtifactCreate", description="An artifact of any kind, to be recorded."),
]
ArtifactUpdate: TypeAlias = Annotated[
    ModelArtifactUpdate | DocArtifactUpdate | DataSetUpdate | MetricUpdate | ParameterUpdate,
    Meta(title="ArtifactUpdate", description="Changes to an artifact of any kind. What is left out stays."),
]


class ArtifactList(ListOf[Artifact]):
    """A page of artifacts of any kind."""


class ModelArtifactList(ListOf[ModelArtifact]):
    """A page of model artifacts."""


class MetricList(ListOf[Metric]):
    """A page of metrics, or of the points of their history."""
