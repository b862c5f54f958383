"""The dialect's operation tables: v1alpha3 with its 56 operations, and 40 of them again as v1, its successor.

One entry is at once a route, the permission it needs and a part of the OpenAPI document.
"""

import re
from typing import Any

from modelyard.access.permissions import Permission
from modelyard.api.http.operation import Dialect, DocumentInfo, Handler, Operation, Parameter
from modelyard.api.kubeflow import handlers as h
from modelyard.api.kubeflow import parameters as p
from modelyard.api.kubeflow import wire
from modelyard.api.kubeflow.artifacts import ArtifactHandlers, ModelArtifactHandlers, model_artifacts_only, named_steps
from modelyard.api.kubeflow.decode import refuse_null_bytes
from modelyard.api.kubeflow.errors import render_error
from modelyard.api.kubeflow.resources import ENVIRONMENT, EXPERIMENT, MODEL, RUN, SERVICE, Resources, Services, resources
from modelyard.api.kubeflow.versions import V1, V1ALPHA3, Version
from modelyard.api.kubeflow.vocabulary import V1_ABSENT_OPERATIONS, V1_PATH_PARAMETERS
from modelyard.artifacts.entities import ArtifactType
from modelyard.search.tree import equals

_READ_FAILURES = (400, 401, 404, 500, 503)
_CREATE_FAILURES = (400, 401, 404, 409, 413, 422, 500, 503)
_UPDATE_FAILURES = (400, 401, 404, 409, 412, 413, 422, 500, 503)
_PARAM = re.compile(r"\{(\w+)\}")

R, W = Permission.MODELS_READ, Permission.MODELS_WRITE
ER, EW = Permission.EXPERIMENTS_READ, Permission.EXPERIMENTS_WRITE
AR, AW = Permission.ARTIFACTS_READ, Permission.ARTIFACTS_WRITE
DR, DW = Permission.DEPLOYMENTS_READ, Permission.DEPLOYMENTS_WRITE


def dialects(services: Services, max_page_size: int = 0) -> tuple[Dialect, ...]:
    """Both versions. `max_page_size` bounds the pages of lists, 0 does not."""
    return (_dialect(services, V1ALPHA3, max_page_size), _dialect(services, V1, max_page_size))


def _dialect(services: Services, version: Version, most: int) -> Dialect:
    table = operations(services, version, most)
    if not version.experiments:
        table = tuple(_renamed(operation) for operation in table if operation.id not in V1_ABSENT_OPERATIONS)
    unions = {"Artifact": version.artifact, "ArtifactCreate": version.create, "ArtifactUpdate": version.update}
    return Dialect(
        name="kubeflow",
        prefix=version.prefix,
        operations=table,
        render_error=render_error,
        before_routing=refuse_null_bytes,
        document=DocumentInfo(
            title="Kubeflow Model Registry API",
            version=version.name,
            url=version.document,
            description="Models, versions, artifacts and where they are served, in the words of Kubeflow's Model Registry.",
            extra_schemas=wire.UNUSED_SCHEMAS,
            unions={**unions, "MetadataValue": wire.MetadataValue},
            keywords=wire.KEYWORDS,
            free_tags=wire.FREE_TAGS,
        ),
    )


def _renamed(operation: Operation) -> Operation:
    """v1 calls the ids in its paths by other names."""
    path = _PARAM.sub(lambda found: "{" + V1_PATH_PARAMETERS.get(found[1], found[1]) + "}", operation.path)
    parameters = tuple(p.path(V1_PATH_PARAMETERS.get(one.name, one.name)) if one.required else one for one in operation.parameters)
    return _replace(operation, path=path, parameters=parameters)


def _replace(operation: Operation, **changes: Any) -> Operation:
    return Operation(**{name: getattr(operation, name) for name in operation.__struct_fields__} | changes)


def operations(services: Services, version: Version, most: int) -> tuple[Operation, ...]:
    r = resources(services, version, most)
    return (*_artifacts(services, version, r), *_experiments(r, version, services), *_serving(services, r), *_models(r))


def _get(id_: str, path: str, permission: Permission, handler: Handler, shows: Any, summary: str, *parameters: Parameter) -> Operation:
    return _operation(id_, "GET", path, permission, handler, {200: shows}, _READ_FAILURES, summary, parameters, None)


