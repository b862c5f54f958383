"""The dialect's operation table: the 17 operations of the contract, and those that it needs to finish its own job (`extension`)."""

import re
from typing import Any

from modelyard.access.permissions import Permission
from modelyard.api.http.operation import Dialect, DocumentInfo, Handler, Operation, Parameter, Place
from modelyard.api.http.problems import PROBLEM
from modelyard.api.jfrog import wire
from modelyard.api.jfrog.decode import MOST, SHOWN
from modelyard.api.jfrog.errors import render_error, render_no_route
from modelyard.api.jfrog.handlers import DeploymentHandlers, ExperimentHandlers, ModelHandlers, Services, VersionHandlers

PREFIX = "/ml/api"

_READ_FAILURES = (400, 401, 404, 405, 422, 429, 500, 503)
_CREATE_FAILURES = (*_READ_FAILURES, 409, 413, 415)
_CHANGE_FAILURES = (*_CREATE_FAILURES, 412)
_DELETE_FAILURES = (401, 404, 405, 409, 412, 429, 500, 503)
_PARAM = re.compile(r"\{(\w+)\}")

_IF_MATCH = Parameter("If-Match", Place.HEADER, {"type": "string"}, "Change it only if this is still its ETag.")
_OFFSET = Parameter("offset", Place.QUERY, {"type": "integer", "minimum": 0, "default": 0}, "Offset for pagination")


def _limit(default: int) -> Parameter:
    return Parameter(
        "limit", Place.QUERY, {"type": "integer", "minimum": 1, "maximum": MOST, "default": default}, "Maximum number of results"
    )


_PAGED = (_limit(SHOWN), _OFFSET)
_UNPAGED = (_limit(MOST), _OFFSET)
_OF_MODEL = Parameter("model_id", Place.QUERY, {"type": "string"}, "Filter by model ID")


def dialect(services: Services) -> Dialect:
    return Dialect(
        name="jfrog",
        prefix=PREFIX,
        operations=(*_models(services), *_versions(services), *_experiments(services), *_deployments(services)),
        render_error=render_error,
        render_no_route=render_no_route,
        document=DocumentInfo(
            title="JFrog ML REST API",
            version="v1",
            url="/openapi/jfrog.json",
            description="Models, versions, experiments and deployments, in the words of JFrog ML.",
            openapi="3.1.0",
            media_types={wire.Problem: PROBLEM},
        ),
    )


def _models(services: Services) -> tuple[Operation, ...]:
    handlers, tag, path, one = ModelHandlers(services), "Models", "/v1/models", "/v1/models/{modelId}"
    read, write, shown = Permission.MODELS_READ, Permission.MODELS_WRITE, wire.Model
    return (
        _get("listModels", tag, path, read, handlers.list_all, wire.ModelList, "List models", *_PAGED),
        _post("createModel", tag, path, write, handlers.create, wire.ModelRequest, shown, "Create a model"),
        _get("getModel", tag, one, read, handlers.get, shown, "Get a model"),
        _change("updateModel", tag, "PUT", one, write, handlers.replace, wire.ModelRequest, shown, "Replace what a model says"),
        _change("patchModel", tag, "PATCH", one, write, handlers.merge, wire.ModelPatch, shown, "Change some of a model"),
        _delete("deleteModel", tag, one, write, handlers.delete, "Delete a model with all its versions"),
    )


def _versions(services: Services) -> tuple[Operation, ...]:
    handlers, tag = VersionHandlers(services), "Model Versions"
    path, one = "/v1/models/{modelId}/versions", "/v1/models/{modelId}/versions/{versionId}"
    read, write, shown = Permission.MODELS_READ, Permission.MODELS_WRITE, wire.ModelVersion
    return (
        _get("listModelVersions", tag, path, read, handlers.list_all, wire.ModelVersionList, "List a model's versions", *_UNPAGED),
        _post("createModelVersion", tag, path, write, handlers.create, wire.ModelVersionRequest, shown, "Create a version of a model"),
        _get("getModelVersion", tag, one, read, handlers.get, shown, "Get a version"),
        _change("patchModelVersion", tag, "PATCH", one, write, handlers.merge, wire.ModelVersionPatch, shown, "Change some of a version"),
        _delete("deleteModelVersion", tag, one, write, handlers.delete, "Delete a version"),
    )


