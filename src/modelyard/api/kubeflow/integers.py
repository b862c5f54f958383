"""Integers that arrive as text, by the rules and in the words of Go's `strconv.ParseInt`: an optional sign, then ASCII digits."""

import json
import re

from modelyard.api.kubeflow.refusals import BadId, BadRequest

_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_LONGEST = 4000
"""Digits that Python reads at once; it refuses more than 4300, and no such number is in range but zeros."""
_ALWAYS_FITS = 9
"""Digits that fit in 32 bits whatever they are."""
INT32_MAX = 2**31 - 1
MAX_STEPS = 500
INT64_MAX = 2**63 - 1


class _Unreadable(Exception):
    """Its text is what `ParseInt` says."""


def parse_id(label: str, text: str) -> int:
    """The id in a path or parameter. `+1` and `01` are 1. `label` names the noun in the message. Raises `BadRequest`."""
    try:
        return _parse(text, INT32_MAX)
    except _Unreadable as problem:
        raise BadId(f"invalid {label} ID: {problem}: bad request") from None


def parse_int32(text: str) -> int:
    """A number in a query, such as the page size. Raises `BadRequest`."""
    try:
        return _parse(text, INT32_MAX)
    except _Unreadable as problem:
        raise BadRequest(f"invalid numeric string: {problem}: bad request") from None


def parse_int64(field: str, text: str) -> int:
    """A 64-bit number in a body, such as a time; `field` names it in the message. Raises `BadRequest`."""
    try:
        return _parse(text, INT64_MAX)
    except _Unreadable as problem:
        raise BadRequest(f"invalid {field} value: {problem}: bad request") from None


def parse_step_ids(text: str) -> tuple[int, ...]:
    """A comma list of 32-bit numbers; spaces and empty items do not count, so `,` is empty. Raises `BadRequest`, also for too many."""
    steps = {_parse_step(item) for part in text.split(",") if (item := part.strip())}
    if len(steps) > MAX_STEPS:
        raise BadRequest(f"stepIds has {len(steps)} steps: ask for at most {MAX_STEPS} at once: bad request")
    return tuple(sorted(steps))


def _parse_step(text: str) -> int:
    try:
        return _parse(text, INT32_MAX)
    except _Unreadable:
        raise BadRequest(f"invalid step ID '{text}': must be a valid integer: bad request") from None


def _parse(text: str, largest: int) -> int:
    if len(text) <= _ALWAYS_FITS and text.isdecimal() and text.isascii():
        return int(text)
    if not _INTEGER.fullmatch(text):
        raise _Unreadable(f"strconv.ParseInt: parsing {_quoted(text)}: invalid syntax")
    digits = text.lstrip("+-").lstrip("0")
    number = int(f"{text[0] if text[0] == '-' else ''}{digits or 0}") if len(digits) <= _LONGEST else largest + 1
    if not -largest - 1 <= number <= largest:
        raise _Unreadable(f"strconv.ParseInt: parsing {_quoted(text)}: value out of range")
    return number


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
