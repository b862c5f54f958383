"""The rules of the trash. What goes there is said by the services of each domain; what becomes of it then, here."""

from modelyard.audit.ledger import Ledger
from modelyard.context import Caller, Millis
from modelyard.records.trash import Deletion, Trash
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
        total = 0
        while gone := await self.database.write(lambda unit: self._ledger.purge(unit, caller)):
            total += gone
        return total
