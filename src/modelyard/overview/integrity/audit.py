"""The audit log agrees with the records: each was created by an event, has as many changes, and is what the newest one left."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Table, and_, bindparam, case, func, literal_column, select

from modelyard.artifacts.entities import Artifact, ArtifactType
from modelyard.audit.events import Action
from modelyard.audit.tables import AUDIT_EVENT
from modelyard.overview.integrity.finding import MOST, Finding, Looked
from modelyard.overview.integrity.measured import Measurements, measurements
from modelyard.overview.integrity.structure import UNREADABLE
from modelyard.overview.integrity.subjects import SUBJECTS, window_of, windows
from modelyard.records.kinds import Kind
from modelyard.records.record import Record
from modelyard.records.rows import reader as row_reader
from modelyard.store.database import Reader, Row
from modelyard.store.statements import Statement

_EVENT = AUDIT_EVENT.c
_AUDITED = tuple((subject, window_of(subject, subject.columns, live=True)) for subject in SUBJECTS if subject.audited)
NOBODY_REPAIRS = "Nothing repairs this: find out who wrote to the database beside Modelyard, and restore from a backup if in doubt"

_TYPE, _OWNER = (1 + Artifact.__struct_fields__.index(name) for name in ("type", "owner_id"))
"""Where a row of artifacts has these: its id comes first."""
_UNTOLD = ("recorded_at", "experiment_id", "updated_at")
"""What a batch of points changes of a metric and its event does not say."""


class Trail(NamedTuple):
    """The events of one record. A further parent, the trash and the way back are no changes of the record itself."""

    record_id: int
    changes: int
    created: int
    newest: int | None
    """The id of the newest change's event; None where there is none, such as for a metric that came from batches and the trash only."""
    project_id: int | None
    after: str | None
    """The record as the newest change left it."""
    measured: Measurements | None = None
    """The batch that changed it after that."""

    def with_batches(self, measured: Measurements) -> "Trail":
        """Batches of points are changes of a metric, too, told by events of their run."""
        trail = self._replace(changes=self.changes + measured.batches, created=self.created + measured.created)
        return trail if measured.newest < (self.newest or 0) else trail._replace(project_id=measured.project_id, measured=measured)


def _trails() -> Statement:
    """The trails of a kind's records with ids from `low` to `high`."""
    change = _EVENT.action.in_([literal_column(f"'{action.value}'") for action in (Action.CREATED, Action.UPDATED)])
    summary = (
        select(
            _EVENT.record_id,
            func.sum(case((change, 1), else_=0)).label("changes"),
            func.sum(case((_EVENT.action == Action.CREATED.value, 1), else_=0)).label("created"),
            func.max(case((change, _EVENT.id))).label("newest"),
        )
        .where(_EVENT.kind == bindparam("kind"), _EVENT.record_id.between(bindparam("low"), bindparam("high")))
        .group_by(_EVENT.record_id)
        .subquery()
    )
    newest = AUDIT_EVENT.alias()
    joined = summary.outerjoin(newest, newest.c.id == summary.c.newest)
    summed = (summary.c.record_id, summary.c.changes, summary.c.created, summary.c.newest)
    clause = select(*summed, newest.c.project_id, newest.c.after).select_from(joined)
    return Statement("check events", clause)


TRAILS = _trails()


async def events_of_records(reader: Reader, looked: Looked) -> AsyncGenerator[Finding]:
    """Every live record is what its events tell."""
    for subject, window in _AUDITED:
        read = row_reader(subject.entity)
        async for rows in windows(reader, window, looked):
            between = {"kind": int(subject.kind), "low": rows[0][0], "high": rows[-1][0]}
            trails = {row[0]: Trail(*row) for row in await reader.rows(TRAILS, between)}
            if subject.kind is Kind.ARTIFACT:
                for metric_id, measured in (await measurements(reader, _owners(rows))).items():
                    trails[metric_id] = trails.get(metric_id, Trail(metric_id, 0, 0, None, None, None)).with_batches(measured)
            for row_id, *row in rows:
                problem = _disagreement(read, row, trails.get(row_id))
                if problem:
                    yield Finding("audit", subject.table.name, row_id, problem, NOBODY_REPAIRS)


def _owners(rows: Sequence[Row]) -> dict[int, int | None]:
    """The owners of those artifacts that are metrics."""
    return {row[0]: row[_OWNER] for row in rows if row[_TYPE] == ArtifactType.METRIC.value}


