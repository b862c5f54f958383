"""What the tables alone must satisfy: the file itself, references, uniqueness, and what every row says of itself."""

import sqlite3
from collections.abc import AsyncGenerator, Iterable, Sequence
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Column, ColumnElement, Table, UniqueConstraint, and_, exists, func, literal_column, or_, select, text

from modelyard.access.tables import ROLE_GRANT
from modelyard.artifacts.entities import ArtifactType
from modelyard.artifacts.tables import ARTIFACT, ARTIFACT_PARENT
from modelyard.audit.events import Action
from modelyard.audit.tables import AUDIT_EVENT
from modelyard.experiments.tables import EXPERIMENT, METRIC_POINT, RUN
from modelyard.models.tables import MODEL, MODEL_VERSION
from modelyard.overview.integrity.finding import MOST, RESTORE, Finding, Looked
from modelyard.overview.integrity.subjects import SUBJECTS, Subject, window_of, windows
from modelyard.records.kinds import Kind
from modelyard.records.rows import reader as row_reader
from modelyard.store.columns import METADATA
from modelyard.store.database import Reader
from modelyard.store.statements import Flavour, Statement
from modelyard.store.tables import IDEMPOTENCY_KEY, PROJECT, TRASH

UNREADABLE = (KeyError, msgspec.MsgspecError)
"""What reading a row raises when a value of it makes no sense."""

_SQLITE_CHECK = Statement("integrity check", text(f"PRAGMA integrity_check({MOST})"))


async def engine(reader: Reader, looked: Looked) -> AsyncGenerator[Finding]:
    """SQLite's check of its file. Database servers verify what they read by checksums of their own."""
    if reader.flavour is not Flavour.SQLITE:
        return
    try:
        said = [str(row[0]) for row in await reader.rows(_SQLITE_CHECK, {})]
    except sqlite3.DatabaseError as error:
        said = [str(error)]
    looked(1)
    for problem in said:
        if problem != "ok":
            yield Finding("engine", "the file", None, problem, "Restore the database from a backup")


class _Reference(NamedTuple):
    column: Column[Any]
    targets: tuple[Table, ...]
    """The row is in one of these: some ids come from one sequence for several tables."""
    nobody: bool = False
    """Whether 0 stands for none."""
    kind: Kind | None = None
    """The reference is one only in rows of this kind."""


_UNDECLARED = (
    _Reference(ARTIFACT.c.owner_id, (MODEL_VERSION, RUN)),
    _Reference(ARTIFACT.c.experiment_id, (EXPERIMENT,)),
    _Reference(ARTIFACT.c.run_id, (RUN,)),
    _Reference(ARTIFACT_PARENT.c.parent_id, (MODEL_VERSION, RUN)),
    _Reference(METRIC_POINT.c.experiment_id, (EXPERIMENT,)),
    _Reference(IDEMPOTENCY_KEY.c.project_id, (PROJECT,)),
    _Reference(RUN.c.model_id, (MODEL,)),
    _Reference(AUDIT_EVENT.c.project_id, (PROJECT,), nobody=True),
    _Reference(ROLE_GRANT.c.project_id, (PROJECT,), nobody=True),
    _Reference(ROLE_GRANT.c.record_id, (MODEL,), kind=Kind.MODEL),
    _Reference(ROLE_GRANT.c.record_id, (EXPERIMENT,), kind=Kind.EXPERIMENT),
)
"""The references that are no foreign keys."""


def _references() -> Iterable[_Reference]:
    for table in METADATA.sorted_tables:
        yield from (_Reference(key.parent, (key.column.table,)) for key in table.foreign_keys)
    yield from _UNDECLARED


def _dangling(reference: _Reference) -> Statement:
    column, table = reference.column, reference.column.table
    missing = [~exists(select(literal_column("1")).select_from(target).where(*_same(column, target))) for target in reference.targets]
    kinds = [subject.kind for subject in SUBJECTS if subject.table in reference.targets]
    if kinds and not column.foreign_keys:
        missing.append(~_purged(column, kinds))
    if reference.nobody:
        missing.append(column != literal_column("0"))
    if reference.kind:
        missing.append(table.c.kind == int(reference.kind))
    clause = select(list(table.primary_key)[-1], column).where(column.is_not(None), *missing).limit(MOST)
    return Statement(f"check {table.name}.{column.name}", clause)


def _purged(column: Column[Any], kinds: Sequence[Kind]) -> Any:
    """The row was there, and what still refers to it outlives it: an artifact that others list, too, or a run of a model."""
    event = AUDIT_EVENT.c
    told: list[ColumnElement[int]] = [literal_column(str(int(kind))) for kind in kinds]
    of_it = (event.kind.in_(told), event.record_id == column, event.action == Action.PURGED.value)
    return exists(select(literal_column("1")).select_from(AUDIT_EVENT).where(*of_it))


def _same(column: Column[Any], target: Table) -> Iterable[Any]:
    yield target.c.id == column
    if "project_id" in target.c and "project_id" in column.table.c:
        yield target.c.project_id == column.table.c.project_id


