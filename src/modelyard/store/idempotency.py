"""Answers kept under the key that the client sent with the request, so that a retry changes nothing and gets the same answer.

The answer is written in the transaction of the change: either both are durable or neither is. Two requests with one key at the same
time: the second waits for the first at the key's row, then finds its answer.
"""

import hashlib
from collections.abc import Awaitable, Callable

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update

from modelyard.context import Caller, Clock
from modelyard.errors import ReusedKey
from modelyard.store.database import Database, UniqueViolationError, Unit
from modelyard.store.statements import Statement
from modelyard.store.tables import IDEMPOTENCY_KEY as KEY

RETENTION_MILLIS = 24 * 60 * 60 * 1000
"""How long an answer is kept."""

_OF = (KEY.c.project_id == bindparam("project"), KEY.c.value == bindparam("key"))
_FIND = Statement("find idempotency key", select(KEY.c.fingerprint, KEY.c.status, KEY.c.headers, KEY.c.body).where(*_OF))
_CLAIM = Statement(
    "claim idempotency key",
    insert(KEY).values(
        project_id=bindparam("project"), value=bindparam("key"), fingerprint=bindparam("print"), created_at=bindparam("now")
    ),
)
_KEEP = Statement(
    "keep answer", update(KEY).values(status=bindparam("code"), headers=bindparam("heads"), body=bindparam("text")).where(*_OF)
)
_FORGET = Statement("forget old answers", delete(KEY).where(KEY.c.created_at < bindparam("limit")))


class Answer(msgspec.Struct, frozen=True):
    """An HTTP answer as kept: `headers` is JSON text of the dialect's making, `body` the JSON text."""

    status: int
    headers: str
    body: str


class Answers:
    """Runs a request once per key."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self, caller: Caller, key: str, fingerprint: str, produce: Callable[[], Awaitable[Answer]]) -> tuple[Answer, bool]:
        """The answer for this key and whether it is a replay. What `produce` writes joins the same transaction; an exception of it
        undoes the claim. Keys are apart by project and dialect. Raises `ReusedKey` when the key came with another request.
        """
        stored_key = hashlib.sha256(f"{caller.dialect} {key}".encode()).hexdigest()

        async def work(unit: Unit) -> tuple[Answer, bool]:
            kept = await self._find(unit, caller, stored_key, fingerprint)
            if kept is not None:
                return kept, True
            now = self._clock()
            await unit.execute(_FORGET, {"limit": now - RETENTION_MILLIS})
            values = {"project": caller.project, "key": stored_key, "print": fingerprint, "now": now}
            await unit.execute(_CLAIM, values)
            answer = await produce()
            kept_as = {"project": caller.project, "key": stored_key, "code": answer.status, "heads": answer.headers, "text": answer.body}
            await unit.execute(_KEEP, kept_as)
            return answer, False

        try:
            return await self._database.write(work)
        except UniqueViolationError:
            # Another request with this key won the race and is committed by now: this time its answer is found.
            return await self._database.write(work)

    async def _find(self, unit: Unit, caller: Caller, key: str, fingerprint: str) -> Answer | None:
        row = await unit.row(_FIND, {"project": caller.project, "key": key})
        if row is None:
            return None
        if row[0] != fingerprint:
            raise ReusedKey("this idempotency key was used for another request: use a new key for a new request")
        return Answer(row[1], row[2], row[3])
