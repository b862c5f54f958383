"""How each database hands out ids that are never given twice, in the cheapest way it has.

PostgreSQL: a sequence object per `IdSequence`, as the default of the id columns, so that an insert brings its id along.
MySQL and MariaDB: an auto-increment table per sequence (MySQL has no sequences, and no RETURNING).
SQLite: a row of `id_sequence` per sequence, counted up in the transaction; writers take turns anyway.
"""

from collections.abc import Sequence

from alembic import op


def create(sequence: str, tables: Sequence[str]) -> None:
    """Make a sequence and, where the database fills ids itself, bind it to the tables."""
    name = op.get_bind().dialect.name
    if name == "postgresql":
        op.execute(f"CREATE SEQUENCE {sequence}_id_seq")
        for table in tables:
            op.execute(f"ALTER TABLE {table} ALTER COLUMN id SET DEFAULT nextval('{sequence}_id_seq')")
    elif name == "sqlite":
        op.execute(f"INSERT OR IGNORE INTO id_sequence (name, value) VALUES ('{sequence}', 0)")  # noqa: S608 - what is put in are constant names of ours
    else:
        op.execute(f"CREATE TABLE IF NOT EXISTS {sequence}_sequence (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB")


def drop(sequence: str, tables: Sequence[str]) -> None:
    """Undo `create`. SQLite's rows go with their table; one that stays goes on counting should its sequence be made again."""
    name = op.get_bind().dialect.name
    if name == "postgresql":
        for table in tables:
            op.execute(f"ALTER TABLE {table} ALTER COLUMN id DROP DEFAULT")
        op.execute(f"DROP SEQUENCE {sequence}_id_seq")
    elif name != "sqlite":
        op.execute(f"DROP TABLE {sequence}_sequence")
