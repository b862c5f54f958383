"""What goes over the wire. Names are in snake case."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from modelyard.api.native.kinds import KindWord
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


Moment = Annotated[Int64, Meta(description="Milliseconds since 1970.")]
Next = Annotated[str | None, Meta(description="Give it as `after` to get the page that follows; null where there is none.")]


class Deletion(msgspec.Struct, frozen=True):
    """One deletion: the record that was asked for, which all that belongs to it went with. `id` is the deletion's own."""

    id: int
    kind: KindWord
    record_id: int
    name: str
    deleted_at: Moment
    actor: str


class Deletions(msgspec.Struct, frozen=True):
    deletions: Sequence[Deletion]
    next: Next


class Restore(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How to restore: under which name, if not the one it had."""

    name: Annotated[str, Meta(min_length=1, max_length=255)] | None = None


class Purge(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to purge: all that was deleted at least so many days ago; 0 means everything."""

    older_than_days: Annotated[int, Meta(ge=0, le=36500)]


class Removed(msgspec.Struct, frozen=True):
    """How many records and metric points are gone for good."""

    removed: int


class Event(msgspec.Struct, frozen=True):
    """Who did what to which record, when, through which API."""

    id: int
    at: Moment
    actor: str
    dialect: Annotated[str, Meta(description="The API that it came through.")]
    request_id: str
    action: str
    kind: KindWord
    record_id: int
    before: Annotated[Any, Meta(description="The record before the change, or what `action` says; null where there is nothing.")]
    after: Annotated[Any, Meta(description="The record after the change, likewise.")]


class Events(msgspec.Struct, frozen=True):
    events: Sequence[Event]
    next: Next


class Problem(msgspec.Struct, frozen=True):
    """What went wrong, as RFC 9457 has it. `code` says it to programs; `request_id` finds it in the server's log."""

    title: str
    status: int
    detail: str
    code: str
    request_id: str
    type: str = "about:blank"
