"""Keeps the property index in step with the records, in the same transaction."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Table, and_, bindparam, delete, insert

from modelyard.records.kinds import Kind
from modelyard.records.properties import Properties, PropertyValue
from modelyard.search.compile import LIST_FIELD, NUMBER_TYPES, OPAQUE, TEXT_CUT, TEXT_WHOLE
from modelyard.search.tree import PropertyType
from modelyard.store.columns import NAME_LENGTH
from modelyard.store.database import Unit
from modelyard.store.statements import Statement
from modelyard.store.tables import PROPERTY_NUMBER, PROPERTY_TEXT

Entry = tuple[bool, str, float | str, int]
"""Whether it is a number; the property's name; its value as indexed; its type."""


def _insert(table: Table) -> Statement:
    return Statement(f"insert {table.name}", insert(table).values({column.name: bindparam(column.name) for column in table.c}))


def _delete(table: Table) -> Statement:
    key = [column == bindparam(column.name) for column in table.primary_key.columns]
    return Statement(f"delete {table.name}", delete(table).where(and_(*key)))


_INSERT = {True: _insert(PROPERTY_NUMBER), False: _insert(PROPERTY_TEXT)}
_DELETE = {True: _delete(PROPERTY_NUMBER), False: _delete(PROPERTY_TEXT)}


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
    for statements, changed in ((_DELETE, before - after), (_INSERT, after - before)):
        for numeric in (True, False):
            rows = [_row(project, number, record_id, entry) for entry in changed if entry[0] is numeric]
            if rows:
                await unit.execute_many(statements[numeric], rows)


def _row(project: int, kind: int, record_id: int, entry: Entry) -> dict[str, Any]:
    _, name, value, type_ = entry
    return {"project_id": project, "kind": kind, "name": name, "value": value, "id": record_id, "type": type_}
