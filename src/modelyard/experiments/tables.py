"""The tables of experiments, runs and metric points."""

from sqlalchemy import Index

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
    Index("ix_run_experiment", "experiment_id", "id"),
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
