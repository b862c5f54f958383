"""Keeps the property index in step with the records, in the same transaction."""

from collections.abc import Iterable

from modelyard.records.kinds import Kind
from modelyard.records.properties import Properties
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

_ADD_NUMBERS, _ADD_TEXTS = Bulk("index numbers", PROPERTY_NUMBER), Bulk("index texts", PROPERTY_TEXT)
_DROP_NUMBERS, _DROP_TEXTS = Bulk("drop numbers", PROPERTY_NUMBER, deletes=True), Bulk("drop texts", PROPERTY_TEXT, deletes=True)
_NUMBERS = {bool: NUMBER_TYPES[PropertyType.BOOLEAN], int: NUMBER_TYPES[PropertyType.INTEGER], float: NUMBER_TYPES[PropertyType.FLOAT]}


class Entries:
    """What the index holds of some records: the rows of numbers, and those of texts."""

    __slots__ = ("numbers", "texts")

    def __init__(self) -> None:
        self.numbers: set[Entry] = set()
        self.texts: set[Entry] = set()

    def add(self, project: int, kind: Kind, record_id: int, properties: Properties) -> None:
        """What it holds of a record's properties."""
        noun = int(kind)
        for name, value in properties.items():
            type_ = type(value)
            if type_ is str:
                self.texts.add(_text(project, noun, name, value, record_id))  # type: ignore[arg-type]  # mypy does not narrow `value` by `type_`
            elif (number := _NUMBERS.get(type_)) is not None:
                self.numbers.add((project, noun, name, float(value), record_id, number))  # type: ignore[arg-type]  # what has a number's type is one
            else:
                self.texts.add((project, noun, name, "", record_id, OPAQUE))

    def add_list(self, project: int, kind: Kind, record_id: int, name: str, texts: Iterable[str]) -> None:
        """What it holds of a record's list field."""
        noun = kind + LIST_FIELD
        for text in texts:
            self.texts.add(_text(project, noun, name, text, record_id))


async def fill(unit: Unit, new: Entries) -> None:
    """Index new records."""
    if new.numbers:
        await unit.later(_ADD_NUMBERS, list(new.numbers))
    if new.texts:
        await unit.later(_ADD_TEXTS, list(new.texts))


async def replace(unit: Unit, before: Entries, after: Entries) -> None:
    """Bring the index from some entries of a record to others."""
    new = Entries()
    new.numbers, new.texts = after.numbers - before.numbers, after.texts - before.texts
    await _drop(unit, _DROP_NUMBERS, before.numbers - after.numbers, new.numbers)
    await _drop(unit, _DROP_TEXTS, before.texts - after.texts, new.texts)
    await fill(unit, new)


async def add(unit: Unit, project: int, kind: Kind, properties: Iterable[tuple[int, Properties]]) -> None:
    """Index new records, given by their ids."""
    new = Entries()
    for record_id, given in properties:
        new.add(project, kind, record_id, given)
    await fill(unit, new)


async def _drop(unit: Unit, delete: Bulk, gone: set[Entry], new: set[Entry]) -> None:
    """Where the same row goes and comes again with another type, the one must have happened before the other."""
    if rows := [entry[:_KEY] for entry in gone]:
        at_once = not set(rows).isdisjoint(entry[:_KEY] for entry in new)
        await (unit.execute_many(delete, rows) if at_once else unit.later(delete, rows))


def _text(project: int, noun: int, name: str, text: str, record_id: int) -> Entry:
    if len(text) < NAME_LENGTH:
        return project, noun, name, text, record_id, TEXT_WHOLE
    return project, noun, name, text[:NAME_LENGTH], record_id, TEXT_CUT
