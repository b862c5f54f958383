"""A connection to a database server as the store uses it, and what can become of it."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from modelyard.store.database import (
    Deferred,
    IdSequence,
    NewId,
    Row,
    UniqueViolationError,
)
from modelyard.store.statements import Flavour


class ConnectionLostError(Exception):
    """The connection is gone and with it its transaction. Never reaches a caller of `Database`."""


class ConflictError(Exception):
    """Another transaction came first, and running this one again may help. Never reaches a caller of `Database`.

    The server undid it (deadlock, serialization failure), or what it refers to has vanished: reading again tells whether it has.
    """


class ChangedError(ConflictError):
    """A record is no longer as the unit knew it."""


class Connection(ABC):
    """A driver's connection. Outside `BEGIN` ... `COMMIT` or `ROLLBACK` every statement is its own transaction.

    Its methods raise the driver's errors; `meaning` says what the store calls them.
    """

    flavour: Flavour

    def __init__(self) -> None:
        self.touched = asyncio.get_running_loop().time()
        self.expired = False
        self.broken = False

    @property
    @abstractmethod
    def usable(self) -> bool: ...

    @abstractmethod
    def terminate(self) -> None: ...

    @abstractmethod
    async def close(self) -> None: ...

    @abstractmethod
    async def rows(self, sql: str, arguments: Sequence[Any]) -> Sequence[Row]: ...

    @abstractmethod
    async def row(self, sql: str, arguments: Sequence[Any]) -> Row | None: ...

    @abstractmethod
    async def execute(self, sql: str, arguments: Sequence[Any]) -> int: ...

    @abstractmethod
    async def execute_many(self, sql: str, arguments: Sequence[Sequence[Any]]) -> None: ...

    @abstractmethod
    async def next_id(self, sequence: IdSequence) -> int: ...

    @abstractmethod
    async def next_ids(self, sequence: IdSequence, count: int) -> Sequence[int]: ...

    async def batch(self, changes: Sequence[Deferred], new: Sequence[NewId], guarded: bool) -> None:  # noqa: FBT001 - called by position, many times a second
        """Run changes that waited. All or nothing where units are lazy; only there ids may be `new`, and are given then.

        `guarded`: what they are made of was read without locks. Then a clash may come of what has changed since: a `ConflictError`.
        """
        del new, guarded
        for change in changes:
            try:
                await self.execute_many(change.statement.compiled(self.flavour).sql, change.bound(self.flavour))
            except Exception as error:
                raise told(self.meaning(error), [change]) from error

    @abstractmethod
    async def command(self, sql: str) -> None:
        """Run SQL without parameters or result."""

    @abstractmethod
    def meaning(self, error: Exception) -> Exception:
        """What the store calls this error of the driver, or the error itself. Terminates the connection if it must not be used again.

        The store's are `ConnectionLostError`, `ConflictError`, `UniqueViolationError`, `NoSuchTableError` and `Unavailable` (the server
        took too long).
        """


def told(meaning: Exception, changes: Sequence[Deferred]) -> Exception:
    """What to raise of a failed batch: a unique violation is told by the change whose table it was in."""
    if isinstance(meaning, UniqueViolationError):
        for change in changes:
            if change.taken is not None and meaning.table in ("", change.statement.table_name):
                return change.taken(meaning)
    return meaning