def _post(
    id_: str,
    path: str,
    permission: Permission,
    handler: Handler,
    body: Any,
    shows: Any,
    summary: str,
    *also: int,
) -> Operation:
    return _operation(id_, "POST", path, permission, handler, dict.fromkeys((*also, 201), shows), _CREATE_FAILURES, summary, (), body)


def _patch(id_: str, path: str, permission: Permission, handler: Handler, body: Any, shows: Any, summary: str) -> Operation:
    return _operation(id_, "PATCH", path, permission, handler, {200: shows}, _UPDATE_FAILURES, summary, (p.IF_MATCH,), body)


def _operation(
    id_: str,
    method: str,
    path: str,
    permission: Permission,
    handler: Handler,
    shows: dict[int, Any],
    failures: tuple[int, ...],
    summary: str,
    parameters: tuple[Parameter, ...],
    body: Any,
) -> Operation:
    return Operation(
        id=id_,
        method=method,
        path=path,
        permission=permission,
        handler=handler,
        summary=summary,
        parameters=(*(p.path(name) for name in _PARAM.findall(path)), *parameters),
        body=body,
        responses=shows | dict.fromkeys(failures, wire.Error),
    )


def _artifacts(services: Services, version: Version, r: Resources) -> tuple[Operation, ...]:
    one = ArtifactHandlers(services.artifacts, version, r.artifacts)
    model = ModelArtifactHandlers(services.artifacts, r.artifacts.show)
    only_models = equals("type", "model-artifact")
    find = (p.NAME, p.EXTERNAL_ID, p.PARENT_ID)
    shows, lists = version.artifact, version.list
    put_version = one.put(version.artifact, r.versions, services.models.put_artifact)
    version_artifacts = "/model_versions/{modelversionId}/artifacts"
    plain = version.shown[ArtifactType.MODEL]
    return (
        _get("findArtifact", "/artifact", AR, h.find(r.artifacts), shows, "Find an artifact", *find),
        _get("getArtifacts", "/artifacts", AR, one.list_all, lists, "List artifacts", p.ARTIFACT_TYPE, *p.LIST),
        _post("createArtifact", "/artifacts", AW, one.create(version.create), version.create, shows, "Create a free-standing artifact"),
        _get("getArtifact", "/artifacts/{id}", AR, one.get, shows, "Get an artifact"),
        _patch("updateArtifact", "/artifacts/{id}", AW, one.update(version.update), version.update, shows, "Change an artifact"),
        _get("findModelArtifact", "/model_artifact", AR, h.find(r.model_artifacts, only_models), plain, "Find a model artifact", *find),
        _get("getModelArtifacts", "/model_artifacts", AR, h.listing(r.model_artifacts, model_artifacts_only), version.model_list,
             "List model artifacts", *p.LIST),
        _post("createModelArtifact", "/model_artifacts", AW, model.create, wire.ModelArtifactCreate, plain, "Create a model artifact"),
        _get("getModelArtifact", "/model_artifacts/{modelartifactId}", AR, h.get(r.model_artifacts), plain, "Get a model artifact"),
        _patch("updateModelArtifact", "/model_artifacts/{modelartifactId}", AW, model.update, wire.ModelArtifactUpdate, plain,
               "Change a model artifact"),
        _get("getModelVersionArtifacts", version_artifacts, AR, one.list_children, lists, "List a version's artifacts",
             p.ARTIFACT_TYPE, *p.CHILDREN),
        _post("upsertModelVersionArtifact", version_artifacts, AW, put_version, version.artifact, shows,
             "Put an artifact under a version", 200),
    )  # fmt: skip