def _experiments(services: Services) -> tuple[Operation, ...]:
    handlers, tag, path, one = ExperimentHandlers(services), "Experiments", "/v1/experiments", "/v1/experiments/{experimentId}"
    read, write, shown = Permission.EXPERIMENTS_READ, Permission.EXPERIMENTS_WRITE, wire.Experiment
    listed = (_OF_MODEL, *_UNPAGED)
    return (
        _get("listExperiments", tag, path, read, handlers.list_all, wire.ExperimentList, "List experiments", *listed),
        _post("createExperiment", tag, path, write, handlers.create, wire.ExperimentRequest, shown, "Create an experiment"),
        _get("getExperiment", tag, one, read, handlers.get, shown, "Get an experiment"),
        _change("patchExperiment", tag, "PATCH", one, write, handlers.merge, wire.ExperimentPatch, shown, "Change some of an experiment"),
        _delete("deleteExperiment", tag, one, write, handlers.delete, "Delete an experiment"),
    )


def _deployments(services: Services) -> tuple[Operation, ...]:
    handlers, tag, path, one = DeploymentHandlers(services), "Deployments", "/v1/deployments", "/v1/deployments/{deploymentId}"
    read, write, shown = Permission.DEPLOYMENTS_READ, Permission.DEPLOYMENTS_WRITE, wire.Deployment
    return (
        _get("listDeployments", tag, path, read, handlers.list_all, wire.DeploymentList, "List deployments", *_UNPAGED),
        _post("createDeployment", tag, path, write, handlers.create, wire.DeploymentRequest, shown, "Deploy a version"),
        _get("getDeployment", tag, one, read, handlers.get, shown, "Get a deployment"),
        _delete("deleteDeployment", tag, one, write, handlers.delete, "Remove a deployment"),
    )


def _get(id_: str, tag: str, path: str, permission: Permission, handler: Handler, shown: Any, summary: str, *query: Parameter) -> Operation:
    return _operation(id_, tag, "GET", path, permission, handler, summary, {200: shown}, _READ_FAILURES, query)


def _post(id_: str, tag: str, path: str, permission: Permission, handler: Handler, body: Any, shown: Any, summary: str) -> Operation:
    return _operation(id_, tag, "POST", path, permission, handler, summary, {201: shown}, _CREATE_FAILURES, (), body)


def _change(
    id_: str, tag: str, method: str, path: str, permission: Permission, handler: Handler, body: Any, shown: Any, summary: str
) -> Operation:
    return _operation(id_, tag, method, path, permission, handler, summary, {200: shown}, _CHANGE_FAILURES, (_IF_MATCH,), body)


def _delete(id_: str, tag: str, path: str, permission: Permission, handler: Handler, summary: str) -> Operation:
    return _operation(id_, tag, "DELETE", path, permission, handler, summary, {204: None}, _DELETE_FAILURES, (_IF_MATCH,))


def _operation(
    id_: str,
    tag: str,
    method: str,
    path: str,
    permission: Permission,
    handler: Handler,
    summary: str,
    shows: dict[int, Any],
    failures: tuple[int, ...],
    parameters: tuple[Parameter, ...],
    body: Any = None,
) -> Operation:
    ids = tuple(Parameter(name, Place.PATH, {"type": "string"}, required=True) for name in _PARAM.findall(path))
    return Operation(
        id=id_,
        method=method,
        path=path,
        permission=permission,
        handler=handler,
        summary=summary,
        tag=tag,
        parameters=(*ids, *parameters),
        body=body,
        responses=shows | dict.fromkeys(failures, wire.Problem),
        extension=method == "PATCH",
    )
