"""Reading what clients send: points in a body, numbers in paths and queries."""

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn, TypeVar

import msgspec

from modelyard.api.http.message import Request
from modelyard.api.native.wire import Name, Point, Step, Timestamp, Value
from modelyard.errors import Invalid, Missing, invalid
from modelyard.records.properties import INT64_MAX

T = TypeVar("T")

_ARRAY, _LINES = msgspec.json.Decoder(list[Point]), msgspec.json.Decoder(Point)
_IS_ARRAY = re.compile(rb"\s*\[")
_NUL = b"\\u0000"
_INTEGER = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_MISSING, _UNKNOWN = re.compile(r"missing required field `(\w+)`"), re.compile(r"unknown field `(.*)`")
_AT = re.compile(r"(.*) - at `\$\.(\w+)`")
_REFUSED = (msgspec.MsgspecError, ValueError, RecursionError)

_FIELDS: dict[str, tuple[Any, str]] = {
    "name": (Name, "use text of 1 to 255 characters, none of them NUL"),
    "value": (Value, "use a finite number, or leave the point out"),
    "step": (Step, "use a whole number of 64 bits, or leave it out"),
    "timestamp": (Timestamp, "use whole milliseconds since 1970, of 64 bits, or leave it out"),
}
_EXAMPLE = '{"name": "loss", "value": 0.1, "step": 12, "timestamp": 1700000000000}'


def points(body: bytes) -> list[Point]:
    """A JSON array of points, or lines of one each (NDJSON; empty lines do not count). Which of them, the first character says.

    Raises `Invalid` or `Missing`, which name the line, or the index in the array, the field, its value and what would be right.
    """
    try:
        found = _ARRAY.decode(body) if _IS_ARRAY.match(body) else _LINES.decode_lines(body)
    except _REFUSED as error:
        _explain(body)
        raise Invalid(f"the body cannot be read: {error}") from error
    if _NUL in body:
        _explain(body)
    return found


def structured(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """A body that is one object. Raises `Missing` for a field that must be there and is not, and `Invalid` for what cannot be read."""
    try:
        found = decoder.decode(body)
    except _REFUSED as error:
        raise _told(error, decoder.type) from error
    if _NUL in body:
        raise Invalid("the body has a NUL character in it: leave it out")
    return found


def _told(error: Exception, type_: type) -> Invalid | Missing:
    """What msgspec says of a body, in terms of its field."""
    said = str(error)
    if missing := _MISSING.search(said):
        return Missing(f"{missing[1]} is missing, and needed", field=missing[1])
    if unknown := _UNKNOWN.search(said):
        return Invalid(f"{unknown[1]!r} is no field here: use {', '.join(field.encode_name for field in msgspec.structs.fields(type_))}")
    at = _AT.fullmatch(said)
    if at is None:
        return Invalid(f"the body cannot be read: {said}")
    reason, name = at.groups()
    if words := _words(type_, name):
        return Invalid(f"{name} {reason.replace('Invalid enum value', 'is')}: use one of {', '.join(words)}", field=name)
    return Invalid(f"{name} cannot be read: {reason}", field=name)


def _words(type_: type, name: str) -> list[str]:
    """What the field may be, where it is one of a few words."""
    about = msgspec.inspect.type_info(type_)
    assert isinstance(about, msgspec.inspect.StructType)  # noqa: S101 - narrows types for mypy: every body that is one object is a struct
    (found,) = [field.type for field in about.fields if field.encode_name == name]
    found = getattr(found, "type", found)  # what is said about a type is around it
    kinds = getattr(found, "types", (found,))
    return [str(word) for kind in kinds if isinstance(kind, msgspec.inspect.EnumType) for word in kind.cls]


def path_id(request: Request, name: str) -> int:
    return whole(name, request.path_params[name], 1, INT64_MAX)


def path_text(request: Request, name: str) -> str:
    """A name in the path. Raises `Invalid` where it has the character U+0000, which no text here has and PostgreSQL refuses."""
    return _without_nul(name, request.path_params[name])


def query_text(request: Request, name: str) -> str | None:
    """The parameter. Raises `Invalid` likewise."""
    text = request.query.get(name)
    return None if text is None else _without_nul(name, text)


def _without_nul(name: str, text: str) -> str:
    if "\0" in text:
        invalid(name, text, "use text without NUL")
    return text


def query_integer(request: Request, name: str, default: int, least: int, most: int) -> int:
    """The parameter, from `least` to `most`. Raises `Invalid`."""
    text = request.query.get(name)
    return default if text is None else whole(name, text, least, most)


def whole(name: str, text: str, least: int, most: int) -> int:
    """A whole number in this range. Raises `Invalid`."""
    if not _INTEGER.fullmatch(text) or not least <= int(text) <= most:
        invalid(name, text, f"use a whole number from {least} to {most}")
    return int(text)


def _explain(body: bytes) -> None:
    """Read the body again, slowly, and raise for the first point that is wrong, if there is one."""
    for place, text in _texts(body):
        try:
            # Unlike msgspec it takes NaN, Infinity and numbers that are too large: the commonest of faults, and to be told by their field.
            point = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Invalid(f"{place} is no JSON: {error}") from error
        _explain_point(place, point)


def _texts(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Each point's place and text."""
    if not _IS_ARRAY.match(body):
        yield from ((f"line {number}", line) for number, line in enumerate(body.split(b"\n"), 1) if line.strip())
        return
    try:
        # As in `_explain`.
        items = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Invalid(f"the body is no JSON array: {error}") from error
    yield from ((f"index {index}", json.dumps(item).encode()) for index, item in enumerate(items))


def _explain_point(place: str, point: object) -> None:
    if not isinstance(point, dict):
        invalid(place, point, f"a point is an object such as {_EXAMPLE}")
    for name in point:
        if name not in _FIELDS:
            invalid(f"{place} has a field whose name", name, f"a point has {', '.join(_FIELDS)}")
    for name in ("name", "value"):
        if name not in point:
            raise Missing(f"{place}: {name} is missing: {_FIELDS[name][1]}", field=name)
    for name, value in point.items():
        _explain_field(place, name, value)


def _explain_field(place: str, name: str, value: object) -> None:
    type_, remedy = _FIELDS[name]
    try:
        text = json.dumps(value).encode()
        msgspec.json.decode(text, type=type_)
    except _REFUSED:
        _refuse(place, name, value, remedy)
    if isinstance(value, str) and "\0" in value:
        _refuse(place, name, value, remedy)


def _refuse(place: str, name: str, value: object, remedy: str) -> NoReturn:
    invalid(f"{place}: {name}", value, remedy)