def _experiments(r: Resources, version: Version, services: Services) -> tuple[Operation, ...]:
    one = ArtifactHandlers(services.artifacts, version, r.artifacts)
    put = one.put(version.artifact, r.runs, services.experiments.put_artifact)
    find_run = (p.NAME, p.EXTERNAL_ID, p.PARENT_ID)
    runs, run = "/experiment_runs", "/experiment_runs/{experimentrunId}"
    of_experiment = "/experiments/{experimentId}/experiment_runs"
    history = (p.FILTER, p.NAME, p.STEP_IDS, *p.PAGE)
    all_points, points = h.listing(r.points, named_steps), h.listing(r.points, h.within(RUN, named_steps), h.existing(RUN, r.runs.get))
    run_create = h.create(r.runs, wire.ExperimentRunCreate)
    nested_create = h.create(r.runs, wire.NestedExperimentRun, nested=True)
    nested_runs = h.listing(r.runs, h.within(EXPERIMENT), h.existing(EXPERIMENT, r.experiments.get))
    shows, lists = wire.ExperimentRun, wire.ExperimentRunList
    return (
        _get("findExperiment", "/experiment", ER, h.find(r.experiments), wire.Experiment, "Find an experiment", p.NAME, p.EXTERNAL_ID),
        _get("getExperiments", "/experiments", ER, h.listing(r.experiments), wire.ExperimentList, "List experiments", *p.LIST),
        _post("createExperiment", "/experiments", EW, h.create(r.experiments, wire.ExperimentCreate), wire.ExperimentCreate,
              wire.Experiment, "Create an experiment"),
        _get("getExperiment", "/experiments/{experimentId}", ER, h.get(r.experiments), wire.Experiment, "Get an experiment"),
        _patch("updateExperiment", "/experiments/{experimentId}", EW, h.update(r.experiments), wire.ExperimentUpdate, wire.Experiment,
               "Change an experiment"),
        _get("getExperimentExperimentRuns", of_experiment, ER, nested_runs, lists, "List an experiment's runs", *p.CHILDREN),
        _post("createExperimentExperimentRun", of_experiment, EW, nested_create, wire.ExperimentRun, shows,
             "Create a run in an experiment"),
        _get("findExperimentRun", "/experiment_run", ER, h.find(r.runs), shows, "Find a run", *find_run),
        _get("getExperimentRuns", runs, ER, h.listing(r.runs), lists, "List runs", *p.LIST),
        _post("createExperimentRun", runs, EW, run_create, wire.ExperimentRunCreate, shows, "Create a run"),
        _get("getExperimentRunsMetricHistory", runs + "/metric_history", ER, all_points, wire.MetricList,
             "History of all runs' metrics", *history),
        _get("getExperimentRun", run, ER, h.get(r.runs), shows, "Get a run"),
        _patch("updateExperimentRun", run, EW, h.update(r.runs), wire.ExperimentRunUpdate, shows, "Change a run"),
        _get("getExperimentRunArtifacts", run + "/artifacts", ER, one.list_children, version.list, "List a run's artifacts",
             p.ARTIFACT_TYPE, *p.CHILDREN),
        _post("upsertExperimentRunArtifact", run + "/artifacts", EW, put, version.artifact, version.artifact,
             "Put an artifact under a run", 200),
        _get("getExperimentRunMetricHistory", run + "/metric_history", ER, points, wire.MetricList, "History of a run's metrics", *history),
    )  # fmt: skip


