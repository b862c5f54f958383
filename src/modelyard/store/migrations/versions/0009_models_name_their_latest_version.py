"""The name of each model's latest version, kept with it.

Revision ID: 0009
"""

import sqlalchemy as sa
from alembic import op

from modelyard.store.migrations import dialects

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

NAME = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")


def upgrade() -> None:
    dialects.add_column("model", sa.Column("latest", NAME, nullable=True))
    # Of the versions of a model in the trash, those that went there with it, under the same number.
    op.execute(
        "UPDATE model SET latest = (SELECT v.name FROM model_version AS v WHERE v.model_id = model.id AND v.trashed = model.trashed"
        " AND (v.state IS NULL OR v.state <> 'ARCHIVED') ORDER BY v.id DESC LIMIT 1)"
        " WHERE versions > 0"
    )


def downgrade() -> None:
    op.drop_column("model", "latest")
