"""Appends audit events."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from modelyard.audit.events import Event
from modelyard.audit.tables import AUDIT_EVENT
from modelyard.store.database import Unit
from modelyard.store.memory import MemoryDatabase
from modelyard.store.statements import Bulk

_APPEND = Bulk("insert audit_event", AUDIT_EVENT, without=("id",))


class Events(Protocol):
    async def append(self, unit: Unit, event: Event) -> None:
        """Write the event in the unit's transaction."""
        ...

    async def extend(self, unit: Unit, events: Sequence[Event]) -> None:
        """Write many events, in one statement."""
        ...


class SqlEvents:
    async def append(self, unit: Unit, event: Event) -> None:
        await unit.later(_APPEND, [msgspec.structs.astuple(event)])

    async def extend(self, unit: Unit, events: Sequence[Event]) -> None:
        await unit.later(_APPEND, [msgspec.structs.astuple(event) for event in events])


class MemoryEvents:
    """Keeps events in a memory database, for tests. As everywhere, a unit that fails leaves none behind."""

    def __init__(self, database: MemoryDatabase) -> None:
        self._database = database

    @property
    def events(self) -> list[Event]:
        return list(self._database.tables["audit event"].values())

    async def append(self, unit: Unit, event: Event) -> None:
        del unit
        rows = self._database.tables["audit event"]
        rows[len(rows)] = event

    async def extend(self, unit: Unit, events: Sequence[Event]) -> None:
        for event in events:
            await self.append(unit, event)
