"""The first schema: projects, records of every kind, the property index, audit events, idempotency keys.

Revision ID: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from modelyard.store.migrations import dialects, sequences

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
SHORT = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
LONG = sa.Text().with_variant(sa.Text(collation="C"), "postgresql").with_variant(mysql.LONGTEXT(), "mysql", "mariadb")

SEQUENCES = {
    "resource": ("model", "model_version", "experiment", "run", "environment", "inference_service"),
    "artifact": ("artifact", "metric_point"),
    "serve": ("serve_record",),
}


def upgrade() -> None:  # noqa: PLR0915 - a flat list of tables
    options = dialects.table_options()
    op.create_table(
        "audit_event",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("at", ID, nullable=False),
        sa.Column("actor", SHORT, nullable=False),
        sa.Column("dialect", SHORT, nullable=False),
        sa.Column("request_id", SHORT, nullable=False),
        sa.Column("action", SHORT, nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("record_id", ID, nullable=False),
        sa.Column("before", LONG, nullable=True),
        sa.Column("after", LONG, nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sqlite_autoincrement=True,
        **options,
    )
    dialects.create_index("ix_audit_event_record", "audit_event", ["kind", "record_id", "id"])
    op.create_table(
        "external_id",
        sa.Column("project_id", ID, nullable=False),
        sa.Column("value", SHORT, nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.PrimaryKeyConstraint("project_id", "value", name="pk_external_id"),
        comment="External ids are unique over all kinds of the resource sequence: each claims its own here.",
        **options,
    )
    op.create_table(
        "id_sequence",
        sa.Column("name", SHORT, nullable=False),
        sa.Column("value", ID, nullable=False),
        sa.PrimaryKeyConstraint("name"),
        comment="The last id given from each sequence, on SQLite. The other databases have their own ways (see migrations/sequences.py).",
        **options,
    )
    op.create_table(
        "idempotency_key",
        sa.Column("project_id", ID, nullable=False),
        sa.Column("value", SHORT, nullable=False),
        sa.Column("fingerprint", SHORT, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True),
        sa.Column("headers", LONG, nullable=True),
        sa.Column("body", LONG, nullable=True),
        sa.PrimaryKeyConstraint("project_id", "value", name="pk_idempotency_key"),
        **options,
    )
    dialects.create_index("ix_idempotency_key_created", "idempotency_key", ["created_at"])
    op.create_table(
        "project",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("name", SHORT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name", name="uq_project_name"),
        **options,
    )
    op.create_table(
        "property_number",
        sa.Column("project_id", ID, nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("name", SHORT, nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("type", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "kind", "name", "value", "id", name="pk_property_number"),
        comment="Index of the numeric custom properties: integers, floats and booleans, each as a double. Rebuildable from the records.",
        sqlite_with_rowid=False,
        **options,
    )
    op.create_table(
        "property_text",
        sa.Column("project_id", ID, nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("name", SHORT, nullable=False),
        sa.Column("value", SHORT, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.Column("type", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "kind", "name", "value", "id", name="pk_property_text"),
        comment="Index of the text properties, cut to 255 characters, and of the elements of list fields. Rebuildable from the records.",
        sqlite_with_rowid=False,
        **options,
    )
    op.create_table(
        "artifact",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("name", SHORT, nullable=False),
        sa.Column("external_id", SHORT, nullable=True),
        sa.Column("description", LONG, nullable=True),
        sa.Column("properties", LONG, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=False),
        sa.Column("revision", ID, nullable=False),
        sa.Column("type", SHORT, nullable=False),
        sa.Column("owner_id", ID, nullable=True),
        sa.Column("experiment_id", ID, nullable=True),
        sa.Column("run_id", ID, nullable=True),
        sa.Column("state", SHORT, nullable=True),
        sa.Column("uri", LONG, nullable=True),
        sa.Column("model_format_name", LONG, nullable=True),
        sa.Column("model_format_version", LONG, nullable=True),
        sa.Column("storage_key", LONG, nullable=True),
        sa.Column("storage_path", LONG, nullable=True),
        sa.Column("service_account_name", LONG, nullable=True),
        sa.Column("model_source_kind", LONG, nullable=True),
        sa.Column("model_source_class", LONG, nullable=True),
        sa.Column("model_source_group", LONG, nullable=True),
        sa.Column("model_source_id", LONG, nullable=True),
        sa.Column("model_source_name", LONG, nullable=True),
        sa.Column("digest", LONG, nullable=True),
        sa.Column("source_type", LONG, nullable=True),
        sa.Column("source", LONG, nullable=True),
        sa.Column("schema", LONG, nullable=True),
        sa.Column("profile", LONG, nullable=True),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("step", ID, nullable=True),
        sa.Column("timestamp", LONG, nullable=True),
        sa.Column("recorded_at", ID, nullable=True),
        sa.Column("text_value", LONG, nullable=True),
        sa.Column("parameter_type", SHORT, nullable=True),
        sa.Column("trashed", ID, server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "external_id", "trashed", name="uq_artifact_external_id"),
        sa.UniqueConstraint("project_id", "owner_id", "type", "name", "trashed", name="uq_artifact_name"),
        **options,
    )
    dialects.create_index("ix_artifact_created", "artifact", ["project_id", "trashed", "created_at", "id"])
    dialects.create_index("ix_artifact_id", "artifact", ["project_id", "trashed", "id"])
    dialects.create_index("ix_artifact_type", "artifact", ["project_id", "type", "trashed", "id"])
    dialects.create_index("ix_artifact_updated", "artifact", ["project_id", "trashed", "updated_at", "id"])
    op.create_table(
        "environment",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("name", SHORT, nullable=False),
        sa.Column("external_id", SHORT, nullable=True),
        sa.Column("description", LONG, nullable=True),
        sa.Column("properties", LONG, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=False),
        sa.Column("revision", ID, nullable=False),
        sa.Column("trashed", ID, server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "external_id", "trashed", name="uq_environment_external_id"),
        sa.UniqueConstraint("project_id", "name", "trashed", name="uq_environment_name"),
        **options,
    )
    dialects.create_index("ix_environment_created", "environment", ["project_id", "trashed", "created_at", "id"])
    dialects.create_index("ix_environment_id", "environment", ["project_id", "trashed", "id"])
    dialects.create_index("ix_environment_updated", "environment", ["project_id", "trashed", "updated_at", "id"])
    op.create_table(
        "experiment",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("name", SHORT, nullable=False),
        sa.Column("external_id", SHORT, nullable=True),
        sa.Column("description", LONG, nullable=True),
        sa.Column("properties", LONG, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=False),
        sa.Column("revision", ID, nullable=False),
        sa.Column("owner", LONG, nullable=True),
        sa.Column("state", SHORT, nullable=True),
        sa.Column("trashed", ID, server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "external_id", "trashed", name="uq_experiment_external_id"),
        sa.UniqueConstraint("project_id", "name", "trashed", name="uq_experiment_name"),
        **options,
    )
    dialects.create_index("ix_experiment_created", "experiment", ["project_id", "trashed", "created_at", "id"])
    dialects.create_index("ix_experiment_id", "experiment", ["project_id", "trashed", "id"])
    dialects.create_index("ix_experiment_updated", "experiment", ["project_id", "trashed", "updated_at", "id"])
    op.create_table(
        "model",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("name", SHORT, nullable=False),
        sa.Column("external_id", SHORT, nullable=True),
        sa.Column("description", LONG, nullable=True),
        sa.Column("properties", LONG, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=False),
        sa.Column("revision", ID, nullable=False),
        sa.Column("owner", LONG, nullable=True),
        sa.Column("state", SHORT, nullable=True),
        sa.Column("readme", LONG, nullable=True),
        sa.Column("maturity", LONG, nullable=True),
        sa.Column("provider", LONG, nullable=True),
        sa.Column("logo", LONG, nullable=True),
        sa.Column("license", LONG, nullable=True),
        sa.Column("license_link", LONG, nullable=True),
        sa.Column("library_name", LONG, nullable=True),
        sa.Column("language", LONG, nullable=True),
        sa.Column("tasks", LONG, nullable=True),
        sa.Column("trashed", ID, server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "external_id", "trashed", name="uq_model_external_id"),
        sa.UniqueConstraint("project_id", "name", "trashed", name="uq_model_name"),
        **options,
    )
    dialects.create_index("ix_model_created", "model", ["project_id", "trashed", "created_at", "id"])
    dialects.create_index("ix_model_id", "model", ["project_id", "trashed", "id"])
    dialects.create_index("ix_model_updated", "model", ["project_id", "trashed", "updated_at", "id"])
    op.create_table(
        "artifact_parent",
        sa.Column("parent_id", ID, nullable=False),
        sa.Column("id", ID, nullable=False),
        sa.ForeignKeyConstraint(
            ["id"],
            ["artifact.id"],
        ),
        sa.PrimaryKeyConstraint("parent_id", "id", name="pk_artifact_parent"),
        comment="Which versions and runs an artifact is listed under. Their ids come from one sequence, so one column names either.",
        sqlite_with_rowid=False,
        **options,
    )
    dialects.create_index("ix_artifact_parent_id", "artifact_parent", ["id"])
    op.create_table(
        "inference_service",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("name", SHORT, nullable=False),
        sa.Column("external_id", SHORT, nullable=True),
        sa.Column("description", LONG, nullable=True),
        sa.Column("properties", LONG, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=False),
        sa.Column("revision", ID, nullable=False),
        sa.Column("environment_id", ID, nullable=False),
        sa.Column("model_id", ID, nullable=False),
        sa.Column("version_id", ID, nullable=True),
        sa.Column("runtime", LONG, nullable=True),
        sa.Column("desired_state", SHORT, nullable=True),
        sa.Column("trashed", ID, server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["environment_id"],
            ["environment.id"],
        ),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "environment_id", "name", "trashed", name="uq_inference_service_name"),
        sa.UniqueConstraint("project_id", "external_id", "trashed", name="uq_inference_service_external_id"),
        **options,
    )
    dialects.create_index("ix_inference_service_created", "inference_service", ["project_id", "trashed", "created_at", "id"])
    dialects.create_index("ix_inference_service_environment", "inference_service", ["environment_id", "id"])
    dialects.create_index("ix_inference_service_id", "inference_service", ["project_id", "trashed", "id"])
    dialects.create_index("ix_inference_service_updated", "inference_service", ["project_id", "trashed", "updated_at", "id"])
    op.create_table(
        "model_version",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("name", SHORT, nullable=False),
        sa.Column("external_id", SHORT, nullable=True),
        sa.Column("description", LONG, nullable=True),
        sa.Column("properties", LONG, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=False),
        sa.Column("revision", ID, nullable=False),
        sa.Column("model_id", ID, nullable=False),
        sa.Column("author", LONG, nullable=True),
        sa.Column("state", SHORT, nullable=True),
        sa.Column("trashed", ID, server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["model_id"],
            ["model.id"],
        ),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "external_id", "trashed", name="uq_model_version_external_id"),
        sa.UniqueConstraint("project_id", "model_id", "name", "trashed", name="uq_model_version_name"),
        **options,
    )
    dialects.create_index("ix_model_version_created", "model_version", ["project_id", "trashed", "created_at", "id"])
    dialects.create_index("ix_model_version_id", "model_version", ["project_id", "trashed", "id"])
    dialects.create_index("ix_model_version_model", "model_version", ["model_id", "id"])
    dialects.create_index("ix_model_version_updated", "model_version", ["project_id", "trashed", "updated_at", "id"])
    op.create_table(
        "run",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("name", SHORT, nullable=False),
        sa.Column("external_id", SHORT, nullable=True),
        sa.Column("description", LONG, nullable=True),
        sa.Column("properties", LONG, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=False),
        sa.Column("revision", ID, nullable=False),
        sa.Column("experiment_id", ID, nullable=False),
        sa.Column("owner", LONG, nullable=True),
        sa.Column("state", SHORT, nullable=True),
        sa.Column("status", SHORT, nullable=True),
        sa.Column("started_at", ID, nullable=True),
        sa.Column("ended_at", ID, nullable=True),
        sa.Column("trashed", ID, server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["experiment.id"],
        ),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "experiment_id", "name", "trashed", name="uq_run_name"),
        sa.UniqueConstraint("project_id", "external_id", "trashed", name="uq_run_external_id"),
        **options,
    )
    dialects.create_index("ix_run_created", "run", ["project_id", "trashed", "created_at", "id"])
    dialects.create_index("ix_run_experiment", "run", ["experiment_id", "id"])
    dialects.create_index("ix_run_id", "run", ["project_id", "trashed", "id"])
    dialects.create_index("ix_run_updated", "run", ["project_id", "trashed", "updated_at", "id"])
    op.create_table(
        "metric_point",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("name", SHORT, nullable=False),
        sa.Column("external_id", SHORT, nullable=True),
        sa.Column("description", LONG, nullable=True),
        sa.Column("properties", LONG, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=False),
        sa.Column("revision", ID, nullable=False),
        sa.Column("experiment_id", ID, nullable=False),
        sa.Column("run_id", ID, nullable=False),
        sa.Column("state", SHORT, nullable=True),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("step", ID, nullable=True),
        sa.Column("timestamp", LONG, nullable=True),
        sa.Column("recorded_at", ID, nullable=True),
        sa.Column("trashed", ID, server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
        ),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["run.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        **options,
    )
    dialects.create_index("ix_metric_point_run", "metric_point", ["run_id", "name", "id"])
    op.create_table(
        "serve_record",
        sa.Column("id", ID, autoincrement=False, nullable=False),
        sa.Column("project_id", ID, nullable=False),
        sa.Column("name", SHORT, nullable=False),
        sa.Column("external_id", SHORT, nullable=True),
        sa.Column("description", LONG, nullable=True),
        sa.Column("properties", LONG, nullable=False),
        sa.Column("created_at", ID, nullable=False),
        sa.Column("updated_at", ID, nullable=False),
        sa.Column("revision", ID, nullable=False),
        sa.Column("service_id", ID, nullable=False),
        sa.Column("version_id", ID, nullable=False),
        sa.Column("last_known_state", SHORT, nullable=True),
        sa.Column("trashed", ID, server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["project.id"],
        ),
        sa.ForeignKeyConstraint(
            ["service_id"],
            ["inference_service.id"],
        ),
        sa.ForeignKeyConstraint(
            ["version_id"],
            ["model_version.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("project_id", "external_id", "trashed", name="uq_serve_record_external_id"),
        sa.UniqueConstraint("project_id", "service_id", "name", "trashed", name="uq_serve_record_name"),
        **options,
    )
    dialects.create_index("ix_serve_record_created", "serve_record", ["project_id", "trashed", "created_at", "id"])
    dialects.create_index("ix_serve_record_id", "serve_record", ["project_id", "trashed", "id"])
    dialects.create_index("ix_serve_record_service", "serve_record", ["service_id", "id"])
    dialects.create_index("ix_serve_record_updated", "serve_record", ["project_id", "trashed", "updated_at", "id"])
    dialects.insert("project", id=1, name="default")
    for sequence, tables in SEQUENCES.items():
        sequences.create(sequence, tables)


def downgrade() -> None:
    for sequence, tables in SEQUENCES.items():
        sequences.drop(sequence, tables)
    op.drop_table("serve_record")
    op.drop_table("metric_point")
    op.drop_table("run")
    op.drop_table("model_version")
    op.drop_table("inference_service")
    op.drop_table("artifact_parent")
    op.drop_table("model")
    op.drop_table("experiment")
    op.drop_table("environment")
    op.drop_table("artifact")
    op.drop_table("property_text")
    op.drop_table("property_number")
    op.drop_table("project")
    op.drop_table("idempotency_key")
    op.drop_table("id_sequence")
    op.drop_table("external_id")
    op.drop_table("audit_event")
