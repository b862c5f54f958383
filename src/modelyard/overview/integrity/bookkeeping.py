"""What the store keeps for itself agrees with the records: claims on external ids, id sequences, kept answers."""

from collections.abc import AsyncGenerator
from typing import Any

from sqlalchemy import Table, and_, func, or_, select, text

from modelyard.access.tables import ACCESS_TABLES
from modelyard.overview.integrity.finding import MOST, Finding, Looked
from modelyard.overview.integrity.subjects import SUBJECTS, Subject
from modelyard.store.database import IdSequence, Reader
from modelyard.store.statements import Flavour, Statement
from modelyard.store.tables import EXTERNAL_ID, IDEMPOTENCY_KEY

_CLAIMING = tuple(subject for subject in SUBJECTS if subject.kind.sequence is IdSequence.RESOURCE)


def _pair(subject: Subject) -> Any:
    record, claim = subject.table.c, EXTERNAL_ID.c
    return and_(
        claim.project_id == record.project_id,
        claim.value == record.external_id,
        claim.kind == int(subject.kind),
        claim.id == record.id,
        record.trashed == 0,
    )


def _unclaimed(subject: Subject) -> Statement:
    record = subject.table.c
    pairs = subject.table.outerjoin(EXTERNAL_ID, _pair(subject))
    wrong = and_(record.external_id.is_not(None), record.trashed == 0, EXTERNAL_ID.c.id.is_(None))
    return Statement(f"unclaimed {subject.table.name}", select(record.id, record.external_id).select_from(pairs).where(wrong).limit(MOST))


def _unfounded(subject: Subject) -> Statement:
    claim = EXTERNAL_ID.c
    pairs = EXTERNAL_ID.outerjoin(subject.table, _pair(subject))
    wrong = and_(claim.kind == int(subject.kind), subject.table.c.id.is_(None))
    return Statement(f"claims of {subject.table.name}", select(claim.value, claim.id).select_from(pairs).where(wrong).limit(MOST))


_CLAIMS = tuple((subject, _unclaimed(subject), _unfounded(subject)) for subject in _CLAIMING)
_OF_NO_KIND = Statement(
    "claims of no kind",
    select(EXTERNAL_ID.c.value, EXTERNAL_ID.c.kind, EXTERNAL_ID.c.id)
    .where(and_(*[EXTERNAL_ID.c.kind != int(subject.kind) for subject in _CLAIMING]))
    .limit(MOST),
)


async def claims(reader: Reader, looked: Looked) -> AsyncGenerator[Finding]:
    """Each external id of a live record is claimed by it, and nothing else is claimed."""
    for subject, unclaimed, unfounded in _CLAIMS:
        for row_id, value in await reader.rows(unclaimed, {}):
            problem = f"its external id {value!r} is not claimed in external_id, so that another record may take it"
            yield Finding("claims", subject.table.name, row_id, problem, "Give it another external id and then this one again")
        for value, row_id in await reader.rows(unfounded, {}):
            problem = f"it is claimed for {subject.kind.label} {row_id}, which does not have it"
            yield Finding("claims", EXTERNAL_ID.name, value, problem, "Remove the row from external_id: it keeps the value from others")
        looked(1)
    for value, kind, row_id in await reader.rows(_OF_NO_KIND, {}):
        problem = f"it is claimed for {row_id} of kind {kind}, and there is no such kind"
        yield Finding("claims", EXTERNAL_ID.name, value, problem, "Remove the row from external_id")


_LAST_GIVEN = {
    Flavour.SQLITE: "SELECT value FROM id_sequence WHERE name = '{name}'",
    Flavour.POSTGRESQL: "SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END FROM {name}_id_seq",
    # MySQL answers with what it last knew, which may be a day old; the newest row is then the better witness.
    Flavour.MYSQL: "SELECT GREATEST((SELECT COALESCE(MAX(id), 0) FROM {name}_sequence), COALESCE((SELECT auto_increment - 1 "
    "FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = '{name}_sequence'), 0))",
}


def _last_given(sequence: IdSequence) -> dict[Flavour, Statement]:
    return {flavour: Statement(f"last {sequence.value} id", text(sql.format(name=sequence.value))) for flavour, sql in _LAST_GIVEN.items()}


def _highest(table: Table) -> Statement:
    return Statement(f"highest id of {table.name}", select(func.max(table.c.id)))


_FILLED = (*((subject.kind.sequence, subject.table) for subject in SUBJECTS), *((IdSequence.ACCESS, table) for table in ACCESS_TABLES))
_SEQUENCES = tuple(
    (sequence, _last_given(sequence), tuple((table, _highest(table)) for filler, table in _FILLED if filler is sequence))
    for sequence in IdSequence
)


async def sequences(reader: Reader, looked: Looked) -> AsyncGenerator[Finding]:
    """No id sequence is behind an id that was given from it: it would be given again."""
    for sequence, last_given, tables in _SEQUENCES:
        row = await reader.row(last_given[reader.flavour], {})
        last = -1 if row is None else int(row[0])
        for table, statement in tables:
            highest = await reader.row(statement, {})
            if highest is not None and (highest[0] or 0) > last:
                problem = f"this id is there, but the sequence {sequence.value!r} stands at {max(last, 0)} and would give it again"
                yield Finding("sequences", table.name, highest[0], problem, f"Set the sequence to the highest id of {_names(tables)}")
        looked(1)


def _names(tables: tuple[tuple[Table, Statement], ...]) -> str:
    return ", ".join(table.name for table, _ in tables)


_UNANSWERED = Statement(
    "check kept answers",
    select(IDEMPOTENCY_KEY.c.value, IDEMPOTENCY_KEY.c.status)
    .where(
        or_(
            IDEMPOTENCY_KEY.c.status.is_(None),
            ~IDEMPOTENCY_KEY.c.status.between(200, 599),
            IDEMPOTENCY_KEY.c.headers.is_(None),
            IDEMPOTENCY_KEY.c.body.is_(None),
        )
    )
    .limit(MOST),
)


async def kept_answers(reader: Reader, looked: Looked) -> AsyncGenerator[Finding]:
    """An idempotency key is committed together with its answer."""
    for value, status in await reader.rows(_UNANSWERED, {}):
        problem = f"the key has no whole answer (status {status}), so that a retry of its request gets none"
        yield Finding("kept answers", IDEMPOTENCY_KEY.name, value, problem, "Remove the row: the request will then be done anew")
    looked(1)
