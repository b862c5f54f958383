"""The trash agrees with the records: a deletion has what it took, and nothing is live whose owner is not."""

from collections.abc import AsyncGenerator

from sqlalchemy import exists, literal_column, select

from modelyard.overview.integrity.finding import MOST, RESTORE, Finding, Looked
from modelyard.overview.integrity.subjects import BY_KIND, SUBJECTS, Subject
from modelyard.records.trash import BELONGINGS, Belonging
from modelyard.store.database import Reader
from modelyard.store.statements import Statement
from modelyard.store.tables import TRASH


def _empty(subject: Subject) -> Statement:
    """Deletions whose own record is not in the trash. What is being purged may be half gone."""
    record = subject.table.c
    taken = exists(
        select(literal_column("1")).select_from(subject.table).where(record.id == TRASH.c.record_id, record.trashed == TRASH.c.id)
    )
    clause = select(TRASH.c.id, TRASH.c.record_id).where(TRASH.c.kind == int(subject.kind), TRASH.c.purging == 0, ~taken)
    return Statement(f"deletions without {subject.table.name}", clause.limit(MOST))


def _left(belonging: Belonging) -> Statement:
    """Live records whose owner is in the trash."""
    child, owner = BY_KIND[belonging.kind].table, BY_KIND[belonging.owner].table
    pairs = child.join(owner, child.c[str(belonging.field)] == owner.c.id)
    clause = select(child.c.id, owner.c.id).select_from(pairs).where(child.c.trashed == 0, owner.c.trashed != 0)
    return Statement(f"live {child.name} of trashed {owner.name}", clause.limit(MOST))


_DELETIONS = tuple((subject, _empty(subject)) for subject in SUBJECTS)
_OWNED = tuple((belonging, _left(belonging)) for belonging in BELONGINGS if belonging.field)


async def trash(reader: Reader, looked: Looked) -> AsyncGenerator[Finding]:
    """What a deletion took is there to be restored, and what belongs to a record went with it."""
    for subject, statement in _DELETIONS:
        for deletion, record_id in await reader.rows(statement, {}):
            problem = f"it is the deletion of the {subject.kind.label} {record_id}, which it does not have: it cannot be restored"
            yield Finding("trash", TRASH.name, deletion, problem, "Remove the row, once nothing has its id in the column trashed")
        looked(1)
    for belonging, statement in _OWNED:
        for record_id, owner_id in await reader.rows(statement, {}):
            problem = f"it is live, and the {belonging.owner.label} {owner_id} that it belongs to is in the trash"
            yield Finding("trash", BY_KIND[belonging.kind].table.name, record_id, problem, RESTORE)
        looked(1)