async def references(reader: Reader, looked: Looked) -> AsyncGenerator[Finding]:
    """What a row refers to is there, and in its project."""
    for reference, statement in _DANGLING:
        column = reference.column
        wanted = " or ".join(target.name for target in reference.targets)
        for row_id, value in await reader.rows(statement, {}):
            problem = f"its {column.name} is {value}, and its project has no {wanted} of that id"
            yield Finding("references", column.table.name, row_id, problem, f"Restore the {wanted} from a backup, or remove this row")
        looked(1)


_DANGLING = tuple((reference, _dangling(reference)) for reference in _references())


def _doubles(constraint: UniqueConstraint) -> Statement:
    table = constraint.table
    assert isinstance(table, Table)  # noqa: S101 - of a constraint that is in a table
    columns = [table.c[column.name] for column in constraint.columns]
    given = [column.is_not(None) for column in columns if column.nullable]
    clause = select(func.min(table.c.id), func.max(table.c.id), func.count(), *columns).where(*given).group_by(*columns)
    return Statement(f"check {constraint.name}", clause.having(func.count() > 1).limit(MOST))


def _unique() -> Iterable[UniqueConstraint]:
    for table in METADATA.sorted_tables:
        yield from (constraint for constraint in table.constraints if isinstance(constraint, UniqueConstraint))


async def uniqueness(reader: Reader, looked: Looked) -> AsyncGenerator[Finding]:
    """Names and external ids are unique, whatever has become of the index that sees to it."""
    for constraint, statement in _DOUBLES:
        for first, last, count, *values in await reader.rows(statement, {}):
            shared = ", ".join(f"{column.name} {value!r}" for column, value in zip(constraint.columns, values, strict=True))
            problem = f"{count} rows share {shared}, the last of them {last}"
            yield Finding(
                "uniqueness", constraint.table.name, first, problem, f"Rename or remove all but one, then rebuild {constraint.name}"
            )
        looked(1)


_DOUBLES = tuple((constraint, _doubles(constraint)) for constraint in _unique())


def _odd(subject: Subject) -> Statement:
    c = subject.table.c
    odd = or_(
        and_(c.trashed != 0, ~exists(select(literal_column("1")).select_from(TRASH).where(TRASH.c.id == c.trashed))),
        c.revision < 1,
        c.updated_at < c.created_at,
    )
    return Statement(f"check rows of {subject.table.name}", select(c.id, c.trashed, c.revision).where(odd).limit(MOST))


_ODD = tuple((subject, _odd(subject), window_of(subject, subject.columns, live=False)) for subject in SUBJECTS)


async def rows(reader: Reader, looked: Looked) -> AsyncGenerator[Finding]:
    """Every row can be read, and what it says of itself is possible."""
    for subject, odd, window in _ODD:
        name = subject.table.name
        for row_id, trashed, revision in await reader.rows(odd, {}):
            if revision < 1:
                problem = f"its revision is {revision}"
            elif trashed:
                problem = (
                    f"it is neither live nor in the trash: its deletion is {trashed}, and trash has no such row, or its times are wrong"
                )
            else:
                problem = "it was changed before it was created"
            yield Finding("rows", name, row_id, problem, RESTORE)
        read = row_reader(subject.entity)
        async for some in windows(reader, window, looked):
            for row_id, *row in some:
                try:
                    read(row)
                except UNREADABLE as error:
                    yield Finding("rows", name, row_id, f"it cannot be read: {type(error).__name__}: {error}", RESTORE)


_UNRECORDED = Statement(
    "check metrics of runs",
    select(ARTIFACT.c.id, ARTIFACT.c.name, ARTIFACT.c.run_id)
    .select_from(ARTIFACT.join(RUN, RUN.c.id == ARTIFACT.c.run_id))
    .where(
        ARTIFACT.c.type == ArtifactType.METRIC.value,
        ARTIFACT.c.trashed == 0,
        RUN.c.trashed == 0,
        ~exists(
            select(literal_column("1"))
            .select_from(METRIC_POINT)
            .where(METRIC_POINT.c.run_id == ARTIFACT.c.run_id, METRIC_POINT.c.name == ARTIFACT.c.name)
        ),
        # It may have come back under another name, and then has points when it is logged again.
        ~exists(
            select(literal_column("1"))
            .select_from(AUDIT_EVENT)
            .where(
                AUDIT_EVENT.c.kind == int(Kind.ARTIFACT),
                AUDIT_EVENT.c.record_id == ARTIFACT.c.id,
                AUDIT_EVENT.c.action == Action.RESTORED.value,
            )
        ),
    )
    .limit(MOST),
)


async def history(reader: Reader, looked: Looked) -> AsyncGenerator[Finding]:
    """A live metric of a live run has a history."""
    for row_id, name, run_id in await reader.rows(_UNRECORDED, {}):
        problem = f"it is the metric {name!r} of run {run_id}, whose history has no point of it"
        yield Finding("history", ARTIFACT.name, row_id, problem, "Restore metric_point from a backup, or put the metric again")
    looked(1)
