"""Where experiments, runs and metric points are kept."""

from modelyard.experiments.entities import Experiment, MetricPoint, Run
from modelyard.experiments.fields import EXPERIMENT_FIELDS, POINT_FIELDS, RUN_FIELDS
from modelyard.experiments.tables import EXPERIMENT, METRIC_POINT, RUN
from modelyard.records.kinds import Kind
from modelyard.records.sql import SqlRecords


def experiments() -> SqlRecords[Experiment]:
    return SqlRecords(Kind.EXPERIMENT, Experiment, EXPERIMENT, EXPERIMENT_FIELDS)


def runs() -> SqlRecords[Run]:
    return SqlRecords(Kind.RUN, Run, RUN, RUN_FIELDS)


def metric_points() -> SqlRecords[MetricPoint]:
    return SqlRecords(Kind.METRIC_POINT, MetricPoint, METRIC_POINT, POINT_FIELDS)
