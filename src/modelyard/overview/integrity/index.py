"""The property index agrees with the records, both ways; and is mended where it does not.

Neither side is ever in memory whole. The index is walked in the order of its key, and the records of each stretch are read with it. The
records are walked by id, and the entries that a window of them must have are asked for by their keys.
"""

from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import msgspec
from sqlalchemy import Table, bindparam, select, union_all

from modelyard.overview.integrity.finding import Finding, Looked
from modelyard.overview.integrity.structure import UNREADABLE
from modelyard.overview.integrity.subjects import BY_KIND, SUBJECTS, Subject, window_of, windows
from modelyard.overview.integrity.walk import Walk
from modelyard.records import properties, property_index
from modelyard.records.kinds import Kind
from modelyard.search.compile import LIST_FIELD
from modelyard.store.database import Database, Reader, Row, Unit
from modelyard.store.statements import Bulk, Statement
from modelyard.store.tables import PROPERTY_NUMBER, PROPERTY_TEXT

T = TypeVar("T")
_LISTS = msgspec.json.Decoder(tuple[str, ...])
Entry = property_index.Entry

TABLES = (PROPERTY_NUMBER, PROPERTY_TEXT)
ASKED = 100
"""Keys in one statement."""
_REMEDY = "Run modelyard check --repair-index"
_KEY = ("project_id", "kind", "name", "value", "id")


class _Document(NamedTuple):
    """What a record must have in each index table; None where it cannot be read. What is in the trash may be indexed or not."""

    entries: Mapping[str, frozenset[Entry]] | None
    trashed: bool


# ------------------------------------------------------------------------------------------------------------ entries of records
def _wanted(subject: Subject) -> list[Any]:
    return [subject.table.c[name] for name in ("project_id", "trashed", "properties", *subject.lists)]


def _document(subject: Subject, row: Row) -> _Document:
    """`row` is the id and what is `_wanted`."""
    row_id, project, trashed, document, *lists = row
    try:
        found = property_index.Entries()
        found.add(project, subject.kind, row_id, properties.decode(document))
        for name, value in zip(subject.lists, lists, strict=True):
            texts = _LISTS.decode(value) if value is not None else ()
            found.add_list(project, subject.kind, row_id, name, texts)
    except UNREADABLE:
        return _Document(None, bool(trashed))
    return _Document({PROPERTY_NUMBER.name: frozenset(found.numbers), PROPERTY_TEXT.name: frozenset(found.texts)}, bool(trashed))


def _by_ids(subject: Subject, *, locks: bool) -> Statement:
    table = subject.table
    ids = [bindparam(f"id{number}", type_=table.c.id.type) for number in range(ASKED)]
    clause = select(table.c.id, *_wanted(subject)).where(table.c.id.in_(ids))
    if locks:
        clause = clause.order_by(table.c.id).with_for_update(key_share=True)
    return Statement(f"documents of {table.name}", clause, locks=locks)


_WINDOWS = tuple((subject, window_of(subject, _wanted(subject), live=True)) for subject in SUBJECTS)
_BY_IDS = {(subject.kind, locks): _by_ids(subject, locks=locks) for subject in SUBJECTS for locks in (False, True)}

Documents = Mapping[tuple[Kind, int], _Document]


async def _documents(reader: Reader, entries: Iterable[Entry], *, locks: bool = False) -> Documents:
    """The records that these entries are of, by kind and id; those that are there."""
    ids: dict[Kind, set[int]] = defaultdict(set)
    for entry in entries:
        if (kind := _kind(entry)) is not None:
            ids[kind].add(entry[4])
    found = {}
    for kind in sorted(ids):
        for some in _batches(sorted(ids[kind]), ASKED):
            values = {f"id{number}": some[min(number, len(some) - 1)] for number in range(ASKED)}
            for row in await reader.rows(_BY_IDS[kind, locks], values):
                found[kind, row[0]] = _document(BY_KIND[kind], row)
    return found


def _kind(entry: Entry) -> Kind | None:
    number = entry[1] % LIST_FIELD
    lists = entry[1] >= LIST_FIELD
    return Kind(number) if number in BY_KIND and (not lists or BY_KIND[Kind(number)].lists) else None


def _batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))


# ------------------------------------------------------------------------------------------------- entries that should not be there
_WALKS = {table.name: Walk(table, _KEY, ("type",)) for table in TABLES}


async def _stretches(reader: Reader, table: Table) -> AsyncIterator[list[Entry]]:
    async for rows in _WALKS[table.name].stretches(reader):
        yield [tuple(row) for row in rows]


def _objection(table: Table, entry: Entry, documents: Documents) -> str | None:
    """Why this entry should not be there, None if it should."""
    kind = _kind(entry)
    if kind is None:
        return f"it is of kind {entry[1]}, and there is no such kind"
    document = documents.get((kind, entry[4]))
    if document is None:
        return f"there is no {kind.label} {entry[4]}"
    if document.trashed or document.entries is None or entry in document.entries[table.name]:
        return None
    if any(entry[:-1] == wanted[:-1] for wanted in document.entries[table.name]):
        return f"it says type {entry[5]}, and the {kind.label} has another"
    return f"the {kind.label} has no such value"


