"""Handlers that all resources share: each function makes the handler of one operation. Parse, call one service method, format."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from modelyard.api.http.message import Request, Response
from modelyard.api.http.operation import Handler
from modelyard.api.http.revisions import etag, expected_revisions
from modelyard.api.kubeflow.decode import BadRequest, decode_strict, parse_id
from modelyard.api.kubeflow.errors import text_of
from modelyard.api.kubeflow.filter import Names
from modelyard.api.kubeflow.paging import PageSize, list_query, next_token, page_size, page_token
from modelyard.api.kubeflow.refusals import BadId, LateBadRequest, NothingFound, Unprocessable
from modelyard.api.kubeflow.resource import Get, Parent, Resource, Show
from modelyard.api.kubeflow.translate import command, reference
from modelyard.api.kubeflow.vocabulary import SERVICE
from modelyard.api.kubeflow.wire import Wire
from modelyard.context import Caller
from modelyard.errors import Invalid, NotFound
from modelyard.records.kinds import Kind
from modelyard.records.record import Record
from modelyard.search.page import ListQuery, Page
from modelyard.search.tree import Expr, both, equals

Scope = Callable[[Request], Awaitable[Expr | None]]
Check = Callable[[Request], Awaitable[None]]

_ENCODER = msgspec.json.Encoder()
LONG = 500
"""Items from which a list is shown in a thread, so that the event loop can serve others meanwhile."""
STEP = 1_000
"""Items that are read and sent at a time: a list that is longer is never in memory as a whole."""


def answer(status: int, shown: msgspec.Struct, record: Record) -> Response:
    """One record. Its revision is the entity tag, for `If-Match` on a later PATCH."""
    return Response(status, _ENCODER.encode(shown) + b"\n", headers=(etag(record.revision),))


def path_id(request: Request, label: str) -> int:
    """The id in the path. No path of this API has more than one; what its name is differs between versions."""
    return parse_id(label, _path_text(request))


def _path_text(request: Request) -> str:
    ((name, text),) = request.path_params.items()
    if not text:
        raise Unprocessable(name)
    return text


def _path_reference(request: Request, parent: Parent) -> int:
    return reference(parent.field, _path_text(request))


class told_by:  # noqa: N801 - reads as the function that it is used as
    """Where the original says which parent was not found before it says why, say so too."""

    __slots__ = ("_parent",)

    def __init__(self, parent: Parent | None) -> None:
        self._parent = parent

    def __enter__(self) -> None:
        pass

    def __exit__(self, _type: object, error: BaseException | None, _traceback: object) -> None:
        parent = self._parent
        if error is None or parent is None or not parent.missing:
            return
        if isinstance(error, NotFound) and error.details.get("kind") is parent.kind:
            raise NothingFound(f"{parent.missing}: {text_of(error)}") from error
        if isinstance(error, BadId):
            raise BadRequest(f"{parent.missing}: {error}") from error


def get(resource: Resource) -> Handler:
    async def handle(request: Request) -> Response:
        record = await resource.get(request.caller, path_id(request, resource.words.id_label or resource.words.label))
        return answer(200, resource.show(record), record)

    return handle


def served(resource: Resource, get_: Get) -> Handler:
    """GET of what the inference service in the path serves."""

    async def handle(request: Request) -> Response:
        service_id = path_id(request, SERVICE.label)
        try:
            record = await get_(request.caller, service_id)
        except NotFound as error:
            # Here the original calls things by other words than where it gets them by their own ids.
            if error.details.get("kind") is Kind.SERVICE:
                raise NothingFound(f"no {SERVICE.label} found for id {service_id}: not found") from error
            if "id" not in error.details:
                raise NothingFound(f"no {resource.words.plural} found for id {service_id}: not found") from error
            raise
        return answer(200, resource.show(record), record)

    return handle


def create(resource: Resource, body: type[Wire], required: tuple[str, ...] | None = None, *, nested: bool = False) -> Handler:
    """POST. When nested, the id in the path is the parent's and wins over the body's."""
    create_, new, parent = resource.create, resource.new, resource.parent
    assert create_ is not None and new is not None  # noqa: S101, PT018 - narrows types for mypy: the table of operations gives what its handlers need

    async def handle(request: Request) -> Response:
        own: dict[str, int] = {}
        try:
            wire = decode_strict(body, request.body, required)
            if getattr(wire, "id", None) is not None:
                raise BadRequest("id is given by the server: leave it out to create, or PATCH the existing one to change it")
            if nested and parent:
                own[parent.field] = _path_reference(request, parent)
            asked = command(new, wire, **own)
        except LateBadRequest:
            if own and parent and resource.get_parent is not None:
                await resource.get_parent(request.caller, own[parent.field])
            raise
        with told_by(parent):
            record = await create_(request.caller, asked)
        return answer(201, resource.show(record), record)

    return handle


def update(resource: Resource) -> Handler:
    update_, patch, body = resource.update, resource.patch, resource.update_body
    assert update_ is not None and patch is not None and body is not None  # noqa: S101, PT018 - narrows types for mypy: the table of operations gives what its handlers need

    async def handle(request: Request) -> Response:
        try:
            change = command(patch, decode_strict(body, request.body), revisions=expected_revisions(request))
        except LateBadRequest:
            await resource.get(request.caller, path_id(request, resource.words.id_label or resource.words.label))
            raise
        record = await update_(request.caller, path_id(request, resource.words.id_label or resource.words.label), change)
        return answer(200, resource.show(record), record)

    return handle


def listing(resource: Resource, scope: Scope | None = None, check: Check | None = None) -> Handler:
    """A list. `scope` reads what of the request narrows it beside the filter, after page size and token are found good; `check` raises
    where the list's parent is not there.
    """

    async def handle(request: Request) -> Response:
        return await list_answer(request, resource, resource.names, scope, check)

    return handle


async def list_answer(
    request: Request, resource: Resource, names: Names, scope: Scope | None = None, check: Check | None = None
) -> Response:
    size = page_size(request.query, resource.most)
    after = page_token(request.query)
    try:
        within = await scope(request) if scope is not None else None
        query = list_query(request.query, size, after, within, names)
        page = await _first(request.caller, resource, names, query)
    except Exception:
        # That the parent is missing is said before anything else that is wrong.
        if check is not None:
            await check(request)
        raise
    # What has children is there.
    if check is not None and not page.items:
        await check(request)
    if page.next is not None and (query.limit is None or query.limit > STEP):
        return Response(200, parts=_parts(request.caller, resource, query, size, page))
    if len(page.items) < LONG:
        return _page_answer(resource.show, page, size)
    return await asyncio.to_thread(_page_answer, resource.show, page, size)


async def _first(caller: Caller, resource: Resource, names: Names, query: ListQuery) -> Page[Any]:
    try:
        return await resource.list(caller, query if query.limit is not None and query.limit <= STEP else _step(query, 0))
    except Invalid as error:
        raise Invalid(_in_wire_words(error, names), **error.details) from error


def _step(query: ListQuery, have: int) -> ListQuery:
    """The part of a list to read next."""
    return msgspec.structs.replace(query, limit=STEP if query.limit is None else min(STEP, query.limit - have))


def _page_answer(show: Show, page: Page[Any], size: PageSize) -> Response:
    items = [show(item) for item in page.items]
    body = {"items": items, "nextPageToken": next_token(page.next), "pageSize": size.asked, "size": len(items)}
    return Response(200, _ENCODER.encode(body) + b"\n")


async def _parts(caller: Caller, resource: Resource, query: ListQuery, size: PageSize, page: Page[Any]) -> AsyncGenerator[bytes, None]:
    """The body of a long list, read as it is sent. No view of one moment: each item comes once, as it was when its part was read."""
    yield b'{"items":['
    sent = 0
    while True:
        if page.items:
            yield await asyncio.to_thread(_items, resource.show, page.items, b"," if sent else b"")
            sent += len(page.items)
        if page.next is None or sent == query.limit:
            break
        page = await resource.list(caller, msgspec.structs.replace(_step(query, sent), after=page.next))
    end = {"nextPageToken": next_token(page.next), "pageSize": size.asked, "size": sent}
    yield b"]," + msgspec.json.encode(end)[1:] + b"\n"


def _items(show: Show, items: Sequence[Any], before: bytes) -> bytes:
    return before + msgspec.json.encode([show(item) for item in items])[1:-1]


def _in_wire_words(error: Invalid, names: Names) -> str:
    """The message with the field called as the client called it."""
    field = str(error.details.get("field"))
    called = next((name for name, meant in names.items() if meant == field), field)
    return error.message.replace(field, called, 1)


async def named(request: Request) -> Expr | None:
    """The condition of `name`, or else of `externalId`."""
    name, external_id = request.query.get("name"), request.query.get("externalId")
    if name is not None:
        return equals("name", name)
    return equals("external_id", external_id) if external_id is not None else None


def within(parent: Parent, narrowed: Scope = named) -> Scope:
    """Those of the parent in the path, narrowed further."""

    async def scope(request: Request) -> Expr | None:
        with told_by(parent):
            parent_id = path_id(request, parent.label)
        return both(equals(parent.field, parent_id), await narrowed(request))

    return scope


def existing(parent: Parent, get_: Get) -> Check:
    """Raises where the parent in the path is not there."""

    async def check(request: Request) -> None:
        with told_by(parent):
            await get_(request.caller, path_id(request, parent.label))

    return check


def find(resource: Resource, scope: Expr | None = None) -> Handler:
    """GET of the singular path: the one record of a name, within its parent if it has one, or of an external id."""
    words, parent = resource.words, resource.parent

    async def handle(request: Request) -> Response:
        query = request.query
        name, external_id = query.get("name"), query.get("externalId")
        parent_text = query.get("parentResourceId") if parent is not None else None
        if external_id is None and (name is None or (parent is not None and parent_text is None)):
            raise BadRequest(words.bad_search())
        values: dict[str, str | int] = {"name": name} if name is not None else {"external_id": external_id or ""}
        if parent is not None and parent_text is not None:
            values[parent.field] = parse_id(parent.label, parent_text)
        found = await _found(request.caller, resource, scope, values)
        if len(found) != 1:
            text = words.several_found if found else words.none_found
            raise NothingFound(text(name, external_id, parent_text))
        return answer(200, resource.show(found[0]), found[0])

    return handle


async def _found(caller: Caller, resource: Resource, scope: Expr | None, values: Mapping[str, str | int]) -> Sequence[Any]:
    """Those that have these values, two at most."""
    parent = resource.parent
    if resource.find is not None and (parent is None or parent.field in values or "name" not in values):
        return await resource.find(caller, values)
    wanted = [equals(field, value) for field, value in values.items()]
    return (await resource.list(caller, ListQuery(scope=both(scope, *wanted), limit=2))).items