def _disagreement(read: Any, row: Row, trail: Trail | None) -> str | None:
    try:
        record: Record = read(row)
    except UNREADABLE:
        return None  # the check of the rows tells
    if trail is None or not trail.created:
        return "no audit event tells of its creation"
    if trail.created > 1:
        return f"{trail.created} audit events tell of its creation"
    if record.revision != trail.changes:
        return f"it is at revision {record.revision}, and audit_event has {trail.changes} changes of it"
    if trail.project_id != record.project_id:
        return f"it is in project {record.project_id}, and its newest audit event in {trail.project_id}"
    return _difference(record, trail)


def _difference(record: Record, trail: Trail) -> str | None:
    now = msgspec.json.encode(record)
    if trail.measured is None and trail.after is not None and trail.after.encode() == now:
        return None
    try:
        told, found = _told(trail), msgspec.json.decode(now, type=dict[str, msgspec.Raw])
    except msgspec.DecodeError:
        return "its newest audit event does not hold the record"
    # A field may have come or gone since the event was written.
    differing = [name for name in told if name in found and _value(told[name]) != _value(found[name])]
    return f"its newest audit event says otherwise of {', '.join(differing)}" if differing else None


def _told(trail: Trail) -> dict[str, msgspec.Raw]:
    """The record's fields as events tell them. Raises `DecodeError`."""
    if trail.measured is None:
        return msgspec.json.decode(trail.after or "null", type=dict[str, msgspec.Raw])
    before = msgspec.json.decode(trail.after or "{}", type=dict[str, msgspec.Raw])
    batch = {**msgspec.structs.asdict(trail.measured.told), "run_id": trail.measured.run_id}
    told = {**before, **{name: msgspec.Raw(msgspec.json.encode(value)) for name, value in batch.items()}}
    return {name: value for name, value in told.items() if name not in _UNTOLD}


def _value(raw: msgspec.Raw) -> bytes:
    value = msgspec.json.decode(raw)
    if value == 0 and type(value) is float:
        value = 0.0  # SQLite and MariaDB keep no sign of it
    return msgspec.json.encode(value, order="deterministic")


_GONE: list[ColumnElement[str]] = [literal_column(f"'{action.value}'") for action in (Action.PURGED, Action.DELETED)]


def rootless(kind: Kind, table: Table) -> Statement:
    """Events of what is not there, unless one tells that it is gone for good."""
    later = AUDIT_EVENT.alias()
    ended = select(later.c.id).where(later.c.kind == _EVENT.kind, later.c.record_id == _EVENT.record_id, later.c.action.in_(_GONE)).exists()
    pairs = AUDIT_EVENT.outerjoin(table, table.c.id == _EVENT.record_id)
    clause = select(_EVENT.record_id, func.count()).select_from(pairs)
    clause = clause.where(_EVENT.kind == int(kind), table.c.id.is_(None), ~ended)
    return Statement(f"events without {table.name}", clause.group_by(_EVENT.record_id).limit(MOST))


_ROOTLESS = tuple((subject, rootless(subject.kind, subject.table)) for subject in SUBJECTS if subject.audited)
_OF_NO_KIND = Statement(
    "events of no kind",
    select(_EVENT.id, _EVENT.kind).where(and_(*[_EVENT.kind != int(kind) for kind in Kind])).limit(MOST),
)


async def without_record(reader: Reader, kind: Kind, table: Table, statement: Statement) -> AsyncGenerator[Finding]:
    """What a `rootless` statement finds."""
    for record_id, count in await reader.rows(statement, {}):
        problem = f"audit_event has {count} events of it, and there is no such {kind.label}"
        yield Finding("audit", table.name, record_id, problem, NOBODY_REPAIRS)


async def records_of_events(reader: Reader, looked: Looked) -> AsyncGenerator[Finding]:
    """No event tells of a record that is not there."""
    for subject, statement in _ROOTLESS:
        async for finding in without_record(reader, subject.kind, subject.table, statement):
            yield finding
        looked(1)
    for event_id, kind in await reader.rows(_OF_NO_KIND, {}):
        yield Finding("audit", AUDIT_EVENT.name, event_id, f"it tells of kind {kind}, and there is no such kind", NOBODY_REPAIRS)
