r"""A `filterQuery` as tokens.

Words are ASCII; every other name stands in back-ticks, where `\.`, `\\` and ``\` `` are escapes. Text stands in either kind of
quotes, with `\'`, `\"` and `\\` as escapes; any other backslash is itself, so that LIKE's own `\%` needs no doubling. A sign belongs to
the digits it touches. White space and comments (`--` to the end of the line) separate.
"""

import math
import re
from enum import Enum
from typing import NoReturn

import msgspec

from modelyard.errors import Invalid
from modelyard.records.properties import INT64_MAX, INT64_MIN

MAX_LENGTH = 16_384
"""Characters. More would not fit into the 64 KiB of a request's head once most of them are percent-encoded."""
_SHOWN = 16
_INT64_DIGITS = 19


class Kind(Enum):
    WORD = "word"
    NAME = "name"
    """A name in back-ticks."""
    TEXT = "text"
    NUMBER = "number"
    SYMBOL = "symbol"
    END = "end"


class Token(msgspec.Struct, frozen=True):
    """`raw` is the text as written, `value` what it stands for: an int or float for a number, otherwise unescaped text.

    `key` is what a word or symbol is known by, whatever case it was written in; empty for any other token.
    """

    kind: Kind
    raw: str
    value: str | int | float
    offset: int
    key: str = ""


_SKIPPED = r"(?: \s+ | --[^\n]* )*+"
_SKIP = re.compile(_SKIPPED, re.ASCII | re.VERBOSE)
_TOKEN = re.compile(
    _SKIPPED
    + r"""
    (?:
      ( [-+]? (?: \d*\.\d+ (?:[eE][-+]?\d+)? | \d+[eE][-+]?\d+ ) )
    | ( [-+]? \d+ )
    | ( ' [^'\\]* (?: \\. [^'\\]* )* ' | " [^"\\]* (?: \\. [^"\\]* )* " )
    | ( ` [^`\\]* (?: \\. [^`\\]* )* ` )
    | ( [A-Za-z_][A-Za-z0-9_]* )
    | ( <> | != | >= | <= | [=<>(),.] )
    | \Z
    )
    """,
    re.ASCII | re.DOTALL | re.VERBOSE,
)
_FLOAT, _INTEGER, _TEXT, _NAME, _WORD, _SYMBOL = range(1, 7)
"""The groups of `_TOKEN`."""
_TEXT_ESCAPE = re.compile(r"\\(['\"\\])")
_NAME_ESCAPE = re.compile(r"\\([.`\\])")


def tokens(text: str) -> list[Token]:
    """All tokens, with one of kind END after the last. Raises `Invalid`."""
    if len(text) > MAX_LENGTH:
        raise Invalid(f"invalid filter query syntax: the filter has {len(text)} characters: use at most {MAX_LENGTH}")
    found: list[Token] = []
    offset = 0
    while True:
        match = _TOKEN.match(text, offset)
        if match is None:
            _not_a_token(text, offset)
        if match.lastindex is None:
            return [*found, Token(Kind.END, "<EOF>", "", len(text))]
        found.append(_token(text, match, match.lastindex))
        offset = match.end()


def _not_a_token(text: str, offset: int) -> NoReturn:
    skipped = _SKIP.match(text, offset)
    offset = skipped.end() if skipped else offset
    rest = text[offset : offset + _SHOWN] + ("..." if len(text) - offset > _SHOWN else "")
    syntax_error(text, offset, f'lexer: invalid input text "{rest}"')


def syntax_error(text: str, offset: int, problem: str) -> NoReturn:
    """Raise `Invalid` with the place in line and column, both from 1, counted in characters."""
    line, column = text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
    raise Invalid(f"invalid filter query syntax: error parsing filter query: {line}:{column}: {problem}", field="filterQuery")


def _token(text: str, match: re.Match[str], group: int) -> Token:
    raw, offset = match[group], match.start(group)
    if group == _WORD:
        return Token(Kind.WORD, raw, raw, offset, raw.upper())
    if group == _SYMBOL:
        return Token(Kind.SYMBOL, raw, raw, offset, raw)
    if group == _TEXT:
        return Token(Kind.TEXT, raw, _unescaped(_TEXT_ESCAPE, raw), offset)
    if group == _NAME:
        return Token(Kind.NAME, raw, _unescaped(_NAME_ESCAPE, raw), offset)
    value = _integer(text, raw, offset) if group == _INTEGER else _float(text, raw, offset)
    return Token(Kind.NUMBER, raw, value, offset)


def _unescaped(escape: re.Pattern[str], raw: str) -> str:
    return escape.sub(r"\1", raw[1:-1]) if "\\" in raw else raw[1:-1]


def _integer(text: str, raw: str, offset: int) -> int:
    digits = raw.lstrip("+-").lstrip("0") or "0"
    # counted first, because Python refuses to read integers of some thousand digits
    value = int(digits) * (-1 if raw.startswith("-") else 1) if len(digits) <= _INT64_DIGITS else INT64_MAX + 1
    if not INT64_MIN <= value <= INT64_MAX:
        syntax_error(text, offset, f"integer {shortened(raw)} does not fit in 64 bits")
    return value


def _float(text: str, raw: str, offset: int) -> float:
    value = float(raw)
    if math.isinf(value):
        syntax_error(text, offset, f"number {shortened(raw)} is out of range")
    return value


def shortened(raw: str) -> str:
    return raw if len(raw) <= 40 else raw[:37] + "..."
