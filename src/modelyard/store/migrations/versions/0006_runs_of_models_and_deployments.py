"""Which model a run works on; how much a deployment asks for, and why it is as it is.

Revision ID: 0006
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from modelyard.store.migrations import dialects

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SHORT = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
LONG = sa.Text().with_variant(sa.Text(collation="C"), "postgresql").with_variant(mysql.LONGTEXT(), "mysql", "mariadb")

COLUMNS = (
    ("run", "model_id", ID),
    ("inference_service", "replicas", ID),
    ("inference_service", "cpu", SHORT),
    ("inference_service", "memory", SHORT),
    ("inference_service", "gpu", ID),
    ("inference_service", "message", LONG),
)


def upgrade() -> None:
    for table, name, type_ in COLUMNS:
        dialects.add_column(table, sa.Column(name, type_, nullable=True))
    dialects.create_index("ix_run_model", "run", ["model_id", "id"])
    dialects.create_index("ix_inference_service_model", "inference_service", ["model_id", "id"])


def downgrade() -> None:
    op.drop_index("ix_inference_service_model", "inference_service")
    op.drop_index("ix_run_model", "run")
    for table, name, _ in reversed(COLUMNS):
        op.drop_column(table, name)
