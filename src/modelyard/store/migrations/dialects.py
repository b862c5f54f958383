"""What the steps must do otherwise on MySQL and MariaDB.

Every change of the schema commits there at once. A step that was killed in the middle is therefore run again from its start on what it
left behind, and has to pass over what is there already.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from modelyard.store.columns import mysql_collation


def on_mysql() -> bool:
    return op.get_bind().dialect.name in ("mysql", "mariadb")


def table_options() -> dict[str, Any]:
    """Options for `op.create_table`: on MySQL and MariaDB text compares by code point and counts trailing spaces."""
    if not on_mysql():
        return {}
    version = op.get_bind().execute(sa.text("SELECT VERSION()")).scalar_one()
    return {
        "if_not_exists": True,
        "mysql_engine": "InnoDB",
        "mysql_charset": "utf8mb4",
        "mysql_collate": mysql_collation(version),
    }


def create_index(name: str, table: str, columns: Sequence[str]) -> None:
    """As `op.create_index`; MySQL knows no IF NOT EXISTS for it."""
    if on_mysql() and name in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(table)}:
        return
    op.create_index(name, table, columns)


def add_column(table: str, column: sa.Column[Any]) -> None:
    """As `op.add_column`, unless the table has it."""
    if on_mysql() and column.name in {known["name"] for known in sa.inspect(op.get_bind()).get_columns(table)}:
        return
    op.add_column(table, column)


def insert(table: str, **row: object) -> None:
    """Insert a row whose key is `id`, if there is none with it."""
    made = sa.table(table, *(sa.column(name) for name in row))
    found = op.get_bind().execute(sa.select(made.c.id).where(made.c.id == row["id"]))
    if found.first() is None:
        op.bulk_insert(made, [row])
