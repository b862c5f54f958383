"""What differs between the versions of this API on the wire: a metric's step, and whether there are experiments."""

from collections.abc import Mapping
from typing import Any

import msgspec

from modelyard.api.kubeflow import wire
from modelyard.api.kubeflow.vocabulary import V1_PREFIX
from modelyard.api.kubeflow.wire import v1
from modelyard.artifacts.entities import ArtifactType


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """The structs of artifacts: as shown, and the unions that bodies are read as."""

    name: str
    prefix: str
    document: str
    experiments: bool
    shown: Mapping[ArtifactType, type[wire.Wire]]
    artifact: Any
    create: Any
    update: Any
    list: Any
    model_list: Any


V1ALPHA3 = Version(
    name="v1alpha3",
    prefix="/api/model_registry/v1alpha3",
    document="/openapi/kubeflow.json",
    experiments=True,
    shown={
        ArtifactType.MODEL: wire.ModelArtifact,
        ArtifactType.DOCUMENT: wire.DocArtifact,
        ArtifactType.DATASET: wire.DataSet,
        ArtifactType.METRIC: wire.Metric,
        ArtifactType.PARAMETER: wire.Parameter,
    },
    artifact=wire.Artifact,
    create=wire.ArtifactCreate,
    update=wire.ArtifactUpdate,
    list=wire.ArtifactList,
    model_list=wire.ModelArtifactList,
)
V1 = Version(
    name="v1",
    prefix=V1_PREFIX,
    document="/openapi/kubeflow-v1.json",
    experiments=False,
    shown={
        ArtifactType.MODEL: v1.ModelArtifact,
        ArtifactType.DOCUMENT: v1.DocArtifact,
        ArtifactType.DATASET: v1.DataSet,
        ArtifactType.METRIC: v1.Metric,
        ArtifactType.PARAMETER: v1.Parameter,
    },
    artifact=v1.Artifact,
    create=v1.ArtifactCreate,
    update=v1.ArtifactUpdate,
    list=v1.ArtifactList,
    model_list=v1.ModelArtifactList,
)
