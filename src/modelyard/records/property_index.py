"""Keeps the property index in step with the records, in the same transaction."""

from collections.abc import Iterable

from modelyard.records.kinds import Kind
from modelyard.records.properties import Properties, PropertyValue
from modelyard.search.shape import LIST_FIELD, NUMBER_TYPES, OPAQUE, TEXT_CUT, TEXT_WHOLE
from modelyard.search.tree import PropertyType
from modelyard.store.columns import NAME_LENGTH
from modelyard.store.database import Unit
from modelyard.store.statements import Bulk
from modelyard.store.tables import PROPERTY_NUMBER, PROPERTY_TEXT

Entry = tuple[int, int, str, float | str, int, int]
"""A row of one of the two tables: project, kind, name, value as indexed, the record's id, type. The value says which table."""

_KEY = 5
"""So many of an entry's parts are the key of its row."""

_INSERTS = (Bulk("index numbers", PROPERTY_NUMBER), Bulk("index texts", PROPERTY_TEXT))
_DELETES = (Bulk("drop numbers", PROPERTY_NUMBER, deletes=True), Bulk("drop texts", PROPERTY_TEXT, deletes=True))
_NUMBERS = {bool: NUMBER_TYPES[PropertyType.BOOLEAN], int: NUMBER_TYPES[PropertyType.INTEGER], float: NUMBER_TYPES[PropertyType.FLOAT]}


def entries(project: int, kind: Kind, record_id: int, properties: Properties) -> set[Entry]:
    """What the index holds of a record's properties."""
    found: set[Entry] = set()
    noun = int(kind)
    for name, value in properties.items():
        indexed, type_ = _indexed(value)
        found.add((project, noun, name, indexed, record_id, type_))
    return found


def list_entries(project: int, kind: Kind, record_id: int, name: str, texts: Iterable[str]) -> set[Entry]:
    """What the index holds of a record's list field."""
    found: set[Entry] = set()
    for text in texts:
        indexed, type_ = _indexed(text)
        found.add((project, kind + LIST_FIELD, name, indexed, record_id, type_))
    return found


async def replace(unit: Unit, before: set[Entry], after: set[Entry]) -> None:
    """Bring the index from some entries of a record to others."""
    gone, new = (before - after, after - before) if before else (before, after)
    if gone:
        await _drop(unit, gone, at_once=not {entry[:_KEY] for entry in gone}.isdisjoint(entry[:_KEY] for entry in new))
    if not new:
        return
    for insert, rows in zip(_INSERTS, _by_table(new), strict=True):
        if rows:
            await unit.later(insert, rows)


async def add(unit: Unit, project: int, kind: Kind, properties: Iterable[tuple[int, Properties]]) -> None:
    """Index new records, given by their ids."""
    await replace(unit, set(), {entry for record_id, given in properties for entry in entries(project, kind, record_id, given)})


async def _drop(unit: Unit, gone: Iterable[Entry], *, at_once: bool) -> None:
    """`at_once` when the same row goes and comes again with another type: the one must have happened before the other."""
    for delete, found in zip(_DELETES, _by_table(gone), strict=True):
        if rows := [entry[:_KEY] for entry in found]:
            await (unit.execute_many(delete, rows) if at_once else unit.later(delete, rows))


def _by_table(found: Iterable[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Those of numbers, and those of texts."""
    numbers: list[Entry] = []
    texts: list[Entry] = []
    for entry in found:
        (texts if type(entry[3]) is str else numbers).append(entry)
    return numbers, texts


def _indexed(value: PropertyValue) -> tuple[float | str, int]:
    """The value as the index keeps it, and its type there."""
    if type(value) is str:
        return (value, TEXT_WHOLE) if len(value) < NAME_LENGTH else (value[:NAME_LENGTH], TEXT_CUT)
    number = _NUMBERS.get(type(value))
    return ("", OPAQUE) if number is None else (float(value), number)  # type: ignore[arg-type]  # what has a number's type is one
