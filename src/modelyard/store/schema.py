"""Which schema the database has, asked without Alembic, whose import alone would double the time to start."""

from sqlalchemy import column, select, table

from modelyard.store.database import Database, NoSuchTableError
from modelyard.store.statements import Statement

HEAD = "0009"
"""The revision that this program needs; a test compares it with the migrations."""

_VERSION = Statement("schema version", select(column("version_num")).select_from(table("alembic_version")))


async def schema_version(database: Database) -> str | None:
    """The database's revision; None where there is no schema, or one that was begun and not finished."""
    try:
        row = await database.reader.row(_VERSION, {})
    except NoSuchTableError:
        return None
    return None if row is None else str(row[0])