async def strays(reader: Reader, looked: Looked) -> AsyncGenerator[Finding]:
    """Each index entry is of a record that has it."""
    for table in TABLES:
        async for stretch in _stretches(reader, table):
            documents = await _documents(reader, stretch)
            for entry in stretch:
                if objection := _objection(table, entry, documents):
                    _, kind, name, value, row_id, _ = entry
                    yield Finding("index", table.name, row_id, f"{name} = {value!r} of kind {kind} is indexed, but {objection}", _REMEDY)
            looked(len(stretch))


# -------------------------------------------------------------------------------------------------------- entries that are missing
def _asked(table: Table) -> Statement:
    """Which of so many keys are there. One lookup for each: no planner can think that reading the whole table would be better."""
    key = [table.c[name] for name in _KEY]
    lookups = [
        select(*key).where(*[column == bindparam(f"{column.name}{number}", type_=column.type) for column in key]) for number in range(ASKED)
    ]
    return Statement(f"entries of {table.name}", union_all(*lookups))


_ASKED = {table.name: _asked(table) for table in TABLES}


async def _absent(reader: Reader, table: Table, entries: Iterable[Entry]) -> list[Entry]:
    """Those whose key is not in the index. One that is there with another type is a stray."""
    absent = []
    for some in _batches(sorted(entries), ASKED):
        values = {}
        for number in range(ASKED):
            entry = some[min(number, len(some) - 1)]
            values.update({f"{name}{number}": value for name, value in zip(_KEY, entry, strict=False)})
        present = {tuple(row) for row in await reader.rows(_ASKED[table.name], values)}
        absent += [entry for entry in some if entry[:-1] not in present]
    return absent


async def _gaps(reader: Reader, looked: Looked) -> AsyncIterator[tuple[Table, list[Entry]]]:
    """What is missing, window by window."""
    for subject, window in _WINDOWS:
        async for rows in windows(reader, window, looked):
            documents = [document for row in rows if (document := _document(subject, row)).entries is not None]
            for table in TABLES:
                wanted = [entry for document in documents for entry in (document.entries or {})[table.name]]
                if absent := await _absent(reader, table, wanted):
                    yield table, absent


async def gaps(reader: Reader, looked: Looked) -> AsyncGenerator[Finding]:
    """Each value of a live record is indexed."""
    async for table, absent in _gaps(reader, looked):
        for _, kind, name, value, row_id, _ in absent:
            label = Kind(kind % LIST_FIELD).label
            yield Finding("index", table.name, row_id, f"{name} = {value!r} of this {label} is not indexed: filters miss it", _REMEDY)


# ---------------------------------------------------------------------------------------------------------------------- mending it
_INSERT = {table.name: Bulk(f"mend {table.name}", table) for table in TABLES}
_DELETE = {table.name: Bulk(f"clear {table.name}", table, deletes=True) for table in TABLES}


async def repair(database: Database, looked: Looked) -> tuple[int, int]:
    """Make the index agree with the records; how many entries were removed and added.

    Servers may go on: each stretch is judged once more with its records locked.
    """
    removed = added = 0
    for table in TABLES:
        async for stretch in _stretches(database.reader, table):
            documents = await _documents(database.reader, stretch)
            suspects = [entry for entry in stretch if _objection(table, entry, documents)]
            for some in _batches(suspects, ASKED):
                removed += await database.write(lambda unit, table=table, some=some: _remove(unit, table, some))  # type: ignore[misc]  # a default in a lambda
            looked(len(stretch))
    async for table, absent in _gaps(database.reader, looked):
        for some in _batches(absent, ASKED):
            added += await database.write(lambda unit, table=table, some=some: _add(unit, table, some))  # type: ignore[misc]  # a default in a lambda
    return removed, added


async def _remove(unit: Unit, table: Table, suspects: Sequence[Entry]) -> int:
    documents = await _documents(unit, suspects, locks=True)
    strays_ = [entry for entry in suspects if _objection(table, entry, documents)]
    await unit.later(_DELETE[table.name], [entry[:-1] for entry in strays_])
    return len(strays_)


async def _add(unit: Unit, table: Table, missing: Sequence[Entry]) -> int:
    documents = await _documents(unit, missing, locks=True)
    wanted = [entry for entry in missing if _wants(documents.get((Kind(entry[1] % LIST_FIELD), entry[4])), table, entry)]
    absent = await _absent(unit, table, wanted)
    await unit.later(_INSERT[table.name], absent)
    return len(absent)


def _wants(document: _Document | None, table: Table, entry: Entry) -> bool:
    return document is not None and not document.trashed and document.entries is not None and entry in document.entries[table.name]
