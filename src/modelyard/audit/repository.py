"""Appends audit events."""

from collections.abc import Sequence
from typing import Protocol

from modelyard.audit.events import Action, Event
from modelyard.audit.tables import AUDIT_EVENT
from modelyard.records.written import Argument, written_row
from modelyard.store.database import NewId, Told, Unit
from modelyard.store.memory import MemoryDatabase
from modelyard.store.statements import Bulk

_APPEND = Bulk("insert audit_event", AUDIT_EVENT, without=("id",), told="after")

# A member of an enum, though it is text, is bound to a statement by a longer way than plain text.
_WORDS: dict[str, str] = {action: action.value for action in Action}
_row = written_row(
    "event", [Argument(f"event.{name}", _WORDS.__getitem__ if name == "action" else None) for name in Event.__struct_fields__]
)


class Events(Protocol):
    async def append(self, unit: Unit, event: Event) -> None:
        """Write the event in the unit's transaction."""
        ...

    async def extend(self, unit: Unit, events: Sequence[Event]) -> None:
        """Write many events, in one statement."""
        ...


class SqlEvents:
    async def append(self, unit: Unit, event: Event) -> None:
        row = _row(event)
        record_id: object = event.record_id
        if isinstance(record_id, NewId) and event.action is Action.CREATED:
            row = (*row[:-1], Told(record_id, row[-1]))
        await unit.later(_APPEND, [row])

    async def extend(self, unit: Unit, events: Sequence[Event]) -> None:
        await unit.later(_APPEND, [_row(event) for event in events])


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
