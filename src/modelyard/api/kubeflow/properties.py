"""Custom properties, from the wire's tagged values to the domain's plain ones and back."""

import base64
import binascii
from typing import Any, NoReturn

import msgspec

from modelyard.api.kubeflow.integers import parse_int64
from modelyard.api.kubeflow.refusals import BadRequest, LateBadRequest
from modelyard.api.kubeflow.wire import (
    MetadataBoolValue,
    MetadataDoubleValue,
    MetadataIntValue,
    MetadataProtoValue,
    MetadataStringValue,
    MetadataStructValue,
    MetadataValue,
)
from modelyard.records.properties import Properties, PropertyValue, ProtoValue, StructValue

_OBJECT = msgspec.json.Decoder(dict[str, Any])


class _Shown(msgspec.Struct, gc=False, frozen=True):
    """Three of the values as they are answered: the original's keys are in alphabetical order, and msgspec puts a tag first."""


class _ShownBool(_Shown, frozen=True):
    bool_value: bool
    metadataType: str = "MetadataBoolValue"  # noqa: N815 - the field is named as the wire names it


class _ShownDouble(_Shown, frozen=True):
    double_value: float
    metadataType: str = "MetadataDoubleValue"  # noqa: N815 - the field is named as the wire names it


class _ShownInt(_Shown, frozen=True):
    int_value: str
    metadataType: str = "MetadataIntValue"  # noqa: N815 - the field is named as the wire names it


_TRUE, _FALSE = _ShownBool(True), _ShownBool(False)  # noqa: FBT003 - the property's value, which does not switch anything
Shown = MetadataStringValue | MetadataStructValue | MetadataProtoValue | _Shown


def to_properties(custom: dict[str, MetadataValue]) -> Properties:
    """Raises `LateBadRequest` for an integer outside 64 bits, a struct that is no JSON object, and a proto that is not base64."""
    plain: dict[str, PropertyValue] = {}
    # Sorted, as the original answers them; so what is read back is in order without sorting.
    for key in sorted(custom):
        value: Any = custom[key]
        kind = type(value)
        if kind is MetadataStringValue:
            plain[key] = value.string_value
        elif kind is MetadataDoubleValue:
            plain[key] = value.double_value
        elif kind is MetadataIntValue:
            plain[key] = _integer(key, value.int_value)
        elif kind is MetadataBoolValue:
            plain[key] = value.bool_value
        elif kind is MetadataStructValue:
            plain[key] = StructValue(_struct(key, value.struct_value))
        else:
            plain[key] = _proto(key, value)
    return plain


def from_properties(properties: Properties) -> dict[str, Shown]:
    """A branch for each type rather than a table: a page of a list passes here hundreds of times, and this is the fastest form."""
    custom: dict[str, Shown] = {}
    for key, value in properties.items():
        kind = type(value)
        if kind is str:
            custom[key] = MetadataStringValue(value)  # type: ignore[arg-type]  # mypy does not narrow `value` by `kind`
        elif kind is float:
            custom[key] = _ShownDouble(value)  # type: ignore[arg-type]  # likewise
        elif kind is bool:
            custom[key] = _TRUE if value else _FALSE
        elif kind is int:
            custom[key] = _ShownInt(str(value))
        elif kind is StructValue:
            custom[key] = MetadataStructValue(value.struct)  # type: ignore[union-attr]  # mypy does not narrow `value` by `kind`
        else:
            custom[key] = MetadataProtoValue(value.proto, value.type_url)  # type: ignore[union-attr]  # likewise
    return custom


def _integer(key: str, digits: str) -> int:
    try:
        return parse_int64(key, digits)
    except BadRequest:
        _refuse(key, f'unable to decode as int64 invalid numeric string "{digits[:40]}"')


def _struct(key: str, text: str) -> str:
    """The base64 of a JSON object, as given or made from the bare JSON text."""
    if text.lstrip(" \t\r\n").startswith("{"):
        raw = text.encode()
        text = base64.b64encode(raw).decode()
    else:
        raw = _bytes(key, "struct_value", text)
    try:
        _OBJECT.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        _refuse(key, "struct_value is not the base64 of a JSON object")
    return text


def _proto(key: str, value: MetadataProtoValue) -> ProtoValue:
    _bytes(key, "proto_value", value.proto_value)
    return ProtoValue(value.type, value.proto_value)


def _bytes(key: str, field: str, text: str) -> bytes:
    try:
        return binascii.a2b_base64(text.encode(), strict_mode=True)
    except binascii.Error:
        _refuse(key, f"{field} is illegal base64 data")


def _refuse(key: str, problem: str) -> NoReturn:
    raise LateBadRequest(f"error setting field CustomProperties: bad request: {problem} for {key}: bad request")
