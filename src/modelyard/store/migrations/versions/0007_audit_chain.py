"""Seals of audit events, and indexes to list events by time and to find those of a request.

Revision ID: 0007
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from modelyard.store.migrations import dialects

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SHORT = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
LONG = sa.Text().with_variant(sa.Text(collation="C"), "postgresql").with_variant(mysql.LONGTEXT(), "mysql", "mariadb")

INDEXES = {"ix_audit_event_time": ["project_id", "at", "id"], "ix_audit_event_request": ["request_id"]}


def upgrade() -> None:
    op.create_table(
        "audit_seal",
        sa.Column("number", ID, autoincrement=False, nullable=False),
        sa.Column("sealed_at", ID, nullable=False),
        sa.Column("last_id", ID, nullable=False),
        sa.Column("events", LONG, nullable=False),
        sa.Column("hash", SHORT, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_audit_seal"),
        comment="Each seals the audit events after those of the seal before, up to last_id: their ids and digests, and one hash of all.",
        **dialects.table_options(),
    )
    for name, columns in INDEXES.items():
        dialects.create_index(name, "audit_event", columns)


def downgrade() -> None:
    """The seals are lost; the next upgrade begins to seal from the first event."""
    for name in INDEXES:
        op.drop_index(name, "audit_event")
    op.drop_table("audit_seal")
