"""Changes to accounts, tokens, grants and projects, each with its audit event in the same transaction."""

import msgspec

from modelyard.access.accounts import KINDS, Kept, RoleGrant, told
from modelyard.access.repository import Register
from modelyard.audit.events import Action, Event
from modelyard.audit.repository import Events
from modelyard.context import NO_PROJECT, Caller, Clock, ProjectId
from modelyard.store.database import Unit


class Journal:
    """Call `Register.begin_change` first in a unit: what a change is judged by must not change meanwhile."""

    def __init__(self, register: Register, events: Events, clock: Clock) -> None:
        self.register = register
        self.clock = clock
        self._events = events

    async def created(self, unit: Unit, caller: Caller, new: Kept) -> None:
        await self._events.append(unit, self._event(caller, Action.CREATED, new, None, _json(new)))

    async def updated(self, unit: Unit, caller: Caller, before: Kept, after: Kept) -> None:
        await self._events.append(unit, self._event(caller, Action.UPDATED, after, _json(before), _json(after, before)))

    async def deleted(self, unit: Unit, caller: Caller, *gone: Kept) -> None:
        await self._events.extend(unit, [self._event(caller, Action.DELETED, one, _json(one), None) for one in gone])

    def _event(self, caller: Caller, action: Action, kept: Kept, before: str | None, after: str | None) -> Event:
        return Event(
            _project(kept),
            self.clock(),
            caller.name,
            caller.dialect,
            caller.request_id,
            action,
            int(KINDS[type(kept)]),
            kept.id,
            before,
            after,
        )


def _project(kept: Kept) -> ProjectId:
    """The project whose events tell of it. Projects themselves are the server's: while one is archived, nobody is in it to look."""
    return (kept.project_id if isinstance(kept, RoleGrant) else None) or NO_PROJECT


def _json(kept: Kept, before: Kept | None = None) -> str:
    return msgspec.json.encode(told(kept, before)).decode()
