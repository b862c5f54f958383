"""Keeps the property index in step with the records, in the same transaction."""

from collections.abc import Iterable
from typing import Any

from modelyard.records.kinds import Kind
from modelyard.records.properties import Properties, PropertyValue
from modelyard.search.compile import LIST_FIELD, NUMBER_TYPES, OPAQUE, TEXT_CUT, TEXT_WHOLE
from modelyard.search.tree import PropertyType
from modelyard.store.columns import NAME_LENGTH
from modelyard.store.database import Unit
from modelyard.store.statements import Bulk
from modelyard.store.tables import PROPERTY_NUMBER, PROPERTY_TEXT

Entry = tuple[bool, str, float | str, int]
"""Whether it is a number; the property's name; its value as indexed; its type."""


_INSERT = {True: Bulk("index numbers", PROPERTY_NUMBER), False: Bulk("index texts", PROPERTY_TEXT)}
_DELETE = {True: Bulk("drop numbers", PROPERTY_NUMBER, deletes=True), False: Bulk("drop texts", PROPERTY_TEXT, deletes=True)}


def entries(properties: Properties) -> set[Entry]:
    return {_entry(name, value) for name, value in properties.items()}


def list_entries(name: str, texts: Iterable[str]) -> set[Entry]:
    return {_text(name, text) for text in texts}


def _entry(name: str, value: PropertyValue) -> Entry:
    if isinstance(value, str):
        return _text(name, value)
    if isinstance(value, bool):
        return (True, name, float(value), NUMBER_TYPES[PropertyType.BOOLEAN])
    if isinstance(value, int):
        return (True, name, float(value), NUMBER_TYPES[PropertyType.INTEGER])
    if isinstance(value, float):
        return (True, name, value, NUMBER_TYPES[PropertyType.FLOAT])
    return (False, name, "", OPAQUE)


def _text(name: str, text: str) -> Entry:
    whole = len(text) < NAME_LENGTH
    return (False, name, text if whole else text[:NAME_LENGTH], TEXT_WHOLE if whole else TEXT_CUT)


async def replace(
    unit: Unit, project: int, kind: Kind, record_id: int, *, before: set[Entry], after: set[Entry], lists: bool = False
) -> None:
    """Bring the index from one set of entries to another."""
    number = kind + (LIST_FIELD if lists else 0)
    gone, new = before - after, after - before
    for numeric in (True, False):
        rows = [_row(project, number, record_id, entry) for entry in gone if entry[0] is numeric]
        if _retyped(gone, new):
            # The same row goes and comes again with another type: the one must have happened before the other.
            await unit.execute_many(_DELETE[numeric], rows)
        else:
            await unit.later(_DELETE[numeric], rows)
    for numeric in (True, False):
        await unit.later(_INSERT[numeric], [_row(project, number, record_id, entry) for entry in new if entry[0] is numeric])


def _retyped(gone: set[Entry], new: set[Entry]) -> bool:
    return bool(gone) and not {entry[:3] for entry in gone}.isdisjoint(entry[:3] for entry in new)


def _row(project: int, kind: int, record_id: int, entry: Entry) -> dict[str, Any]:
    _, name, value, type_ = entry
    return {"project_id": project, "kind": kind, "name": name, "value": value, "id": record_id, "type": type_}
