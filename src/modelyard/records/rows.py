"""Rows to entities and back, by position and by type."""

import typing
from collections.abc import Callable, Collection, Sequence
from enum import StrEnum
from types import UnionType
from typing import Any, TypeVar

import msgspec

from modelyard.records import properties
from modelyard.records.record import Record
from modelyard.records.written import Argument, written, written_row

S = TypeVar("S", bound=msgspec.Struct)
R = TypeVar("R", bound=Record)

_TEXTS = msgspec.json.Decoder(tuple[str, ...])


class Column(msgspec.Struct, frozen=True):
    """How one field is kept: both functions are None where the value is stored as it is."""

    name: str
    load: Callable[[Any], Any] | None
    dump: Callable[[Any], Any] | None


def columns(entity: type[msgspec.Struct]) -> tuple[Column, ...]:
    hints = typing.get_type_hints(entity)
    return tuple(_column(name, hints[name]) for name in entity.__struct_fields__)


def reader(entity: type[S]) -> Callable[[Sequence[Any]], S]:
    """A function that makes an entity, or a part of one, of a row whose columns are its fields in order."""
    found = columns(entity)
    return written(", ".join(column.name for column in found), entity, [Argument(column.name, column.load) for column in found])


def writer(entity: type[R], fields: Collection[str] | None = None) -> Callable[[R], tuple[Any, ...]]:
    """A function that makes a row of an entity: its fields' values in order, or those of some `fields`."""
    some = [column for column in columns(entity) if fields is None or column.name in fields]
    return written_row("record", [Argument(f"record.{column.name}", column.dump) for column in some])


def _column(name: str, hint: Any) -> Column:
    members = typing.get_args(hint) if isinstance(hint, UnionType) or typing.get_origin(hint) is typing.Union else (hint,)
    if name == "properties":
        return Column(name, properties.decode, properties.encode)
    for member in members:
        if isinstance(member, type) and issubclass(member, StrEnum):
            return Column(name, {item.value: item for item in member}.__getitem__, {item: item.value for item in member}.__getitem__)
        if typing.get_origin(member) is tuple:
            return Column(name, _TEXTS.decode, _dump_texts)
    return Column(name, None, None)


def _dump_texts(texts: tuple[str, ...]) -> str:
    return msgspec.json.encode(texts).decode()
