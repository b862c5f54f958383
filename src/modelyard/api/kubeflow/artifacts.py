"""Handlers of artifacts: five types behind one path, told apart by the body."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from modelyard.api.http.message import Request, Response
from modelyard.api.http.operation import Handler
from modelyard.api.http.revisions import expected_revisions
from modelyard.api.kubeflow.decode import (
    BadRequest,
    LateBadRequest,
    UnknownArtifactType,
    decode_artifact,
    decode_strict,
    parse_id,
    parse_step_ids,
)
from modelyard.api.kubeflow.filter import ByLiteral, Names
from modelyard.api.kubeflow.handlers import answer, list_answer, named, path_id
from modelyard.api.kubeflow.refusals import NothingFound
from modelyard.api.kubeflow.resource import Resource, Show
from modelyard.api.kubeflow.translate import DOMAIN_NAMES, command, filter_names, shower
from modelyard.api.kubeflow.versions import Version
from modelyard.api.kubeflow.vocabulary import PARENT_LABEL
from modelyard.api.kubeflow.wire import PlainModelArtifactCreate, PlainModelArtifactUpdate, Wire
from modelyard.artifacts.entities import Artifact, ArtifactDraft, ArtifactType, Put
from modelyard.artifacts.service import ArtifactService
from modelyard.context import Caller
from modelyard.errors import Invalid
from modelyard.experiments.entities import MetricPoint
from modelyard.search.tree import Expr, Field, In, both, equals

Scope = Callable[[Request], Awaitable[Expr | None]]
Putter = Callable[[Caller, int, ArtifactDraft, int | None], Awaitable[Put]]

_PARAMETER_NAMES = {**DOMAIN_NAMES, "value": "text_value"}
_TYPES = frozenset(ArtifactType)
_TIMESTAMP = ByLiteral(number="recorded_at", text="timestamp")
_MORE_NAMES: dict[str, str | ByLiteral] = {"artifactType": "type"}


def artifact_show(version: Version) -> Show:
    """How artifacts are shown."""
    renamed = {ArtifactType.PARAMETER: _PARAMETER_NAMES}
    shows = {type_: shower(Artifact, struct, renamed.get(type_, DOMAIN_NAMES)) for type_, struct in version.shown.items()}
    return lambda artifact: shows[artifact.type](artifact)


def artifact_names(version: Version, only: ArtifactType | None = None) -> Names:
    """What artifacts can be filtered by: the fields of the type that is listed, or of all.

    Where any type is listed, `value` is a metric's or a parameter's, by what it is compared with.
    """
    if only is None:
        return filter_names(
            *version.shown.values(), **_MORE_NAMES, timestamp=_TIMESTAMP, value=ByLiteral(number="value", text="text_value")
        )
    more: dict[ArtifactType, dict[str, str | ByLiteral]] = {
        ArtifactType.METRIC: {"timestamp": _TIMESTAMP},
        ArtifactType.PARAMETER: {"value": "text_value"},
    }
    return filter_names(version.shown[only], **_MORE_NAMES, **more.get(only, {}))


def point_show(metric: type[Wire]) -> Show:
    return shower(MetricPoint, metric)


def point_names(metric: type[Wire]) -> Names:
    return filter_names(metric, timestamp=_TIMESTAMP)


def draft(body: Wire, revisions: frozenset[int] | None = None) -> ArtifactDraft:
    """What a body of any type says of an artifact. A parameter's `value` is text, a metric's a number: two fields of the domain."""
    type_ = ArtifactType(str(body.__struct_config__.tag))
    value = getattr(body, "value", None)
    if type_ is ArtifactType.PARAMETER and value is not None:
        return command(ArtifactDraft, msgspec.structs.replace(body, value=None), type=type_, revisions=revisions, text_value=value)
    return command(ArtifactDraft, body, type=type_, revisions=revisions)


class ArtifactHandlers:
    """Handlers over one version of the wire."""

    def __init__(self, service: ArtifactService, version: Version, resource: Resource) -> None:
        self._service = service
        self._resource = resource
        self._show = resource.show
        self._names = {type_: artifact_names(version, type_) for type_ in (None, *ArtifactType)}

    def create(self, variants: object) -> Handler:
        async def handle(request: Request) -> Response:
            artifact = await self._service.create_artifact(request.caller, draft(decode_artifact(variants, request.body)))
            return answer(201, self._show(artifact), artifact)

        return handle

    async def get(self, request: Request) -> Response:
        artifact = await self._service.get_artifact(request.caller, path_id(request, "artifact"))
        return answer(200, self._show(artifact), artifact)

    def update(self, variants: object) -> Handler:
        async def handle(request: Request) -> Response:
            try:
                change = draft(decode_artifact(variants, request.body), expected_revisions(request))
            except LateBadRequest as error:
                artifact = await self._service.get_artifact(request.caller, path_id(request, "artifact"))
                if isinstance(error, UnknownArtifactType):
                    text = f"cannot change artifact type from '{artifact.type}' to 'unknown': artifact type is immutable"
                    raise BadRequest(text) from error
                raise
            try:
                changed = await self._service.update_artifact(request.caller, path_id(request, "artifact"), change)
            except Invalid as error:
                raise (BadRequest(error.message) if error.details.get("field") == "type" else error) from error
            return answer(200, self._show(changed), changed)

        return handle

    def put(self, variants: object, parent: Resource, put: Putter) -> Handler:
        """POST under a version or run: 201 when the artifact is new there, 200 when it was there already and is changed."""

        async def handle(request: Request) -> Response:
            try:
                body = decode_artifact(variants, request.body)
                change, artifact_id = draft(body), _existing_id(body)
            except LateBadRequest:
                await parent.get(request.caller, path_id(request, parent.words.label))
                raise
            done = await put(request.caller, path_id(request, parent.words.label), change, artifact_id)
            return answer(201 if done.created else 200, self._show(done.artifact), done.artifact)

        return handle

    async def list_all(self, request: Request) -> Response:
        return await self._list(request, _of_type)

    async def list_children(self, request: Request) -> Response:
        """Those under the version or run in the path; none where there is none."""
        return await self._list(request, _under_parent)

    async def _list(self, request: Request, scope: Scope) -> Response:
        names = self._names[_type(request) if request.query.get("artifactType") in _TYPES else None]
        return await list_answer(request, self._resource, names, scope)


class ModelArtifactHandlers:
    """`/model_artifacts`: artifacts of one type, read from a strict body."""

    def __init__(self, service: ArtifactService, show: Show) -> None:
        self._service = service
        self._show = show

    async def create(self, request: Request) -> Response:
        body = decode_strict(PlainModelArtifactCreate, request.body)
        artifact = await self._service.create_artifact(request.caller, command(ArtifactDraft, body, type=ArtifactType.MODEL))
        return answer(201, self._show(artifact), artifact)

    async def get(self, caller: Caller, artifact_id: int) -> Artifact:
        artifact = await self._service.get_artifact(caller, artifact_id)
        if artifact.type is not ArtifactType.MODEL:
            raise NothingFound(f"artifact with id {artifact_id} is not a model artifact: not found")
        return artifact

    async def update(self, request: Request) -> Response:
        try:
            body = decode_strict(PlainModelArtifactUpdate, request.body)
            change = command(ArtifactDraft, body, type=ArtifactType.MODEL, revisions=expected_revisions(request))
        except LateBadRequest:
            await self.get(request.caller, path_id(request, "artifact"))
            raise
        artifact = await self.get(request.caller, path_id(request, "artifact"))
        changed = await self._service.update_artifact(request.caller, artifact.id, change)
        return answer(200, self._show(changed), changed)


async def model_artifacts_only(_: Request) -> Expr:
    return equals("type", ArtifactType.MODEL.value)


async def named_steps(request: Request) -> Expr | None:
    """What metric history is narrowed by: `name`, exactly, and `stepIds`."""
    name, text = request.query.get("name"), request.query.get("stepIds", "")
    steps = parse_step_ids(text)
    return both(None if name is None else equals("name", name), In(Field("step"), steps) if steps else None)


def _existing_id(body: Any) -> int | None:
    if body.id is None:
        return None
    try:
        return parse_id("artifact", body.id)
    except BadRequest as error:
        raise LateBadRequest(f"mismatched types, artifact with id {body.id} is not a model artifact: bad request") from error


async def _of_type(request: Request) -> Expr | None:
    type_ = _type(request)
    return None if type_ is None else equals("type", type_.value)


async def _under_parent(request: Request) -> Expr | None:
    parent = equals("parent_id", path_id(request, PARENT_LABEL))
    return both(parent, await named(request), await _of_type(request))


def _type(request: Request) -> ArtifactType | None:
    text = request.query.get("artifactType")
    if text is None:
        return None
    if text == "null":
        raise BadRequest("invalid artifact type: empty or null value provided")
    if text not in _TYPES:
        raise Invalid(f"invalid artifact type {text}")
    return ArtifactType(text)
