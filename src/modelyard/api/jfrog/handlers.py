"""Handlers: parse, call one service method, format. What a write answers that other tables hold is read after it."""

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import msgspec

from modelyard.api.http.message import Request, Response, json_response
from modelyard.api.http.revisions import etag, expected_revisions
from modelyard.api.jfrog import decode, translate, wire
from modelyard.api.jfrog.decode import identity, path_id
from modelyard.api.jfrog.refusals import Refused, unprocessable
from modelyard.deployments.managed import ManagedDeployments
from modelyard.errors import NotFound
from modelyard.experiments.tracking import TrackingService
from modelyard.models.service import ModelService
from modelyard.overview.deployments import DeploymentOverview
from modelyard.overview.offsets import Counted
from modelyard.overview.registry import ModelView, RegistryOverview, VersionView
from modelyard.overview.runs import RunOverview, RunView
from modelyard.records.kinds import Kind
from modelyard.records.record import Record

T = TypeVar("T")

LONG = 500
"""Items from which a list is shown in a thread."""
_GONE = Response(204, content_type=b"")


class Services(NamedTuple):
    """What this dialect speaks to: services that change, and views that are read."""

    models: ModelService
    tracking: TrackingService
    deployments: ManagedDeployments
    registry: RegistryOverview
    runs: RunOverview
    deployed: DeploymentOverview


def _answer(status: int, shown: wire.Shown, record: Record | ModelView) -> Response:
    """One record. Its revision is the entity tag, for `If-Match` on a later change."""
    return json_response(status, shown, (etag(record.revision),))


async def _list(found: Counted[T], show: Callable[[T], wire.Shown], page: Callable[[list[Any], int], wire.Shown]) -> Response:
    def make() -> Response:
        return json_response(200, page([show(one) for one in found.items], found.total))

    # Much work at once: the event loop has others to serve meanwhile.
    return make() if len(found.items) < LONG else await asyncio.to_thread(make)


def _model_id(request: Request) -> int:
    return path_id(request, "modelId", "model")


def _version_id(request: Request) -> int:
    return path_id(request, "versionId", "model version")


def _named_id(field: str, text: str, noun: str) -> int:
    """The id in a body. What cannot be one is the id of nothing."""
    found = identity(text)
    if found is None:
        raise _unknown(field, text, noun)
    return found


def _unknown(field: str, text: str, noun: str) -> Refused:
    return unprocessable(field, f"is {text[:80]!r}: there is no such {noun}")


class ModelHandlers:
    def __init__(self, services: Services) -> None:
        self._models = services.models
        self._deployments = services.deployments
        self._overview = services.registry

    async def list_all(self, request: Request) -> Response:
        found = await self._overview.models(request.caller, decode.part(request.query, decode.SHOWN))
        return await _list(found, translate.model, wire.ModelList)

    async def create(self, request: Request) -> Response:
        body = decode.body(wire.ModelRequest, request)
        model = await self._models.create_model(request.caller, translate.new_model(body, request.caller))
        return _answer(201, translate.created_model(model), model)

    async def get(self, request: Request) -> Response:
        view = await self._overview.model(request.caller, _model_id(request))
        return _answer(200, translate.model(view), view)

    async def replace(self, request: Request) -> Response:
        return await self._change(request, translate.replaced(decode.body(wire.ModelRequest, request), expected_revisions(request)))

    async def merge(self, request: Request) -> Response:
        return await self._change(request, translate.merged(decode.body(wire.ModelPatch, request), expected_revisions(request)))

    async def _change(self, request: Request, change: Any) -> Response:
        model = await self._models.update_model(request.caller, _model_id(request), change)
        view = await self._overview.model(request.caller, model.id)
        return _answer(200, translate.model(view), view)

    async def delete(self, request: Request) -> Response:
        await self._deployments.retire_model(request.caller, _model_id(request), expected_revisions(request))
        return _GONE


