"""Where the successor's path, `/api/model_registry/v1`, speaks another JSON: a metric's `step` is text there.

Its clients (`model-registry` 0.3.15 and newer) refuse a number. Names are those of the contract, as each version has a document of
its own. Artifacts tell of no experiment, and experiments, runs and metric history do not exist. All other structs are shared.
"""

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias, cast

import msgspec
from msgspec import Meta

from modelyard.api.kubeflow.wire import artifacts
from modelyard.api.kubeflow.wire import enums as e
from modelyard.api.kubeflow.wire import fields as f
from modelyard.api.kubeflow.wire.base import BaseResourceUpdate, ListOf, Wire
from modelyard.api.kubeflow.wire.notes import note
from modelyard.api.kubeflow.wire.values import MetadataValue

Step = Annotated[str | None, note("Which step of the training it belongs to, in decimal digits.", format="int64")]


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
    external_id: f.ExternalId = None
    id: f.Id = None
    last_update_time_since_epoch: f.LastUpdateTime = None
    name: f.NonEmptyName = None
    state: e.ArtifactState | None = None
    step: Step = None
    timestamp: f.MetricTimestamp = None
    value: f.MetricValue = None


def _without_experiments(struct: type[Wire]) -> type[Wire]:
    """The same struct, under the same name, without the two fields that tell of an experiment."""
    fields = [(field.name, field.type, field.default) for field in msgspec.structs.fields(struct) if field.name not in _EXPERIMENT_FIELDS]
    made = msgspec.defstruct(
        struct.__name__,
        fields,
        bases=(Wire,),
        tag_field=struct.__struct_config__.tag_field,
        tag=struct.__struct_config__.tag,
        kw_only=True,
        namespace={"__doc__": struct.__doc__},
    )
    return cast("type[Wire]", made)


_EXPERIMENT_FIELDS = ("experiment_id", "experiment_run_id")
ModelArtifact = _without_experiments(artifacts.ModelArtifact)
DocArtifact = _without_experiments(artifacts.DocArtifact)
DataSet = _without_experiments(artifacts.DataSet)
Parameter = _without_experiments(artifacts.Parameter)

Artifact: Any = Annotated[
    ModelArtifact | DocArtifact | DataSet | Metric | Parameter,
    Meta(title="Artifact", description="An artifact of any kind."),
]
ArtifactCreate: TypeAlias = Annotated[
    artifacts.ModelArtifactCreate | artifacts.DocArtifactCreate | artifacts.DataSetCreate | MetricCreate | artifacts.ParameterCreate,
    Meta(title="ArtifactCreate", description="An artifact of any kind, to be recorded."),
]
ArtifactUpdate: TypeAlias = Annotated[
    artifacts.ModelArtifactUpdate | artifacts.DocArtifactUpdate | artifacts.DataSetUpdate | MetricUpdate | artifacts.ParameterUpdate,
    Meta(title="ArtifactUpdate", description="Changes to an artifact of any kind. What is left out stays."),
]


class ArtifactList(ListOf[Artifact]):
    """A page of artifacts of any kind."""


UNIONS: Mapping[str, Any] = {
    "Artifact": Artifact,
    "ArtifactCreate": ArtifactCreate,
    "ArtifactUpdate": ArtifactUpdate,
    "MetadataValue": MetadataValue,
}
"""The schemas that are a choice of others."""


class ModelArtifactList(ListOf[ModelArtifact]):  # type: ignore[valid-type]  # a struct that is made at run time, which mypy takes for a value
    """A page of model artifacts."""
