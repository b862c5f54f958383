"""A second, slow look at a body that msgspec refused.

Forgiven, as the original does: bytes that are no UTF-8 and half surrogate pairs (each becomes U+FFFD), `null` for the whole body, for a
field, or in a list of text, and keys unknown to an artifact or a property value. Everything else raises the text that the original would
send. Different on purpose: keys must have their exact case, and nothing may follow the JSON value.
"""

import re
from collections.abc import Mapping
from typing import Any, cast

import msgspec

from modelyard.api.kubeflow.refusals import BadRequest, LateBadRequest, UnknownArtifactType, Unprocessable
from modelyard.api.kubeflow.shapes import FieldKind, FieldShape, Shape, Variants, variants_of
from modelyard.api.kubeflow.wire import MetadataValue

NO_OBJECT = "failed to unmarshal JSON into map for the discriminator lookup"

_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)", re.DOTALL)
"""Any escape of a JSON text, a surrogate pair as one; matched from the left, so an escaped backslash hides nothing."""
_HALF_PAIR = len(r"\ud800")
_POSITION = re.compile(r"JSON is malformed: (.*) \(byte (\d+)\)")

_JSON_KINDS: Mapping[type, str] = {dict: "object", list: "array", str: "string", int: "number", float: "number", bool: "bool"}
_FITTING: Mapping[FieldKind, tuple[type, ...]] = {
    FieldKind.TEXT: (str,),
    FieldKind.TEXT_LIST: (list,),
    FieldKind.INTEGER: (int,),
    FieldKind.NUMBER: (int, float),
    FieldKind.BOOLEAN: (bool,),
    FieldKind.PROPERTIES: (dict,),
}
_ZEROS: Mapping[FieldKind, object] = {FieldKind.TEXT: "", FieldKind.NUMBER: 0.0, FieldKind.BOOLEAN: False}
_VALUES = variants_of(MetadataValue)


class _Wrong(Exception):
    """What is wrong inside an object; whoever reads the object knows what to write before it."""


class _Found(msgspec.Struct):
    """What was read of an object, by wire name, and the fault in it that must wait, if any."""

    values: dict[str, Any]
    late: LateBadRequest | None = None


def strict(body: bytes, type_: type[msgspec.Struct], shape: Shape, required: tuple[str, ...]) -> msgspec.Struct:
    """Read a body that may have no unknown keys. Raises as `decode.decode_strict`."""
    document = _read(body)
    if not isinstance(document, dict):
        raise BadRequest(f"json: cannot unmarshal {_kind(document)} into Go value of type openapi.{shape.name}")
    try:
        found = _fields(document, shape, forgiving=False)
    except _Wrong as problem:
        raise BadRequest(str(problem)) from None
    return _finish(found, type_, shape, required)


def union(body: bytes, variants: Variants) -> msgspec.Struct:
    """Read a body that may be any member of the union. Raises as `decode.decode_artifact`."""
    document = _read(body)
    if not isinstance(document, dict):
        raise BadRequest(NO_OBJECT)
    tag = document.get(variants.tag_field)
    shape = variants.members.get(tag) if isinstance(tag, str) else None
    if shape is None:
        raise UnknownArtifactType
    try:
        found = _fields(document, shape, forgiving=True)
    except _Wrong as problem:
        raise BadRequest(f"failed to unmarshal {variants.name} as {shape.name}: {problem}") from None
    found.values[variants.tag_field] = tag
    return _finish(found, shape.type, shape, ())


def _finish(found: _Found, type_: type[msgspec.Struct], shape: Shape, required: tuple[str, ...]) -> msgspec.Struct:
    for name in shape.required:
        if not found.values.get(name):
            if name in required:
                raise Unprocessable(name)
            found.values[name] = ""
    if found.late:
        raise found.late
    return msgspec.convert(found.values, type_)


def _read(body: bytes) -> Any:
    text = body.decode("utf-8", "replace")
    if "\\u" in text:
        text = _ESCAPE.sub(lambda match: r"\ufffd" if len(match[0]) == _HALF_PAIR else match[0], text)
    try:
        document = msgspec.json.decode(text)
    except RecursionError:
        raise BadRequest("exceeded max depth") from None
    except msgspec.DecodeError as problem:
        raise BadRequest(_syntax(text, str(problem))) from None
    return {} if document is None else document


