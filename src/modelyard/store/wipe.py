"""Empties a store. For test beds."""

from collections.abc import Iterator

from sqlalchemy import delete, insert, text

from modelyard.context import DEFAULT_PROJECT
from modelyard.store.columns import METADATA
from modelyard.store.database import Database, IdSequence, Unit
from modelyard.store.statements import Flavour, Statement
from modelyard.store.tables import ID_SEQUENCE, PROJECT


async def wipe(database: Database) -> None:
    """Remove every row, in one transaction, and let ids begin at 1 again. Servers may go on running on it."""

    async def work(unit: Unit) -> None:
        for table in reversed(METADATA.sorted_tables):
            if table is not ID_SEQUENCE:
                await unit.execute(Statement(f"wipe {table.name}", delete(table)), {})
        project = insert(PROJECT).values(id=DEFAULT_PROJECT, name="default")
        await unit.execute(Statement("first project", project), {})
        for sql in _restarts(database.flavour):
            await unit.rows(Statement("restart ids", text(sql)), {})  # not `execute`: PostgreSQL counts no rows for an ALTER

    await database.write(work)


def _restarts(flavour: Flavour) -> Iterator[str]:
    for sequence in IdSequence:
        if flavour is Flavour.SQLITE:
            yield f"UPDATE id_sequence SET value = 0 WHERE name = '{sequence.value}'"  # noqa: S608 - our own constant names
        elif flavour is Flavour.POSTGRESQL:
            yield f"ALTER SEQUENCE {sequence.value}_id_seq RESTART"
        else:
            # Last, for MySQL commits before it: what was removed is then gone already.
            yield f"DELETE FROM {sequence.value}_sequence"  # noqa: S608 - our own constant names
            yield f"ALTER TABLE {sequence.value}_sequence AUTO_INCREMENT = 1"
