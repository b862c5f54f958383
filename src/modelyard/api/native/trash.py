"""The trash: what was deleted, restored and removed for good."""

import msgspec

from modelyard.access.permissions import Permission
from modelyard.api.http.message import Request, Response, json_response
from modelyard.api.http.operation import Operation, Parameter, Place
from modelyard.api.native.decode import path_id, query_integer, structured
from modelyard.api.native.kinds import word
from modelyard.api.native.wire import Deletion, Deletions, Problem, Purge, Removed, Restore
from modelyard.context import Clock, Millis
from modelyard.records import trash as domain
from modelyard.records.properties import INT64_MAX
from modelyard.search.page import Cursor
from modelyard.trash.retention import DAY
from modelyard.trash.service import TrashService

SHOWN, MOST = 100, 1_000
"""Deletions of a page: unless asked for another number, and at most."""

_RESTORE, _PURGE = msgspec.json.Decoder(Restore), msgspec.json.Decoder(Purge)

_READ_FAILURES = dict.fromkeys((400, 500, 503), Problem)
_ID = Parameter("id", Place.PATH, {"type": "integer", "format": "int64"}, "The deletion's id.", required=True)


class TrashHandlers:
    def __init__(self, service: TrashService, clock: Clock) -> None:
        self._service = service
        self._clock = clock

    async def list_all(self, request: Request) -> Response:
        limit = query_integer(request, "limit", SHOWN, 1, MOST)
        after = query_integer(request, "after", 0, 1, INT64_MAX)
        page = await self._service.list_deletions(request.caller, limit, Cursor(after, 0) if after else None)
        return json_response(200, Deletions([_shown(one) for one in page.items], str(page.next.id) if page.next else None))

    async def restore(self, request: Request) -> Response:
        deletion_id = path_id(request, "id")
        asked = structured(_RESTORE, request.body) if request.body.strip() else Restore()
        restored = await self._service.restore(request.caller, deletion_id, asked.name)
        return json_response(200, _shown(msgspec.structs.replace(restored, name=asked.name or restored.name)))

    async def purge_one(self, request: Request) -> Response:
        return json_response(200, Removed(await self._service.purge_deletion(request.caller, path_id(request, "id"))))

    async def purge(self, request: Request) -> Response:
        days = structured(_PURGE, request.body).older_than_days
        # A moment more than now: what was deleted in this very millisecond is no younger than no days.
        before = Millis(self._clock() - days * DAY + 1)
        return json_response(200, Removed(await self._service.purge(request.caller, before)))


def operations(handlers: TrashHandlers) -> tuple[Operation, ...]:
    return (
        Operation(
            id="listTrash",
            method="GET",
            path="/trash",
            permission=Permission.TRASH_READ,
            handler=handlers.list_all,
            summary="List what is in the trash",
            description="The newest deletion first. Each stands for a record and all that went with it.",
            parameters=(
                Parameter("limit", Place.QUERY, {"type": "integer", "minimum": 1, "maximum": MOST, "default": SHOWN}, "How many at most."),
                Parameter("after", Place.QUERY, {"type": "string"}, "The `next` of the page before."),
            ),
            responses={200: Deletions, **_READ_FAILURES},
        ),
        Operation(
            id="restore",
            method="POST",
            path="/trash/{id}/restore",
            permission=Permission.TRASH_WRITE,
            handler=handlers.restore,
            summary="Undo a deletion",
            description="Everything it took is back as it was. Where its name is another's by now, give a new one.",
            parameters=(_ID,),
            body=Restore,
            responses={200: Deletion, **_READ_FAILURES, 404: Problem, 409: Problem, 413: Problem, 422: Problem},
        ),
        Operation(
            id="purgeDeletion",
            method="DELETE",
            path="/trash/{id}",
            permission=Permission.TRASH_PURGE,
            handler=handlers.purge_one,
            summary="Remove for good what a deletion took",
            parameters=(_ID,),
            responses={200: Removed, **_READ_FAILURES, 404: Problem},
        ),
        Operation(
            id="purgeTrash",
            method="POST",
            path="/trash/purge",
            permission=Permission.TRASH_PURGE,
            handler=handlers.purge,
            summary="Remove for good what was deleted long ago",
            body=Purge,
            responses={200: Removed, **_READ_FAILURES, 413: Problem, 422: Problem},
        ),
    )


def _shown(one: domain.Deletion) -> Deletion:
    return Deletion(one.id, word(one.kind), one.record_id, one.name, one.deleted_at, one.actor)