def _syntax(text: str, problem: str) -> str:
    if not text.strip():
        return "EOF"
    if problem == "Input data was truncated":
        return "unexpected EOF"
    if problem.startswith("Number out of range"):
        return "json: cannot unmarshal number into Go value of type float64: out of range"
    if not (position := _POSITION.match(problem)):
        return f"json: {problem}"
    reason, byte = position[1], int(position[2])
    if reason == "trailing characters":
        return f"invalid character {_character(text, byte - 1)} after top-level value"
    return f"invalid character {_character(text, byte)} in JSON: {reason} (byte {byte})"


def _character(text: str, byte: int) -> str:
    return repr(text.encode()[byte:].decode("utf-8", "ignore")[:1])


def _fields(document: dict[str, Any], shape: Shape, *, forgiving: bool) -> _Found:
    found = _Found({})
    for name, value in document.items():
        field = shape.fields.get(name)
        if field is not None:
            found.values[name] = None if value is None else _value(found, shape, name, field, value)
        elif not forgiving:
            raise _Wrong(_unknown(name, shape))
    return found


def _unknown(name: str, shape: Shape) -> str:
    near = [known for known in shape.fields if known.lower() == name.lower()]
    hint = f' (keys must have their exact case: use "{near[0]}")' if near else ""
    return f'json: unknown field "{name}"{hint}'


def _value(found: _Found, shape: Shape, name: str, field: FieldShape, value: Any) -> Any:
    where = f"{shape.name}.{name}"
    if field.words:
        return _word(field.words.__name__, {word.value for word in field.words}, value)
    _check(where, field.kind, value)
    if field.kind is FieldKind.TEXT_LIST:
        return [_item(where, item) for item in value]
    if field.kind is FieldKind.PROPERTIES:
        return {key: _property(found, key, item) for key, item in value.items()}
    return value


def _check(where: str, kind: FieldKind, value: Any) -> None:
    if type(value) not in _FITTING[kind]:
        literal = f" {msgspec.json.encode(value).decode()}" if kind is FieldKind.INTEGER and type(value) is float else ""
        raise _Wrong(f"json: cannot unmarshal {_kind(value)}{literal} into Go struct field {where} of type {kind.value}")
    if type(value) is int and not _fits(kind, value):
        raise _Wrong(f"json: cannot unmarshal number {str(value)[:40]} into Go struct field {where} of type {kind.value}")


def _fits(kind: FieldKind, value: int) -> bool:
    if kind is FieldKind.INTEGER:
        return -(2**63) <= value < 2**63
    return abs(value) < 2**1024


def _item(where: str, item: Any) -> str:
    if item is None:
        return ""
    _check(where, FieldKind.TEXT, item)
    return cast("str", item)


def _word(name: str, words: set[str], value: Any) -> str:
    if not isinstance(value, str):
        raise _Wrong(f"json: cannot unmarshal {_kind(value)} into Go value of type string")
    if value not in words:
        raise _Wrong(f"{value} is not a valid {name}")
    return value


def _property(found: _Found, key: str, value: Any) -> dict[str, Any] | None:
    if value is not None and not isinstance(value, dict):
        raise _Wrong(NO_OBJECT)
    given: dict[str, Any] = value or {}
    tag = given.get(_VALUES.tag_field)
    shape = _VALUES.members.get(tag) if isinstance(tag, str) else None
    if shape is None:
        shown = msgspec.json.encode(value).decode()[:200]
        found.late = found.late or LateBadRequest(
            f"error setting field CustomProperties: bad request: metadataType not found for {key}: {shown}: bad request"
        )
        return None
    try:
        return {_VALUES.tag_field: tag, **{name: _member(shape, name, field, given.get(name)) for name, field in shape.fields.items()}}
    except _Wrong as problem:
        raise _Wrong(f"failed to unmarshal {_VALUES.name} as {shape.name}: {problem}") from None


def _member(shape: Shape, name: str, field: FieldShape, value: Any) -> Any:
    if value is None:
        return _ZEROS[field.kind]
    _check(f"{shape.name}.{name}", field.kind, value)
    return value


def _kind(value: Any) -> str:
    return _JSON_KINDS[type(value)]
