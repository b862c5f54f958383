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
    """`raw` is the text as written, `value` what it stands for: an int or float for a number, otherwise unescaped text."""

    kind: Kind
    raw: str
    value: str | int | float
    offset: int


_TOKEN = re.compile(
    r"""
      (?P<skip>   \s+ | --[^\n]* )
    | (?P<float>  [-+]? (?: \d*\.\d+ (?:[eE][-+]?\d+)? | \d+[eE][-+]?\d+ ) )
    | (?P<int>    [-+]? \d+ )
    | (?P<text>   ' [^'\\]* (?: \\. [^'\\]* )* ' | " [^"\\]* (?: \\. [^"\\]* )* " )
    | (?P<name>   ` [^`\\]* (?: \\. [^`\\]* )* ` )
    | (?P<word>   [A-Za-z_][A-Za-z0-9_]* )
    | (?P<symbol> <> | != | >= | <= | [=<>(),.] )
    """,
    re.ASCII | re.DOTALL | re.VERBOSE,
)
_TEXT_ESCAPE = re.compile(r"\\(['\"\\])")
_NAME_ESCAPE = re.compile(r"\\([.`\\])")


def tokens(text: str) -> list[Token]:
    """All tokens, with one of kind END after the last. Raises `Invalid`."""
    if len(text) > MAX_LENGTH:
        raise Invalid(f"invalid filter query syntax: the filter has {len(text)} characters: use at most {MAX_LENGTH}")
    found: list[Token] = []
    offset = 0
    while offset < len(text):
        match = _TOKEN.match(text, offset)
        if match is None:
            rest = text[offset : offset + _SHOWN] + ("..." if len(text) - offset > _SHOWN else "")
            syntax_error(text, offset, f'lexer: invalid input text "{rest}"')
        if match.lastgroup != "skip":
            found.append(_token(text, match))
        offset = match.end()
    return [*found, Token(Kind.END, "<EOF>", "", len(text))]


def syntax_error(text: str, offset: int, problem: str) -> NoReturn:
    """Raise `Invalid` with the place in line and column, both from 1, counted in characters."""
    line, column = text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
    raise Invalid(f"invalid filter query syntax: error parsing filter query: {line}:{column}: {problem}", field="filterQuery")


def _token(text: str, match: re.Match[str]) -> Token:
    raw, offset = match[0], match.start()
    match match.lastgroup:
        case "int":
            return Token(Kind.NUMBER, raw, _integer(text, raw, offset), offset)
        case "float":
            return Token(Kind.NUMBER, raw, _float(text, raw, offset), offset)
        case "text":
            return Token(Kind.TEXT, raw, _TEXT_ESCAPE.sub(r"\1", raw[1:-1]), offset)
        case "name":
            return Token(Kind.NAME, raw, _NAME_ESCAPE.sub(r"\1", raw[1:-1]), offset)
        case "word":
            return Token(Kind.WORD, raw, raw, offset)
        case _:
            return Token(Kind.SYMBOL, raw, raw, offset)


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
