"""Custom properties: typed values that users hang on any record.

Stored as natural JSON, so that an operator can read the column: `{"accuracy": 0.97, "epochs": 12, "gpu": true, "framework": "onnx"}`.
An integer and a float stay apart (`3` and `3.0`); a struct is `{"struct": "<base64>"}`, a proto `{"type_url": ..., "proto": "<base64>"}`.
"""

import math
from collections.abc import Mapping

import msgspec

from modelyard.errors import Invalid, invalid

MAX_KEY = 255
MAX_PROPERTIES = 5_000
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


class StructValue(msgspec.Struct, frozen=True):
    """A JSON object, kept as the base64 text it was given in."""

    struct: str


class ProtoValue(msgspec.Struct, frozen=True):
    """A protobuf message: its type URL and its bytes as base64 text."""

    type_url: str
    proto: str


PropertyValue = bool | int | float | str | StructValue | ProtoValue
Properties = Mapping[str, PropertyValue]
EMPTY: Properties = {}

_DECODER = msgspec.json.Decoder(dict[str, bool | int | float | str | dict[str, str]])


def check(properties: Properties) -> None:
    """Refuse what no database could keep. Raises `Invalid` naming the key."""
    if len(properties) > MAX_PROPERTIES:
        raise Invalid(f"there are {len(properties)} custom properties: use at most {MAX_PROPERTIES}, or keep the rest in an artifact")
    for key, value in properties.items():
        if len(key) > MAX_KEY:
            invalid("a custom property's key", key, f"use at most {MAX_KEY} characters")
        kind = type(value)
        if kind is int and not INT64_MIN <= value <= INT64_MAX:  # type: ignore[operator]  # mypy does not narrow `value` by `kind`
            invalid(f"custom property {key!r}", value, "an integer must fit in 64 bits; use a string for larger ones")
        if kind is float and not math.isfinite(value):  # type: ignore[arg-type]  # likewise
            invalid(f"custom property {key!r}", value, "a number must be finite, for neither JSON nor every database has others")


def encode(properties: Properties) -> str:
    return msgspec.json.encode(properties).decode()


def decode(text: str) -> Properties:
    if text == "{}":
        return EMPTY
    values = _DECODER.decode(text)
    if text.find("{", 1) < 0:
        return values  # type: ignore[return-value]  # without a second brace none of the values is an object
    return {key: _revive(value) if type(value) is dict else value for key, value in values.items()}  # type: ignore[misc]  # `type(value) is dict` leaves no dict in the other branch, which mypy does not see


def _revive(value: dict[str, str]) -> StructValue | ProtoValue:
    if "struct" in value:
        return StructValue(value["struct"])
    return ProtoValue(value["type_url"], value["proto"])
