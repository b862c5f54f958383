"""On PostgreSQL the property index holds the type, too, so that counting its entries need not look at the tables.

The other databases keep these tables in the order of their keys, with every column.

Revision ID: 0003
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _make_keys(" INCLUDE (type)")


def downgrade() -> None:
    _make_keys("")


def _make_keys(more: str) -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table in ("property_number", "property_text"):
        key = f"PRIMARY KEY (project_id, kind, name, value, id){more}"
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT pk_{table}, ADD CONSTRAINT pk_{table} {key}")
