"""Audit events: pages of them, and a stream of those that come."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import TypeVar

import msgspec

from modelyard.access.permissions import Permission
from modelyard.api.http.message import Header, Request, Response, json_response
from modelyard.api.http.operation import Operation, Parameter, Place
from modelyard.api.native.decode import query_integer, query_text, whole
from modelyard.api.native.kinds import NUMBERS, word
from modelyard.api.native.wire import Event, Events, Problem
from modelyard.audit.events import Action
from modelyard.audit.following import Following, News
from modelyard.audit.log import EventFilter, EventLog, Logged
from modelyard.context import NO_PROJECT, Millis, ProjectId
from modelyard.errors import invalid
from modelyard.records.properties import INT64_MAX
from modelyard.search.page import Cursor
from modelyard.store.database import Database

V = TypeVar("V")

SHOWN, MOST = 100, 1_000
"""Events of a page: unless asked for another number, and at most."""

EVENT_STREAM = b"text/event-stream; charset=utf-8"
_UNBUFFERED: tuple[Header, ...] = ((b"cache-control", b"no-store"), (b"x-accel-buffering", b"no"))
"""Or a proxy may keep events to itself until it has many."""

_ACTIONS = {action.value: action.value for action in Action}
_ORDERS = {"newest": True, "oldest": False}
_OF_SERVER = {"project": False, "server": True}

_encoder = msgspec.json.Encoder()

_TEXT, _INTEGER = {"type": "string"}, {"type": "integer", "format": "int64"}
_FILTERS = (
    Parameter(
        "of",
        Place.QUERY,
        {"type": "string", "enum": list(_OF_SERVER), "default": "project"},
        f"`server`: what concerns no single project, such as accounts; this needs `{Permission.ACCOUNTS_MANAGE}`, too.",
    ),
    Parameter("actor", Place.QUERY, _TEXT, "Only what this one did."),
    Parameter("action", Place.QUERY, {"type": "string", "enum": list(_ACTIONS)}, "Only changes of this sort."),
    Parameter("kind", Place.QUERY, {"type": "string", "enum": list(NUMBERS)}, "Only changes of this kind of record."),
    Parameter("record_id", Place.QUERY, _INTEGER, "Only changes of records with this id; give `kind`, too, to mean one record."),
    Parameter("dialect", Place.QUERY, _TEXT, "Only what came this way: `kubeflow`, `jfrog`, `native`, `jobs` or `cli`."),
    Parameter("request_id", Place.QUERY, _TEXT, "Only what this request did: its `X-Request-Id`."),
    Parameter("since", Place.QUERY, _INTEGER, "Only events of this moment (milliseconds since 1970) or later."),
    Parameter("until", Place.QUERY, _INTEGER, "Only events before this moment."),
)
_FAILURES = dict.fromkeys((400, 403, 500, 503), Problem)


class EventHandlers:
    def __init__(self, database: Database, log: EventLog, following: Following) -> None:
        self._database = database
        self._log = log
        self._following = following

    async def list_all(self, request: Request) -> Response:
        limit = query_integer(request, "limit", SHOWN, 1, MOST)
        newest_first = _one_of(_ORDERS, "order", request.query.get("order", "newest"))
        page = await self._log.page(
            self._database.reader, _project(request), _wanted(request), limit, newest_first=newest_first, after=_after(request)
        )
        events = [_shown(one) for one in page.items]
        return json_response(200, Events(events, f"{page.next.value}.{page.next.id}" if page.next else None))

    async def stream(self, request: Request) -> Response:
        self._following.check_room()
        project, wanted, after = _project(request), _wanted(request), _last_seen(request)
        news = self._following.follow(project, wanted, after)
        return Response(200, content_type=EVENT_STREAM, headers=_UNBUFFERED, parts=_told(news), still=lambda: _project(request) == project)


def operations(handlers: EventHandlers) -> tuple[Operation, ...]:
    return (
        Operation(
            id="listEvents",
            method="GET",
            path="/events",
            permission=Permission.EVENTS_READ,
            handler=handlers.list_all,
            summary="List audit events",
            description="Of the project or of the server itself, in the order of their time. A page may have fewer events than asked for, "
            "or none, and a `next`.",
            parameters=(
                *_FILTERS,
                Parameter("order", Place.QUERY, {"type": "string", "enum": list(_ORDERS), "default": "newest"}, "Which come first."),
                Parameter("limit", Place.QUERY, {"type": "integer", "minimum": 1, "maximum": MOST, "default": SHOWN}, "How many at most."),
                Parameter("after", Place.QUERY, _TEXT, "The `next` of the page before."),
            ),
            responses={200: Events, **_FAILURES},
        ),
        Operation(
            id="streamEvents",
            method="GET",
            path="/events/stream",
            permission=Permission.EVENTS_READ,
            handler=handlers.stream,
            summary="Follow audit events",
            description="Server-sent events (`text/event-stream`) without an end, in the order of ids; `data` is an event as the list "
            "has it. They begin after `Last-Event-ID` or `after`, otherwise about now.",
            parameters=(
                *_FILTERS,
                Parameter("after", Place.QUERY, _INTEGER, "The id of an event, after which to begin; `Last-Event-ID` comes before it."),
                Parameter("Last-Event-ID", Place.HEADER, _INTEGER, "The last id that was seen, as clients send it by themselves."),
            ),
            responses={200: None, **_FAILURES},
        ),
    )


async def _told(news: AsyncGenerator[News]) -> AsyncGenerator[bytes]:
    """Server-sent events. A message without data only tells up to where nothing is missing, so that a client can go on from there."""
    async with aclosing(news):
        async for one in news:
            lines = [b"id: %d\ndata: %b\n\n" % (logged.id, _encoder.encode(_shown(logged))) for logged in one.events]
            yield b"".join([*lines, b":\nid: %d\n\n" % one.up_to])


def _project(request: Request) -> ProjectId:
    """Whose events are asked for. Raises `Forbidden` for those of the server to who may not manage it."""
    if not _one_of(_OF_SERVER, "of", request.query.get("of", "project")):
        return request.caller.project
    principal = request.principal  # None where nobody is asked, and everybody may do everything
    if principal is not None and not principal.may(Permission.ACCOUNTS_MANAGE, NO_PROJECT):
        raise principal.lacks(Permission.ACCOUNTS_MANAGE)
    return NO_PROJECT


def _wanted(request: Request) -> EventFilter:
    action, kind = request.query.get("action"), request.query.get("kind")
    return EventFilter(
        actor=query_text(request, "actor"),
        action=None if action is None else _one_of(_ACTIONS, "action", action),
        kind=None if kind is None else _one_of(NUMBERS, "kind", kind),
        record_id=_number(request, "record_id"),
        dialect=query_text(request, "dialect"),
        request_id=query_text(request, "request_id"),
        since=_moment(request, "since"),
        until=_moment(request, "until"),
    )


def _one_of(words: Mapping[str, V], name: str, text: str) -> V:
    if text not in words:
        invalid(name, text, f"use one of {', '.join(words)}")
    return words[text]


def _number(request: Request, name: str) -> int | None:
    text = request.query.get(name)
    return None if text is None else whole(name, text, 0, INT64_MAX)


def _moment(request: Request, name: str) -> Millis | None:
    number = _number(request, name)
    return None if number is None else Millis(number)


def _after(request: Request) -> Cursor | None:
    text = request.query.get("after")
    if text is None:
        return None
    at, dot, event_id = text.partition(".")
    if not dot:
        invalid("after", text, "use the `next` of a page as it was given")
    return Cursor(whole("after", event_id, 0, INT64_MAX), whole("after", at, 0, INT64_MAX))


def _last_seen(request: Request) -> int | None:
    text = request.header(b"last-event-id") or request.query.get("after")
    return None if text is None else whole("Last-Event-ID", text, 0, INT64_MAX)


def _shown(logged: Logged) -> Event:
    event = logged.event
    before, after = (None if text is None else msgspec.Raw(text.encode()) for text in (event.before, event.after))
    return Event(
        logged.id, event.at, event.actor, event.dialect, event.request_id, event.action, word(event.kind), event.record_id, before, after
    )
