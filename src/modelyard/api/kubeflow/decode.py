"""From the bytes of a body to a struct of `wire`.

msgspec reads a good body in one go. What it refuses is read again by `reread`, which forgives what the original forgives and else
says what is wrong in the original's words.
"""

from typing import Any, Generic, TypeVar, cast

import msgspec

from modelyard.api.kubeflow import reread
from modelyard.api.kubeflow.integers import parse_id, parse_int32, parse_int64, parse_step_ids
from modelyard.api.kubeflow.nulls import refuse_null_bytes
from modelyard.api.kubeflow.refusals import BadRequest, LateBadRequest, UnknownArtifactType, Unprocessable
from modelyard.api.kubeflow.shapes import Shape, Variants, shape_of, variants_of

__all__ = [
    "BadRequest",
    "LateBadRequest",
    "UnknownArtifactType",
    "Unprocessable",
    "decode_artifact",
    "decode_strict",
    "parse_id",
    "parse_int32",
    "parse_int64",
    "parse_step_ids",
    "refuse_null_bytes",
]

S = TypeVar("S", bound=msgspec.Struct)
K = TypeVar("K", Shape, Variants)

_REFUSED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_WIRE_TIMES = {"create_time_since_epoch": "createTimeSinceEpoch", "last_update_time_since_epoch": "lastUpdateTimeSinceEpoch"}
_SERVER_TIMES = tuple(_WIRE_TIMES)


class _Reader(msgspec.Struct, Generic[K], frozen=True):
    """What is kept for each wire type: its decoder, and what `reread` needs to know of it."""

    decoder: msgspec.json.Decoder[Any]
    shape: K
    times: bool
    """The type has fields that only the server sets; a body may carry them if they can be read, and they mean nothing."""


_strict: dict[type, _Reader[Shape]] = {}
_unions: dict[object, _Reader[Variants]] = {}


def decode_strict(type_: type[S], body: bytes, required: tuple[str, ...] | None = None) -> S:
    """Read a body that may have no unknown keys.

    `required` are the wire names that must be there and not empty; by default all fields without a default. A field that the
    struct needs but `required` leaves out is `""` when the body lacks it (for ids that the path gives).

    Raises `Unprocessable` for a missing or empty required field, `BadRequest` for anything else.
    """
    reader = _strict.get(type_) or _strict_reader(type_)
    if required is None:
        required = reader.shape.required
    try:
        value = reader.decoder.decode(body)
    except _REFUSED:
        value = reread.strict(body, type_, reader.shape, required)
    for name in required:
        if not getattr(value, reader.shape.fields[name].attribute):
            raise Unprocessable(name)
    if reader.times:
        _check_times(value)
    return cast("S", value)


def decode_artifact(variants: object, body: bytes) -> Any:
    """Read a body that may be any kind of artifact; `variants` is one of the unions of `wire`. Unknown keys are ignored.

    Returns a member of the union. Raises `UnknownArtifactType` when `artifactType` names none, `BadRequest` for anything else.
    """
    reader = _unions.get(variants) or _union_reader(variants)
    try:
        value = reader.decoder.decode(body)
    except _REFUSED:
        value = reread.union(body, reader.shape)
    if reader.times:
        _check_times(value)
    return value


def _strict_reader(type_: type[msgspec.Struct]) -> _Reader[Shape]:
    reader = _Reader(msgspec.json.Decoder(type_), shape_of(type_), hasattr(type_, _SERVER_TIMES[0]))
    _strict[type_] = reader
    return reader


def _union_reader(variants: object) -> _Reader[Variants]:
    shapes = variants_of(variants)
    times = any(hasattr(member.type, _SERVER_TIMES[0]) for member in shapes.members.values())
    reader = _Reader(msgspec.json.Decoder(variants), shapes, times)
    _unions[variants] = reader
    return reader


def _check_times(value: msgspec.Struct) -> None:
    for name in _SERVER_TIMES:
        text = getattr(value, name)
        if text is not None:
            parse_int64(_WIRE_TIMES[name], text)
