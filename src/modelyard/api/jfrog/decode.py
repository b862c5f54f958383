"""Reading what clients send: bodies, ids in paths, numbers in queries.

msgspec reads a good body in one go. One that it refuses is read again by `explain`, which says what is wrong with which field.
"""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from modelyard.api.http.message import Request
from modelyard.api.jfrog.explain import explain
from modelyard.api.jfrog.refusals import Refused, unprocessable
from modelyard.errors import NotFound
from modelyard.overview.offsets import Slice
from modelyard.records.properties import INT64_MAX

S = TypeVar("S", bound=msgspec.Struct)

MOST = 1_000
SHOWN = 25
"""Models of a page, unless asked for another number; of the lists that the contract does not page, `MOST`."""

_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,400}", re.ASCII)
_JSON = re.compile(r"application/(?:[^;\s]+\+)?json\s*(?:;.*)?", re.ASCII | re.IGNORECASE | re.DOTALL)
_NUL = b"\\u0000"
_REFUSED = (msgspec.MsgspecError, ValueError, RecursionError)

_decoders: dict[type, msgspec.json.Decoder[Any]] = {}


def body(type_: type[S], request: Request) -> S:
    """The request's body. Raises `Refused`: 400 for what is no JSON or of a wrong type, 415, 422 for a value that cannot be accepted."""
    media_type = request.header(b"content-type")
    if media_type is not None and not _JSON.fullmatch(media_type):
        raise Refused(415, f"the body is sent as {media_type[:80]!r}: send application/json")
    decoder = _decoders.get(type_)
    if decoder is None:
        decoder = _decoders[type_] = msgspec.json.Decoder(type_)
    try:
        found: S = decoder.decode(request.body)
    except _REFUSED as error:
        explain(request.body, type_)
        raise Refused(400, f"the body cannot be read: {error}") from error
    if _NUL in request.body:
        explain(request.body, type_)
    return found


def path_id(request: Request, name: str, noun: str) -> int:
    """The id in the path. What cannot be one is the id of nothing: `NotFound`."""
    text = request.path_params[name]
    found = identity(text)
    if found is None:
        raise NotFound(f"no {noun} has the id {text[:80]!r}")
    return found


def identity(text: str) -> int | None:
    return int(text) if _ID.fullmatch(text) else None


def part(query: Mapping[str, str], limit: int = MOST) -> Slice:
    """The page that is asked for; `limit` where none is said. Raises `Refused`."""
    if not query:
        return Slice(limit)
    return Slice(_number(query, "limit", limit, 1, MOST), _number(query, "offset", 0, 0, INT64_MAX))


def _number(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if not _NUMBER.fullmatch(text):
        raise Refused(400, f"{name} is {text[:80]!r}: use a whole number from {least} to {most}")
    if not least <= int(text) <= most:
        raise unprocessable(name, f"is {text[:80]}: use a whole number from {least} to {most}")
    return int(text)
