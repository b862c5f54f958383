"""A second, slow look at a body that was refused: every field that is wrong, its value and what would be right."""

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec
from msgspec import inspect

from modelyard.api.jfrog.refusals import Refused
from modelyard.api.jfrog.wire import Cpu, Fault, Memory

_MOST = 100
"""Faults that are told of one body."""
_TYPE, _VALUE = 400, 422
"""The statuses of a value of the wrong JSON type, and of one that cannot be accepted."""

Found = Iterator[tuple[int, Fault]]

_QUANTITIES = {
    inspect.type_info(type_).type.pattern: remedy  # type: ignore[attr-defined]  # both are annotated texts
    for type_, remedy in (
        (Cpu, "use cores or thousandths of one, such as 2, 0.5 or 500m"),
        (Memory, "use bytes with an optional unit, such as 512Mi or 2Gi"),
    )
}


class _NoNumber(str):
    """NaN or an infinity, which Python reads and JSON does not have."""

    __slots__ = ()


def explain(body: bytes, type_: type[msgspec.Struct]) -> None:
    """Raises `Refused` for what is wrong; nothing where nothing is found."""
    try:
        document = json.loads(body.decode(), parse_constant=_NoNumber)
    except (ValueError, RecursionError) as error:
        raise Refused(_TYPE, f"the body is no JSON: {error}") from error
    found = list(islice(_look("", inspect.type_info(type_), document), _MOST))
    if not found:
        return
    faults = [fault for _, fault in found]
    first = f"{faults[0].field} {faults[0].message}".strip()
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    raise Refused(min(status for status, _ in found), first + more, faults)


def _look(where: str, type_: inspect.Type, value: Any) -> Found:
    type_, nullable = _bare(type_)
    if value is None and nullable:
        return
    match type_:
        case inspect.StructType():
            yield from _look_into(where, type_, value)
        case inspect.DictType():
            yield from _look_through(where, type_, value)
        case inspect.VarTupleType():
            yield from _look_along(where, type_, value)
        case inspect.EnumType():
            yield from _look_at_word(where, type_, value)
        case inspect.StrType():
            yield from _look_at_text(where, type_, value)
        case inspect.IntType():
            yield from _look_at_count(where, type_, value)
        case _:
            yield from _look_at_number(where, value)


def _bare(type_: inspect.Type) -> tuple[inspect.Type, bool]:
    """The type without its annotations, and whether null will do."""
    nullable = False
    while True:
        if isinstance(type_, inspect.Metadata):
            type_ = type_.type
        elif isinstance(type_, inspect.UnionType):
            nullable = nullable or type_.includes_none
            type_ = next(one for one in type_.types if not isinstance(one, inspect.NoneType))
        else:
            return type_, nullable


def _look_into(where: str, type_: inspect.StructType, value: Any) -> Found:
    if not isinstance(value, dict):
        yield _wrong_type(where or "the body", value, "use an object")
        return
    fields = {field.encode_name: field for field in type_.fields}
    for name in value:
        if name not in fields:
            yield _VALUE, Fault(_within(where, name[:80]), f"is no field here: use {', '.join(fields)}")
    for name, field in fields.items():
        if name in value:
            yield from _look(_within(where, name), field.type, value[name])
        elif field.required:
            yield _VALUE, Fault(_within(where, name), "is missing, and needed")


def _look_through(where: str, type_: inspect.DictType, value: Any) -> Found:
    """What stands in a map is data, so that a wrong type there is a value that cannot be accepted."""
    if not isinstance(value, dict):
        yield _wrong_type(where, value, "use an object")
        return
    if type_.max_length is not None and len(value) > type_.max_length:
        yield _VALUE, Fault(where, f"has {len(value)} entries: use at most {type_.max_length} at a time")
    for name, one in value.items():
        yield from ((_VALUE, fault) for _, fault in _look(f"{where}: the name {_shown(name)}", type_.key_type, name))
        yield from ((_VALUE, fault) for _, fault in _look(_within(where, name[:80]), type_.value_type, one))


def _look_along(where: str, type_: inspect.VarTupleType, value: Any) -> Found:
    if not isinstance(value, list):
        yield _wrong_type(where, value, "use an array of texts")
        return
    if type_.max_length is not None and len(value) > type_.max_length:
        yield _VALUE, Fault(where, f"has {len(value)} entries: use at most {type_.max_length}")
    for index, one in enumerate(value):
        yield from _look(f"{where}[{index}]", type_.item_type, one)


def _look_at_word(where: str, type_: inspect.EnumType, value: Any) -> Found:
    words = [member.value for member in type_.cls]
    if not _is_text(value):
        yield _wrong_type(where, value, f"use one of {', '.join(words)}")
    elif value not in words:
        yield _VALUE, Fault(where, f"is {_shown(value)}: use one of {', '.join(words)}")


def _look_at_text(where: str, type_: inspect.StrType, value: Any) -> Found:
    if not _is_text(value):
        yield _wrong_type(where, value, "use a text")
    elif not _is_unicode(value):
        yield _TYPE, Fault(where, "has half a surrogate pair: use whole characters")
    elif "\0" in value:
        yield _VALUE, Fault(where, f"is {_shown(value)}: use a text without the character U+0000")
    elif len(value) < (type_.min_length or 0):
        yield _VALUE, Fault(where, f"is {_shown(value)}: use at least {type_.min_length} character")
    elif type_.max_length is not None and len(value) > type_.max_length:
        yield _VALUE, Fault(where, f"is {_shown(value)}: use at most {type_.max_length} characters, not {len(value)}")
    elif type_.pattern is not None and not re.search(type_.pattern, value):
        yield _VALUE, Fault(where, f"is {_shown(value)}: {_QUANTITIES[type_.pattern]}")


def _look_at_count(where: str, type_: inspect.IntType, value: Any) -> Found:
    if type(value) is not int:
        yield _wrong_type(where, value, "use a whole number")
    elif not (type_.ge or 0) <= value <= (type_.le or value):
        yield _VALUE, Fault(where, f"is {_shown(value)}: use a whole number from {type_.ge} to {type_.le}")


def _look_at_number(where: str, value: Any) -> Found:
    if type(value) not in (int, float):
        yield _wrong_type(where, value, "use a finite number")
    elif isinstance(value, float) and value - value != 0:
        yield _VALUE, Fault(where, "is too large: use a finite number")


def _wrong_type(where: str, value: Any, remedy: str) -> tuple[int, Fault]:
    return _TYPE, Fault(where, f"is {_shown(value)}: {remedy}")


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not isinstance(value, _NoNumber)


def _is_unicode(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _within(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _shown(value: Any) -> str:
    text = str(value) if isinstance(value, _NoNumber) else json.dumps(value)
    return text if len(text) <= 80 else text[:77] + "..."
