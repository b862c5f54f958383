"""What goes over the wire. Names are in snake case."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from modelyard.experiments.entities import NewPoint
from modelyard.records.properties import INT64_MAX, INT64_MIN

Name = Annotated[str, Meta(min_length=1, max_length=255, description="The metric's name, any text without NUL.")]
Value = Annotated[float, Meta(description="Finite: JSON has no NaN and no Infinity.")]
Int64 = Annotated[int, Meta(ge=INT64_MIN, le=INT64_MAX, extra_json_schema={"format": "int64"})]
Step = Annotated[Int64 | None, Meta(description="Any whole number; steps may come in any order.")]
Timestamp = Annotated[Int64 | None, Meta(description="Milliseconds since 1970.")]


class Point(NewPoint, frozen=True, forbid_unknown_fields=True, gc=False):
    """A value of a metric. A step or timestamp left out is that of the metric's point before; the first one then has none."""

    name: Name
    value: Value
    step: Step = None
    timestamp: Timestamp = None


class LoggedPoints(msgspec.Struct, frozen=True):
    """How many points were stored, in all and of each metric."""

    points: int
    metrics: Mapping[str, int]


class SeriesPoint(msgspec.Struct, frozen=True, gc=False):
    value: Value
    step: Step
    timestamp: Timestamp


class MetricSeries(msgspec.Struct, frozen=True):
    """`points` are those kept of the `count` that there are, in order of arrival."""

    name: Name
    count: int
    points: Sequence[SeriesPoint]


class Metric(msgspec.Struct, frozen=True):
    """A metric at a glance: its number of points, lowest and highest value, and the point that came last."""

    name: Name
    count: int
    min: Value
    max: Value
    last: SeriesPoint


class MetricList(msgspec.Struct, frozen=True):
    """By name."""

    metrics: Sequence[Metric]


class Problem(msgspec.Struct, frozen=True):
    """What went wrong, as RFC 9457 has it. `code` says it to programs; `request_id` finds it in the server's log."""

    title: str
    status: int
    detail: str
    code: str
    request_id: str
    type: str = "about:blank"
