"""How many versions each model has, kept with it.

Revision ID: 0008
"""

import sqlalchemy as sa
from alembic import op

from modelyard.store.migrations import dialects

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    dialects.add_column("model", sa.Column("versions", ID, nullable=False, server_default="0"))
    # The versions of a model in the trash are those that went there with it, under the same number.
    op.execute(
        "UPDATE model SET versions = (SELECT count(*) FROM model_version AS v WHERE v.model_id = model.id AND v.trashed = model.trashed)"
        " WHERE EXISTS (SELECT 1 FROM model_version AS v WHERE v.model_id = model.id)"
    )


def downgrade() -> None:
    op.drop_column("model", "versions")
