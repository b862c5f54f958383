"""Blocks that sum up the points of metrics, filled for the points that are there.

Revision ID: 0004
"""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from modelyard.store.migrations import dialects

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SHORT = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")

POINT = sa.table("metric_point", *(sa.column(name) for name in ("id", "run_id", "name", "value", "step")))
SIZE = 100
"""Points in a block. It must not follow the program, should that change."""
AT_ONCE = 100 * SIZE


def upgrade() -> None:
    op.create_table(
        "metric_block",
        sa.Column("run_id", ID, nullable=False),
        sa.Column("name", SHORT, nullable=False),
        sa.Column("number", ID, nullable=False),
        sa.Column("first_id", ID, nullable=False),
        sa.Column("last_id", ID, nullable=False),
        sa.Column("points", ID, nullable=False),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("low_id", ID, nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.Column("high_id", ID, nullable=False),
        sa.Column("steps", ID, nullable=False),
        sa.Column("low_step", ID, nullable=True),
        sa.Column("high_step", ID, nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "name", "number", name="pk_metric_block"),
        comment="Each sums up some points of one metric of one run, in order of arrival. Rebuildable from the points.",
        sqlite_with_rowid=False,
        **dialects.table_options(),
    )
    _fill()


def downgrade() -> None:
    op.drop_table("metric_block")


def _fill() -> None:
    """Begins with nothing: on MySQL an upgrade that was killed may have left some."""
    connection = op.get_bind()
    block = sa.Table("metric_block", sa.MetaData(), autoload_with=connection)
    connection.execute(sa.delete(block))
    for run_id, name in connection.execute(sa.select(POINT.c.run_id, POINT.c.name).distinct()).all():
        number = 0
        for points in _series(connection, run_id, name):
            rows = [_block(points[start : start + SIZE]) for start in range(0, len(points), SIZE)]
            numbered = [{"run_id": run_id, "name": name, "number": number + place, **row} for place, row in enumerate(rows)]
            connection.execute(sa.insert(block), numbered)
            number += len(rows)


def _series(connection: sa.Connection, run_id: int, name: str) -> Iterator[Sequence[Any]]:
    """The points of one metric of one run by id, some whole blocks at once."""
    after = 0
    wanted = sa.select(POINT.c.id, POINT.c.value, POINT.c.step).where(POINT.c.run_id == run_id, POINT.c.name == name)
    while points := connection.execute(wanted.where(POINT.c.id > after).order_by(POINT.c.id).limit(AT_ONCE)).all():
        yield points
        after = points[-1].id


def _block(points: Sequence[Any]) -> dict[str, Any]:
    low, high = min(points, key=lambda point: point.value), max(points, key=lambda point: point.value)
    steps = [point.step for point in points if point.step is not None]
    return {
        "first_id": points[0].id,
        "last_id": points[-1].id,
        "points": len(points),
        "low": low.value,
        "low_id": low.id,
        "high": high.value,
        "high_id": high.id,
        "steps": len(steps),
        "low_step": min(steps, default=None),
        "high_step": max(steps, default=None),
    }
