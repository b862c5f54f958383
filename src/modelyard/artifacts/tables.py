"""The tables of artifacts and of their parents."""

from sqlalchemy import FromClause, Index, PrimaryKeyConstraint, Table, TableClause, column, literal_column, select, table

from modelyard.records.table import record_table
from modelyard.store import columns as c

ARTIFACT = record_table(
    "artifact",
    c.short("type", nullable=False),
    c.whole("owner_id", nullable=True),
    c.whole("experiment_id", nullable=True),
    c.whole("run_id", nullable=True),
    c.short("state"),
    c.long("uri"),
    c.long("model_format_name"),
    c.long("model_format_version"),
    c.long("storage_key"),
    c.long("storage_path"),
    c.long("service_account_name"),
    c.long("model_source_kind"),
    c.long("model_source_class"),
    c.long("model_source_group"),
    c.long("model_source_id"),
    c.long("model_source_name"),
    c.long("digest"),
    c.long("source_type"),
    c.long("source"),
    c.long("schema"),
    c.long("profile"),
    c.number("value"),
    c.whole("step", nullable=True),
    c.long("timestamp"),
    c.whole("recorded_at", nullable=True),
    c.long("text_value"),
    c.short("parameter_type"),
    Index("ix_artifact_type", "project_id", "type", "trashed", "id"),
    scope=("owner_id", "type"),
)
ARTIFACT_PARENT = Table(
    "artifact_parent",
    c.METADATA,
    c.whole("parent_id"),
    c.reference("id", "artifact.id"),
    PrimaryKeyConstraint("parent_id", "id", name="pk_artifact_parent"),
    Index("ix_artifact_parent_id", "id"),
    sqlite_with_rowid=False,
    comment="Which versions and runs an artifact is listed under. Their ids come from one sequence, so one column names either.",
)


def _parent(name: str, field: str) -> TableClause:
    """A table of parents. It belongs to a room above this one, which is why it is named here and not imported."""
    return table(name, column("id", c.ID), column(field, c.ID), column("trashed", c.ID))


def _through_parent(owner: TableClause, field: str, name: str) -> FromClause:
    """Which artifacts are listed under live versions, or runs, with a value in this field: read like a link table."""
    rows = select(owner.c[field].label(name), ARTIFACT_PARENT.c.id).where(
        owner.c.id == ARTIFACT_PARENT.c.parent_id, owner.c.trashed == literal_column("0")
    )
    return rows.subquery(f"{owner.name}_artifact")


PARENTS = _VERSION, _RUN = _parent("model_version", "model_id"), _parent("run", "experiment_id")
MODEL_ARTIFACT = _through_parent(_VERSION, "model_id", "model_id")
EXPERIMENT_ARTIFACT = _through_parent(_RUN, "experiment_id", "owner_experiment_id")
