"""Empties a store. For test beds."""

from collections.abc import Iterator

from sqlalchemy import text

from modelyard.context import DEFAULT_PROJECT
from modelyard.store.columns import METADATA
from modelyard.store.database import Database, IdSequence, Unit
from modelyard.store.pooled_unit import PooledUnit
from modelyard.store.sqlite_unit import SqliteUnit
from modelyard.store.statements import Flavour, Statement
from modelyard.store.tables import ACCESS_STATE, ID_SEQUENCE, PROJECT

_OTHER_PROJECTS = f"DELETE FROM project WHERE id <> {DEFAULT_PROJECT}"  # noqa: S608 - what is put in is a constant number of ours
_FORGET_ACCOUNTS = "UPDATE access_state SET revision = revision + 1"
"""Servers that are running find out by this."""


async def wipe(database: Database) -> None:
    """Remove every row but the default project, all or nothing, and let ids begin at 1 again. Servers may go on running on it."""

    async def work(unit: Unit) -> None:
        for sql in _STATEMENTS[database.flavour]():
            # `rows` for all, since PostgreSQL counts none for a TRUNCATE; `locks`, for it must be one transaction.
            await unit.rows(Statement("wipe", text(sql), locks=True), {})
        if isinstance(unit, SqliteUnit | PooledUnit):
            unit.empties = True

    await database.write(work)


def _on_sqlite() -> Iterator[str]:
    yield from _deletes()
    yield _OTHER_PROJECTS
    yield _FORGET_ACCOUNTS


def _on_postgresql() -> Iterator[str]:
    # It waits for each table in turn: in the order in which most changes touch them, records first, so that who has begun can finish.
    tables = [table for table in METADATA.sorted_tables if table not in (PROJECT, ACCESS_STATE)]
    tables.sort(key=lambda table: not table.foreign_keys)
    yield f"TRUNCATE {', '.join(table.name for table in tables)} RESTART IDENTITY CASCADE"
    yield _OTHER_PROJECTS
    yield _FORGET_ACCOUNTS
    for sequence in IdSequence:
        yield f"ALTER SEQUENCE {sequence.value}_id_seq RESTART"


def _on_mysql() -> Iterator[str]:
    # Every record refers to its project: while that is locked nobody can add children to what is being removed.
    yield "SELECT id FROM project FOR UPDATE"
    yield from _deletes()
    yield _OTHER_PROJECTS
    yield _FORGET_ACCOUNTS
    for sequence in IdSequence:
        yield f"DELETE FROM {sequence.value}_sequence"  # noqa: S608 - what is put in are constant names of ours
    for sequence in IdSequence:
        # Last, for MySQL commits before it: what was removed is then gone already. An id given since then stays given.
        yield f"ALTER TABLE {sequence.value}_sequence AUTO_INCREMENT = 1"


def _deletes() -> Iterator[str]:
    for table in reversed(METADATA.sorted_tables):
        if table not in (PROJECT, ACCESS_STATE, ID_SEQUENCE):
            yield f"DELETE FROM {table.name}"  # noqa: S608 - what is put in are constant names of ours


_STATEMENTS = {Flavour.SQLITE: _on_sqlite, Flavour.POSTGRESQL: _on_postgresql, Flavour.MYSQL: _on_mysql}
