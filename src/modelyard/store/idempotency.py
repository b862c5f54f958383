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
from modelyard.store.database import Database, Row, UniqueViolationError, Unit, Values
from modelyard.store.statements import Statement
from modelyard.store.tables import IDEMPOTENCY_KEY as KEY

RETENTION_MILLIS = 24 * 60 * 60 * 1000
"""How long an answer is kept."""

PURGE_MILLIS = 60 * 60 * 1000
"""How often a process throws away what is older."""

_OF = (KEY.c.project_id == bindparam("project"), KEY.c.value == bindparam("key"))
_OLD = KEY.c.created_at < bindparam("limit")
_FIND = Statement("find idempotency key", select(KEY.c.fingerprint, KEY.c.status, KEY.c.headers, KEY.c.body).where(*_OF, ~_OLD))
_EXPIRE = Statement("expire idempotency key", delete(KEY).where(*_OF, _OLD))
_CLAIM = Statement(
    "claim idempotency key",
    insert(KEY).values(
        project_id=bindparam("project"), value=bindparam("key"), fingerprint=bindparam("print"), created_at=bindparam("now")
    ),
)
_KEEP = Statement(
    "keep answer", update(KEY).values(status=bindparam("code"), headers=bindparam("heads"), body=bindparam("text")).where(*_OF)
)
_PURGE = Statement("purge old answers", delete(KEY).where(_OLD))


class _TakenMeanwhileError(Exception):
    """Another request with this key won the race, and is committed by now."""


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
        self._purged: int = clock()

    async def run(self, caller: Caller, key: str, fingerprint: str, produce: Callable[[], Awaitable[Answer]]) -> tuple[Answer, bool]:
        """The answer for this key and whether it is a replay. What `produce` writes joins the same transaction; an exception of it
        undoes the claim. Keys are apart by project, dialect and caller. Raises `ReusedKey` when the key came with another request.
        """
        now = self._clock()
        of = {"project": caller.project, "key": hashlib.sha256(f"{caller.dialect} {caller.name} {key}".encode()).hexdigest()}

        async def work(unit: Unit) -> tuple[Answer, bool]:
            kept = await unit.row(_FIND, {**of, "limit": now - RETENTION_MILLIS})
            if kept is not None:
                return _replay(kept, fingerprint), True
            await self._claim(unit, of, fingerprint, now)
            answer = await produce()
            await unit.execute(_KEEP, {**of, "code": answer.status, "heads": answer.headers, "text": answer.body})
            return answer, False

        try:
            outcome = await self._database.write(work)
        except _TakenMeanwhileError:
            outcome = await self._database.write(work)
        await self._purge(now)
        return outcome

    async def _claim(self, unit: Unit, of: Values, fingerprint: str, now: int) -> None:
        await unit.execute(_EXPIRE, {**of, "limit": now - RETENTION_MILLIS})
        try:
            await unit.execute(_CLAIM, {**of, "print": fingerprint, "now": now})
        except UniqueViolationError as error:
            raise _TakenMeanwhileError from error

    async def _purge(self, now: int) -> None:
        """Now and then, and in a unit of its own: a request must not wait for the keys of others."""
        if now - self._purged >= PURGE_MILLIS:
            self._purged = now
            await self._database.write(lambda unit: unit.execute(_PURGE, {"limit": now - RETENTION_MILLIS}))


def _replay(row: Row, fingerprint: str) -> Answer:
    if row[0] != fingerprint:
        raise ReusedKey("this idempotency key was used for another request: use a new key for a new request")
    return Answer(row[1], row[2], row[3])
