"""The trash: which record was deleted when, and by whom. An index to find what goes along with a version.

Revision ID: 0002
"""

import time

import sqlalchemy as sa
from alembic import op

from modelyard.store.migrations import dialects

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SHORT = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")

ROOTS = {
    "model": 1,
    "experiment": 3,
    "environment": 5,
    "model_version": 2,
    "run": 4,
    "inference_service": 6,
    "artifact": 7,
    "serve_record": 9,
}
"""Record tables by kind, owners before what they own: of the rows of one deletion the first that is found was the one asked for."""


def upgrade() -> None:
    op.create_table(
        "trash",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("name", SHORT, nullable=False),
        sa.Column("deleted_at", ID, nullable=False),
        sa.Column("actor", SHORT, nullable=False),
        sa.Column("purging", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"]),
        sa.PrimaryKeyConstraint("id"),
        comment="One row for each deletion. Its id stands in the `trashed` column of every record that it took. `purging` 1: no way back.",
        **dialects.table_options(),
    )
    dialects.create_index("ix_trash_list", "trash", ["project_id", "purging", "id"])
    dialects.create_index("ix_serve_record_version", "serve_record", ["version_id", "id"])
    if "version_id" in {index["name"] for index in sa.inspect(op.get_bind()).get_indexes("serve_record")}:
        op.drop_index("version_id", "serve_record")  # of a downgrade; one that MySQL made by itself has gone by itself
    for table, kind in ROOTS.items():
        _find_deletions(table, kind)


def downgrade() -> None:
    """What is in the trash stays hidden, and the next upgrade finds it again."""
    if dialects.on_mysql():
        dialects.create_index("version_id", "serve_record", ["version_id"])  # its foreign key must have one
    op.drop_index("ix_serve_record_version", "serve_record")
    op.drop_table("trash")


def _find_deletions(name: str, kind: int) -> None:
    """List what a downgrade forgot. Nobody knows any more when it was deleted: its retention begins anew."""
    names = ("id", "project_id", "kind", "record_id", "name", "deleted_at", "actor", "purging")
    trash, record = sa.table("trash", *map(sa.column, names)), sa.table(name, *map(sa.column, ("id", "project_id", "name", "trashed")))
    known = sa.exists().where(trash.c.id == record.c.trashed)
    values = (kind, record.c.id, record.c.name, time.time_ns() // 1_000_000, "unknown", 0)
    found = sa.select(record.c.trashed, record.c.project_id, *map(_column, values)).where(record.c.trashed != 0, ~known)
    op.execute(trash.insert().from_select(names, found))


def _column(value: object) -> sa.ColumnElement[object]:
    return value if isinstance(value, sa.ColumnElement) else sa.literal(value)
