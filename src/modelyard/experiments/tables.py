"""The tables of experiments, runs and metric points."""

from sqlalchemy import Column, ForeignKey, Index, PrimaryKeyConstraint, Table

from modelyard.records.table import point_table, record_table
from modelyard.store import columns as c

EXPERIMENT = record_table("experiment", c.long("owner"), c.short("state"))
RUN = record_table(
    "run",
    c.reference("experiment_id", "experiment.id"),
    c.long("owner"),
    c.short("state"),
    c.short("status"),
    c.whole("started_at", nullable=True),
    c.whole("ended_at", nullable=True),
    # Not a foreign key: a model may be purged, and what was tried for it stays.
    c.whole("model_id", nullable=True),
    Index("ix_run_experiment", "experiment_id", "id"),
    Index("ix_run_model", "model_id", "id"),
    scope=("experiment_id",),
)
METRIC_POINT = point_table(
    "metric_point",
    c.whole("experiment_id"),
    c.reference("run_id", "run.id"),
    c.short("state"),
    c.number("value"),
    c.whole("step", nullable=True),
    c.long("timestamp"),
    c.whole("recorded_at", nullable=True),
    Index("ix_metric_point_run", "run_id", "name", "id"),
)
METRIC_BLOCK = Table(
    "metric_block",
    c.METADATA,
    # They go with their run: nothing else refers to them.
    Column("run_id", c.ID, ForeignKey("run.id", ondelete="CASCADE"), nullable=False),
    c.short("name", nullable=False),
    c.whole("number"),
    c.whole("first_id"),
    c.whole("last_id"),
    c.whole("points"),
    Column("low", c.NUMBER, nullable=False),
    c.whole("low_id"),
    Column("high", c.NUMBER, nullable=False),
    c.whole("high_id"),
    c.whole("steps"),
    c.whole("low_step", nullable=True),
    c.whole("high_step", nullable=True),
    PrimaryKeyConstraint("run_id", "name", "number", name="pk_metric_block"),
    sqlite_with_rowid=False,
    comment="Each sums up some points of one metric of one run, in order of arrival. Rebuildable from the points.",
)
