"""What a domain lets callers filter by, and how a literal must look to be compared with it."""

import math
import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import NoReturn

import msgspec

from modelyard.errors import Invalid
from modelyard.search.tree import PropertyType, Scalar

_INTEGER = re.compile(r"[+-]?[0-9]{1,400}", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)


class FieldType(Enum):
    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    TEXT_LIST = "list of text"
    LINK = "link"
    """The id of another record, kept in a link table rather than a column: only equality can be asked."""


class FieldSpec(msgspec.Struct, frozen=True):
    """One field: its name is the entity's attribute and the table's column."""

    name: str
    type: FieldType


Fields = Mapping[str, FieldSpec]


def fields(
    *,
    text: Iterable[str] = (),
    integer: Iterable[str] = (),
    number: Iterable[str] = (),
    text_list: Iterable[str] = (),
    link: Iterable[str] = (),
) -> Fields:
    groups = {
        FieldType.TEXT: text,
        FieldType.INTEGER: integer,
        FieldType.NUMBER: number,
        FieldType.TEXT_LIST: text_list,
        FieldType.LINK: link,
    }
    return {name: FieldSpec(name, type_) for type_, names in groups.items() for name in names}


COMMON_TEXT = ("name", "external_id", "description")
COMMON_INTEGER = ("id", "created_at", "updated_at")


def coerce(spec: FieldSpec, wanted: PropertyType | None, value: Scalar) -> str | int | float | None:
    """The literal as the field's own type.

    None means that nothing can match: the caller insisted on a type (`wanted`) that the field does not have.
    Raises `Invalid` when the two cannot be compared; numbers may be quoted.
    """
    if spec.type in (FieldType.TEXT, FieldType.TEXT_LIST):
        if wanted not in (None, PropertyType.TEXT):
            return None
        return value if isinstance(value, str) else _incomparable(spec, value, "text: put the value in quotes")
    if wanted is PropertyType.BOOLEAN:
        return None
    return _number(spec, value)


def _number(spec: FieldSpec, value: Scalar) -> int | float:
    if isinstance(value, bool):
        _incomparable(spec, value, "a number")
    if isinstance(value, str):
        if _INTEGER.fullmatch(value):
            return int(value)
        if _NUMBER.fullmatch(value) and math.isfinite(float(value)):
            return float(value)
        _incomparable(spec, value, "a number: milliseconds since 1970" if spec.name.endswith("_at") else "a number")
    return value


def _incomparable(spec: FieldSpec, value: object, remedy: str) -> NoReturn:
    shown = repr(value)[:80]
    raise Invalid(f"the filter's value for {spec.name} is {shown}: type mismatch, the field is compared with {remedy}", field=spec.name)