def _serving(services: Services, r: Resources) -> tuple[Operation, ...]:
    served = services.deployments
    find_service = (p.NAME, p.EXTERNAL_ID, p.PARENT_ID)
    environment, service = "/serving_environments/{servingenvironmentId}", "/inference_services/{inferenceserviceId}"
    env, shows = wire.ServingEnvironment, wire.InferenceService
    in_environment = h.listing(r.services, h.within(ENVIRONMENT))
    # The path names the environment, so the body need not.
    nested_create = h.create(r.services, wire.InferenceServiceCreate, ("registeredModelId",), nested=True)
    create_serve = h.create(r.serves, wire.ServeModelCreate, nested=True)
    served_version, served_model = h.served(r.versions, served.get_served_version), h.served(r.models, served.get_served_model)
    return (
        _get("findServingEnvironment", "/serving_environment", DR, h.find(r.environments), env,
             "Find an environment", p.NAME, p.EXTERNAL_ID),
        _get("getServingEnvironments", "/serving_environments", DR, h.listing(r.environments), wire.ServingEnvironmentList,
             "List environments", *p.LIST),
        _post("createServingEnvironment", "/serving_environments", DW, h.create(r.environments, wire.ServingEnvironmentCreate),
              wire.ServingEnvironmentCreate, env, "Create an environment"),
        _get("getServingEnvironment", environment, DR, h.get(r.environments), env, "Get an environment"),
        _patch("updateServingEnvironment", environment, DW, h.update(r.environments), wire.ServingEnvironmentUpdate, env,
               "Change an environment"),
        _get("getEnvironmentInferenceServices", environment + "/inference_services", DR, in_environment, wire.InferenceServiceList,
             "List an environment's inference services", *p.CHILDREN),
        _post("createEnvironmentInferenceService", environment + "/inference_services", DW, nested_create, wire.InferenceServiceCreate,
              shows, "Create an inference service in an environment"),
        _get("findInferenceService", "/inference_service", DR, h.find(r.services), shows, "Find an inference service", *find_service),
        _get("getInferenceServices", "/inference_services", DR, h.listing(r.services), wire.InferenceServiceList,
             "List inference services", *p.LIST),
        _post("createInferenceService", "/inference_services", DW, h.create(r.services, wire.InferenceServiceCreate),
              wire.InferenceServiceCreate, shows, "Create an inference service", 200),
        _get("getInferenceService", service, DR, h.get(r.services), shows, "Get an inference service"),
        _patch("updateInferenceService", service, DW, h.update(r.services), wire.InferenceServiceUpdate, shows,
             "Change an inference service"),
        _get("getInferenceServiceModel", service + "/model", DR, served_model, wire.RegisteredModel, "The model it serves"),
        _get("getInferenceServiceVersion", service + "/version", DR, served_version, wire.ModelVersion, "The version it serves"),
        _get("getInferenceServiceServes", service + "/serves", DR, h.listing(r.serves, h.within(SERVICE)), wire.ServeModelList,
             "List what was done to serve it", *p.CHILDREN),
        _post("createInferenceServiceServe", service + "/serves", DW, create_serve, wire.ServeModelCreate, wire.ServeModel,
              "Note what was done to serve it"),
    )  # fmt: skip


def _models(r: Resources) -> tuple[Operation, ...]:
    model, versions_of = "/registered_models/{registeredmodelId}", "/registered_models/{registeredmodelId}/versions"
    one, shows, lists = "/model_versions/{modelversionId}", wire.ModelVersion, wire.ModelVersionList
    find_version = (p.NAME, p.EXTERNAL_ID, p.PARENT_ID)
    nested_create = h.create(r.versions, wire.NestedModelVersion, nested=True)
    version_create = h.create(r.versions, wire.ModelVersionCreate)
    return (
        _get("findRegisteredModel", "/registered_model", R, h.find(r.models), wire.RegisteredModel, "Find a model", p.NAME, p.EXTERNAL_ID),
        _get("getRegisteredModels", "/registered_models", R, h.listing(r.models), wire.RegisteredModelList, "List models", *p.LIST),
        _post("createRegisteredModel", "/registered_models", W, h.create(r.models, wire.RegisteredModelCreate), wire.RegisteredModelCreate,
              wire.RegisteredModel, "Register a model"),
        _get("getRegisteredModel", model, R, h.get(r.models), wire.RegisteredModel, "Get a model"),
        _patch("updateRegisteredModel", model, W, h.update(r.models), wire.RegisteredModelUpdate, wire.RegisteredModel, "Change a model"),
        _get("getRegisteredModelVersions", versions_of, R, h.listing(r.versions, h.within(MODEL)), lists,
             "List a model's versions", *p.CHILDREN),
        _post("createRegisteredModelVersion", versions_of, W, nested_create, wire.ModelVersion, shows, "Register a version of a model"),
        _get("findModelVersion", "/model_version", R, h.find(r.versions), shows, "Find a version", *find_version),
        _get("getModelVersions", "/model_versions", R, h.listing(r.versions), lists, "List versions", *p.LIST),
        _post("createModelVersion", "/model_versions", W, version_create, wire.ModelVersionCreate, shows, "Register a version"),
        _get("getModelVersion", one, R, h.get(r.versions), shows, "Get a version"),
        _patch("updateModelVersion", one, W, h.update(r.versions), wire.ModelVersionUpdate, shows, "Change a version"),
    )  # fmt: skip
