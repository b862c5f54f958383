"""Accounts, their tokens and what is granted to them. Projects can be archived, and say since when they are there.

Revision ID: 0005
"""

import time

import sqlalchemy as sa
from alembic import op

from modelyard.store.migrations import dialects, sequences

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SHORT = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")


def upgrade() -> None:
    options = dialects.table_options()
    dialects.add_column("project", sa.Column("archived", sa.SmallInteger(), server_default="0", nullable=False))
    dialects.add_column("project", sa.Column("created_at", ID, server_default="0", nullable=False))
    project = sa.table("project", sa.column("created_at"))
    op.execute(project.update().where(project.c.created_at == 0).values(created_at=time.time_ns() // 1_000_000))
    op.create_table(
        "principal",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("name", SHORT, nullable=False),
        sa.Column("kind", SHORT, nullable=False),
        sa.Column("password_hash", SHORT, nullable=True),
        sa.Column("home_project", ID, nullable=False),
        sa.Column("disabled", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.ForeignKeyConstraint(["home_project"], ["project.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", name="uq_principal_name"),
        comment="Who has an account. `password_hash` is argon2id's; NULL: no password opens it.",
        **options,
    )
    dialects.create_index("ix_principal_home", "principal", ["home_project"])
    op.create_table(
        "access_token",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("principal_id", ID, nullable=False),
        sa.Column("label", SHORT, nullable=False),
        sa.Column("hash", SHORT, nullable=False),
        sa.Column("scopes", SHORT, nullable=False),
        sa.Column("expires_at", ID, nullable=True),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("last_used_at", ID, nullable=True),
        sa.ForeignKeyConstraint(["principal_id"], ["principal.id"]),
        sa.PrimaryKeyConstraint("id"),
        comment="`hash` is the SHA-256 of the token's text, which is nowhere. `scopes` is a role that caps it, or empty.",
        **options,
    )
    dialects.create_index("ix_access_token_principal", "access_token", ["principal_id", "id"])
    op.create_table(
        "role_grant",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("principal_id", ID, nullable=False),
        sa.Column("role", SHORT, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.ForeignKeyConstraint(["principal_id"], ["principal.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("principal_id", "role", "project_id", "kind", "record_id", name="uq_role_grant"),
        comment="`project_id` 0: on everything; `kind` and `record_id` 0: on the whole of it. NULLs would be no part of the unique key.",
        **options,
    )
    op.create_table(
        "access_state",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("revision", ID, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        comment="One row, raised by every change to projects, accounts, tokens and grants, in its transaction: servers remember these.",
        **options,
    )
    dialects.insert("access_state", id=1, revision=0)
    sequences.create("access", ())


def downgrade() -> None:
    """Accounts are lost; projects stay, and those that were archived are back."""
    sequences.drop("access", ())
    op.drop_table("access_state")
    op.drop_table("role_grant")
    op.drop_table("access_token")
    op.drop_table("principal")
    op.drop_column("project", "created_at")
    op.drop_column("project", "archived")
