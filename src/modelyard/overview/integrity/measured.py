"""What batches of metric points did to metrics, which only the events of their runs tell."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import bindparam, select, union_all

from modelyard.artifacts.tables import ARTIFACT
from modelyard.audit.events import Action
from modelyard.audit.tables import AUDIT_EVENT
from modelyard.overview.integrity.finding import Finding, Looked
from modelyard.overview.integrity.subjects import WINDOW, windows
from modelyard.records.kinds import Kind
from modelyard.records.properties import INT64_MAX
from modelyard.store.database import Reader, Row
from modelyard.store.statements import Statement

_TOGETHER = 32
"""Runs whose events one statement reads."""
_EACH = 50
"""Events of one run that it reads: enough that most runs are done with one."""
_ASKED = 100
"""Metrics in one statement."""

_EVENT = AUDIT_EVENT.c
_REMEDY = "Restore from a backup, or find out who wrote to the database beside Modelyard"


class Told(msgspec.Struct, frozen=True):
    """A metric in an event: what a batch changed of it."""

    id: int
    name: str
    revision: int
    value: float
    step: int | None
    timestamp: str | None


class Measurements(NamedTuple):
    """All batches that changed one metric."""

    batches: int
    created: int
    """How many of them say that they created it."""
    newest: int
    """The id of the newest one's event."""
    told: Told
    """The metric as that one left it."""
    run_id: int
    project_id: int


_TOLD = msgspec.json.Decoder(list[Told])


def _decoded(text: str | None) -> Sequence[Told] | None:
    """The metrics that one side of an event tells of; None where it makes no sense."""
    try:
        return _TOLD.decode(text or "")
    except msgspec.MsgspecError:
        return None


# ----------------------------------------------------------------------------------------------------- the batches of some metrics
_ATTACHED = Statement(
    "further parents of artifacts",
    select(_EVENT.record_id, _EVENT.after).where(
        _EVENT.kind == int(Kind.ARTIFACT),
        _EVENT.record_id.between(bindparam("low", type_=_EVENT.record_id.type), bindparam("high", type_=_EVENT.record_id.type)),
        _EVENT.action == Action.ATTACHED.value,
    ),
)


def _of_runs() -> Statement:
    """The next events of so many runs. A lookup for each, for no planner finds out that this is best."""
    lookups = []
    for number in range(_TOGETHER):
        run, after = bindparam(f"run{number}", type_=_EVENT.record_id.type), bindparam(f"after{number}", type_=_EVENT.id.type)
        clause = select(_EVENT.record_id, _EVENT.id, _EVENT.project_id, _EVENT.before, _EVENT.after)
        clause = clause.where(_EVENT.kind == int(Kind.RUN), _EVENT.record_id == run, _EVENT.action == Action.MEASURED.value)
        lookups.append(select(clause.where(_EVENT.id > after).order_by(_EVENT.id).limit(_EACH).subquery()))
    return Statement("batches of runs", union_all(*lookups))


_OF_RUNS = _of_runs()


async def measurements(reader: Reader, owners: Mapping[int, int | None]) -> dict[int, Measurements]:
    """The batches that changed these metrics, given with their owners. Where an event makes no sense, `batches` tells."""
    if not owners:
        return {}
    runs = {owner for owner in owners.values() if owner is not None}
    for artifact_id, parent in await reader.rows(_ATTACHED, {"low": min(owners), "high": max(owners)}):
        if artifact_id in owners and str(parent).isdecimal():
            runs.add(int(parent))
    found: dict[int, Measurements] = {}
    async for run_id, event_id, project_id, before, after in _events(reader, runs):
        known = {metric.id for metric in _decoded(before) or ()}
        for told in _decoded(after) or ():
            if told.id in owners:
                one = Measurements(1, int(told.id not in known), event_id, told, run_id, project_id)
                found[told.id] = _both(found[told.id], one) if told.id in found else one
    return found


def _both(one: Measurements, other: Measurements) -> Measurements:
    newest = max(one, other, key=lambda measured: measured.newest)
    return newest._replace(batches=one.batches + other.batches, created=one.created + other.created)


async def _events(reader: Reader, runs: Iterable[int]) -> AsyncIterator[Row]:
    """All measured events of these runs, those of one run in order."""
    waiting = sorted(runs, reverse=True)
    after: dict[int, int] = {}
    while waiting or after:
        while waiting and len(after) < _TOGETHER:
            after[waiting.pop()] = 0
        asked = [*after.items(), *[(0, INT64_MAX)] * (_TOGETHER - len(after))]
        values = {f"{word}{number}": value for number, pair in enumerate(asked) for word, value in zip(("run", "after"), pair, strict=True)}
        counts = dict.fromkeys(after, 0)
        for row in await reader.rows(_OF_RUNS, values):
            yield row
            after[row[0]] = row[1]
            counts[row[0]] += 1
        after = {run_id: last for run_id, last in after.items() if counts[run_id] == _EACH}


# ------------------------------------------------------------------------------------------------------- the metrics of all batches
_BATCHES = Statement(
    "check batches",
    select(_EVENT.id, _EVENT.kind, _EVENT.record_id, _EVENT.before, _EVENT.after)
    .where(_EVENT.id > bindparam("after", type_=_EVENT.id.type), _EVENT.action == Action.MEASURED.value)
    .order_by(_EVENT.id)
    .limit(WINDOW),
)


def _there() -> Statement:
    ids = [bindparam(f"id{number}", type_=ARTIFACT.c.id.type) for number in range(_ASKED)]
    purged = select(_EVENT.record_id).where(
        _EVENT.kind == int(Kind.ARTIFACT), _EVENT.record_id.in_(ids), _EVENT.action == Action.PURGED.value
    )
    return Statement("metrics that were", union_all(select(ARTIFACT.c.id).where(ARTIFACT.c.id.in_(ids)), purged))


_THERE = _there()


async def batches(reader: Reader, looked: Looked) -> AsyncGenerator[Finding]:
    """Every batch tells of metrics that are there, or were purged."""
    async for rows in windows(reader, _BATCHES, looked):
        named: dict[int, int] = {}
        for event_id, kind, run_id, before, after in rows:
            told = _decoded(after)
            if kind != int(Kind.RUN) or not told or _decoded(before) is None:
                yield Finding("audit", AUDIT_EVENT.name, event_id, f"it tells of points of {run_id}, and makes no sense", _REMEDY)
            named.update({metric.id: run_id for metric in told or ()})
        for metric_id in await _missing(reader, sorted(named)):
            problem = f"audit_event says that it was measured in run {named[metric_id]}, and there is no such artifact"
            yield Finding("audit", ARTIFACT.name, metric_id, problem, _REMEDY)


async def _missing(reader: Reader, ids: Sequence[int]) -> Sequence[int]:
    missing: list[int] = []
    for start in range(0, len(ids), _ASKED):
        some = ids[start : start + _ASKED]
        values: dict[str, Any] = {f"id{number}": some[min(number, len(some) - 1)] for number in range(_ASKED)}
        there = {row[0] for row in await reader.rows(_THERE, values)}
        missing += [id_ for id_ in some if id_ not in there]
    return missing