class VersionHandlers:
    def __init__(self, services: Services) -> None:
        self._models = services.models
        self._deployments = services.deployments
        self._overview = services.registry

    async def list_all(self, request: Request) -> Response:
        found = await self._overview.versions(request.caller, _model_id(request), decode.part(request.query))
        return await _list(found, translate.version, wire.ModelVersionList)

    async def create(self, request: Request) -> Response:
        body, model_id = decode.body(wire.ModelVersionRequest, request), _model_id(request)
        new = translate.new_version(body, model_id, request.caller)
        version = await self._models.create_version(request.caller, new, translate.artifacts(body))
        return _answer(201, translate.version(VersionView(version, translate.given_measurements(body))), version)

    async def get(self, request: Request) -> Response:
        view = await self._overview.version(request.caller, _model_id(request), _version_id(request))
        return _answer(200, translate.version(view), view.version)

    async def merge(self, request: Request) -> Response:
        body, model_id, version_id = decode.body(wire.ModelVersionPatch, request), _model_id(request), _version_id(request)
        change = translate.changed_version(body, expected_revisions(request))
        await self._models.update_version(request.caller, version_id, change, translate.artifacts(body), model_id)
        view = await self._overview.version(request.caller, model_id, version_id)
        return _answer(200, translate.version(view), view.version)

    async def delete(self, request: Request) -> Response:
        model_id, version_id = _model_id(request), _version_id(request)
        await self._deployments.retire_version(request.caller, model_id, version_id, expected_revisions(request))
        return _GONE


class ExperimentHandlers:
    def __init__(self, services: Services) -> None:
        self._tracking = services.tracking
        self._overview = services.runs

    async def list_all(self, request: Request) -> Response:
        part, named = decode.part(request.query), request.query.get("model_id")
        model_id = None if named is None else identity(named)
        if named is not None and model_id is None:
            return json_response(200, wire.ExperimentList([], 0))
        found = await self._overview.runs(request.caller, part, model_id)
        return await _list(found, translate.run, wire.ExperimentList)

    async def create(self, request: Request) -> Response:
        body = decode.body(wire.ExperimentRequest, request)
        model_id = None if body.model_id is msgspec.UNSET else _named_id("model_id", body.model_id, "model")
        try:
            run = await self._tracking.begin(request.caller, translate.new_run(body, model_id))
        except NotFound as error:
            raise _unknown("model_id", str(body.model_id), "model") from error
        return _answer(201, translate.run(RunView(run, translate.given_measurements(body))), run)

    async def get(self, request: Request) -> Response:
        view = await self._overview.run(request.caller, self._id(request))
        return _answer(200, translate.run(view), view.run)

    async def merge(self, request: Request) -> Response:
        body, run_id = decode.body(wire.ExperimentPatch, request), self._id(request)
        await self._tracking.change(request.caller, run_id, translate.changed_run(body, expected_revisions(request)))
        view = await self._overview.run(request.caller, run_id)
        return _answer(200, translate.run(view), view.run)

    async def delete(self, request: Request) -> Response:
        await self._tracking.trash(request.caller, self._id(request), expected_revisions(request))
        return _GONE

    @staticmethod
    def _id(request: Request) -> int:
        return path_id(request, "experimentId", "experiment")


class DeploymentHandlers:
    def __init__(self, services: Services) -> None:
        self._deployments = services.deployments
        self._overview = services.deployed

    async def list_all(self, request: Request) -> Response:
        found = await self._overview.deployments(request.caller, decode.part(request.query))
        return await _list(found, translate.deployment, wire.DeploymentList)

    async def create(self, request: Request) -> Response:
        body = decode.body(wire.DeploymentRequest, request)
        model_id = _named_id("model_id", body.model_id, "model")
        version_id = _named_id("model_version_id", body.model_version_id, "model version")
        try:
            deployment = await self._deployments.deploy(request.caller, translate.new_deployment(body, model_id, version_id))
        except NotFound as error:
            if error.details.get("kind") is Kind.VERSION:
                raise _unknown("model_version_id", body.model_version_id, "model version") from error
            raise _unknown("model_id", body.model_id, "model") from error
        return _answer(201, translate.deployment(deployment), deployment.service)

    async def get(self, request: Request) -> Response:
        found = await self._overview.deployment(request.caller, self._id(request))
        return _answer(200, translate.deployment(found), found.service)

    async def delete(self, request: Request) -> Response:
        await self._deployments.remove(request.caller, self._id(request), expected_revisions(request))
        return _GONE

    @staticmethod
    def _id(request: Request) -> int:
        return path_id(request, "deploymentId", "deployment")
