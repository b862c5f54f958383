"""The rules of the trash. What goes there is said by the services of each domain; what becomes of it then, here."""

import msgspec

from modelyard.audit.ledger import Ledger
from modelyard.context import Caller, Millis
from modelyard.records.trash import Deletion, Trash, no_deletion
from modelyard.search.page import Cursor, Page
from modelyard.store.database import Database, Unit, transactional


class TrashService:
    """List, restore and purge what was deleted in the caller's project."""

    def __init__(self, database: Database, trash: Trash, ledger: Ledger) -> None:
        self.database = database
        self._trash = trash
        self._ledger = ledger

    async def list_deletions(self, caller: Caller, limit: int, after: Cursor | None = None) -> Page[Deletion]:
        """What can be restored, the newest deletion first; each stands for all that went with its record."""
        return await self._trash.page(self.database.reader, caller.project, limit, after)

    @transactional
    async def restore(self, unit: Unit, caller: Caller, deletion_id: int, name: str | None = None) -> Deletion:
        """Undo a deletion: everything it took is back as it was, its record under another name if one is given (see `Ledger.restore`)."""
        return await self._ledger.restore(unit, caller, deletion_id, name)

    async def purge(self, caller: Caller, before: Millis) -> int:
        """Remove for good what was deleted before this moment; returns how many records and metric points that were. Audit events stay.

        A job for the background: it works in small units, so that others can write in between. It may be killed at any time and run
        again, or twice at once. From its first unit on, what it is going to remove can no longer be restored.
        """
        await self.database.write(lambda unit: self._trash.condemn(unit, caller.project, before))
        return await self._remove_condemned(caller)

    async def purge_deletion(self, caller: Caller, deletion_id: int) -> int:
        """Remove for good what this deletion took, as `purge` does. Errors: `NotFound`."""
        if not await self.database.write(lambda unit: self._trash.condemn_one(unit, caller.project, deletion_id)):
            raise no_deletion(deletion_id)
        return await self._remove_condemned(caller)

    async def purge_everywhere(self, janitor: Caller, before: Millis) -> int:
        """`purge` in every project, in the name of the janitor."""
        projects = await self._trash.projects(self.database.reader, before)
        return sum([await self.purge(msgspec.structs.replace(janitor, project=project), before) for project in projects])

    async def _remove_condemned(self, caller: Caller) -> int:
        total = 0
        while gone := await self.database.write(lambda unit: self._ledger.purge(unit, caller)):
            total += gone
        return total
