"""What this dialect calls the domain's nouns, and the sentences that it says about each."""

from collections.abc import Mapping

import msgspec

from modelyard.artifacts.entities import ArtifactType
from modelyard.records.kinds import Kind


class Noun(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of resource in this dialect's words.

    `label` stands in most messages; `plural` only where a search found nothing (two nouns have no plural there in the original);
    `unfound` where an id did, `id_label` where an id is no number (empty: the label). `parent_param` is what a search calls the parent;
    empty: the noun is searched without one.
    """

    label: str
    plural: str
    unfound: str = ""
    id_label: str = ""
    parent_param: str = ""
    search_rule: str = "name or externalId"

    def missing(self, id_: object) -> str:
        """404 for an id."""
        return f"no {self.unfound or self.label} found for id {id_}: not found"

    def none_found(self, name: str | None, external_id: str | None, parent_id: str | None = None) -> str:
        """404 for a search without a match."""
        return f"no {self.plural} found for {self._search(name, external_id, parent_id)}: not found"

    def several_found(self, name: str | None, external_id: str | None, parent_id: str | None = None) -> str:
        """404 for a search with more matches than one."""
        return f"multiple {self.plural} found for {self._search(name, external_id, parent_id)}: not found"

    def taken(self, name: str, clash: str = "") -> str:
        """409. The original always blames the name; `clash` says what it is when it is not."""
        return f"{self.label} with name {name} already exists{clash and f' ({clash})'}: conflict"

    def bad_search(self) -> str:
        """400 for a search by parameters that do not name one resource."""
        return f"invalid parameters call, supply either {self.search_rule}: bad request"

    def _search(self, name: str | None, external_id: str | None, parent_id: str | None) -> str:
        parent = f"{self.parent_param}={parent_id or ''}, " if self.parent_param else ""
        return f"name={name or ''}, {parent}externalId={external_id or ''}"


_BY_PARENT = "(name and parentResourceId), or externalId"
_BY_EXPERIMENT = "(name and experimentId), or externalId"
_BY_ARTIFACT_NAME = "(artifactName and parentResourceId), or externalId"

MODEL = Noun(label="registered model", plural="registered models")
VERSION = Noun(
    label="model version",
    plural="model versions",
    parent_param="parentResourceId",
    search_rule=_BY_PARENT,
)
EXPERIMENT = Noun(label="experiment", plural="experiments")
RUN = Noun(
    label="experiment run",
    plural="experiment runs",
    parent_param="experimentId",
    search_rule=_BY_EXPERIMENT,
)
ENVIRONMENT = Noun(label="serving environment", plural="serving environment")
SERVICE = Noun(
    label="inference service",
    plural="inference service",
    unfound="InferenceService",
    parent_param="parentResourceId",
    search_rule=_BY_PARENT,
)
SERVE = Noun(label="serve model", plural="serve models")
ARTIFACT = Noun(label="artifact", plural="artifacts", parent_param="parentResourceId", search_rule=_BY_ARTIFACT_NAME)
MODEL_ARTIFACT = Noun(
    label="model artifact",
    plural="model artifacts",
    unfound="artifact",
    id_label="artifact",
    parent_param="parentResourceId",
    search_rule=_BY_ARTIFACT_NAME,
)

NOUNS: Mapping[Kind, Noun] = {
    Kind.MODEL: MODEL,
    Kind.VERSION: VERSION,
    Kind.EXPERIMENT: EXPERIMENT,
    Kind.RUN: RUN,
    Kind.ENVIRONMENT: ENVIRONMENT,
    Kind.SERVICE: SERVICE,
    Kind.SERVE: SERVE,
    Kind.ARTIFACT: ARTIFACT,
    Kind.METRIC_POINT: ARTIFACT,
}

PARENT_LABEL = "parent resource"
"""What searches and lists of artifacts call a parent's id that cannot be read."""

ARTIFACT_LABELS: Mapping[ArtifactType, str] = {
    ArtifactType.MODEL: "model artifact",
    ArtifactType.DOCUMENT: "doc artifact",
    ArtifactType.DATASET: "dataset artifact",
    ArtifactType.METRIC: "metric artifact",
    ArtifactType.PARAMETER: "parameter artifact",
}
"""Each type of artifact in messages about a taken name or a wrong type."""

V1_PREFIX = "/api/model_registry/v1"
V1_ABSENT_OPERATIONS = frozenset(
    {
        "createExperiment",
        "createExperimentExperimentRun",
        "createExperimentRun",
        "findExperiment",
        "findExperimentRun",
        "getExperiment",
        "getExperimentExperimentRuns",
        "getExperimentRun",
        "getExperimentRunArtifacts",
        "getExperimentRunMetricHistory",
        "getExperimentRuns",
        "getExperimentRunsMetricHistory",
        "getExperiments",
        "updateExperiment",
        "updateExperimentRun",
        "upsertExperimentRunArtifact",
    }
)
"""v1 has the other 40 of the 56 operations, under the same ids.

Read from the client generated for v1 (`mr_openapi` in `model-registry` 0.3.18) against that for v1alpha3 (0.3.14). Besides: artifacts
have no `experimentId` and `experimentRunId`, there is no `MetricList`, and a metric's `step` is text (`wire.v1`). The five artifact types,
all enums, the query parameters and every other field are the same.
"""

V1_PATH_PARAMETERS: Mapping[str, str] = {
    "registeredmodelId": "registered_model_id",
    "modelversionId": "model_version_id",
    "modelartifactId": "model_artifact_id",
    "inferenceserviceId": "inference_service_id",
    "servingenvironmentId": "serving_environment_id",
}
"""Names in the paths of v1 that differ; `id` is the same. Only documents and generated clients see them."""
