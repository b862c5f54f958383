"""LIKE patterns: read once, then matched in memory or written out for a database.

A pattern is a tuple of literal text and wildcards, and counts code points: `_` is one of them, whatever it looks like. Databases
differ in their default escape character, so the SQL texts here are always rebuilt from the parts and never passed on as given.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from enum import Enum

from modelyard.errors import Invalid

MAX_LENGTH = 8_192
"""Characters. As GLOB text a pattern may grow threefold, and SQLite refuses one of more than 50,000 bytes."""


class Wild(Enum):
    ONE = "_"
    """Any one character."""
    RUN = "%"
    """Any number of characters, none included."""


Token = str | Wild
"""A piece of literal text, never empty, or a wildcard."""

_PIECES = re.compile(r"\\?.", re.DOTALL)
_WILD = {wild.value: wild for wild in Wild}


_ODD = re.compile("[\u0130\u03a3\u212a]")
"""Capital I with a dot, capital sigma, the Kelvin sign."""


def fold(text: str) -> str:
    """The text without regard to case: one character for one, the same on every database.

    A character becomes its lower case form if that is a single character, and not an ASCII one unless it was ASCII before. So the
    length never changes (`İ` stays), ASCII folds as SQL's LOWER does anywhere, no sign becomes a letter (the Kelvin sign stays
    itself), and nothing depends on its neighbours (a capital sigma at the end of a word folds as anywhere; `ß` is not `ss`). Folding
    twice changes nothing, and no wildcard or backslash comes or goes.
    """
    # Only these fold otherwise than `str.lower` has it, by length, by target or by their neighbours; all at once is far faster.
    return "".join(map(_fold_character, text)) if _ODD.search(text) else text.lower()


def _fold_character(character: str) -> str:
    lower = character.lower()
    return lower if len(lower) == 1 and (character.isascii() or not lower.isascii()) else character


def parse(pattern: str) -> tuple[Token, ...]:
    """The pattern's parts: no two literals and no two RUNs in a row. A lone backslash at the end stands for itself.

    Raises `Invalid` beyond `MAX_LENGTH`.
    """
    if len(pattern) > MAX_LENGTH:
        raise Invalid(f"a LIKE pattern has {len(pattern)} characters: use at most {MAX_LENGTH}")
    return _merged(_tokens(pattern))


def _tokens(pattern: str) -> Iterator[Token]:
    for piece in _PIECES.findall(pattern):
        yield _WILD.get(piece) or piece[-1]


def _merged(parts: Iterable[Token]) -> tuple[Token, ...]:
    tokens: list[Token] = []
    for token in parts:
        last = tokens[-1] if tokens else None
        if isinstance(token, str) and isinstance(last, str):
            tokens[-1] = last + token
        elif token is not Wild.RUN or last is not Wild.RUN:
            tokens.append(token)
    return tuple(tokens)


def ascii_superset(tokens: tuple[Token, ...]) -> tuple[tuple[Token, ...], bool]:
    """The folded pattern for texts whose ASCII is in lower case, where nothing is known of how their other characters were folded.

    It matches whatever the pattern matches with folded case, and the flag says that it matches nothing else. As wide as that is
    because a database folds beyond ASCII by rules of its own, or not at all; only that it keeps their number is relied on.
    """
    characters = [character for token in tokens for character in (token if isinstance(token, str) else (token,))]
    wide = [_ascii_or_one(character) for character in characters]
    return _merged(wide), all(isinstance(token, Wild) or token.isascii() for token in characters)


def _ascii_or_one(token: Token) -> Token:
    return (token.lower() if token.isascii() else Wild.ONE) if isinstance(token, str) else token


def matcher(pattern: str, *, fold_case: bool = False) -> Callable[[str], bool]:
    """A test of whole texts against the pattern. It takes at most time proportional to text times pattern, whatever they are.

    Between two RUNs everything has a fixed length, so its leftmost place is as good as any: nothing is ever tried again.
    """
    head, *middle = _segments(parse(fold(pattern) if fold_case else pattern))
    if not middle:
        whole = _regex(head)
        return lambda text: whole.fullmatch(fold(text) if fold_case else text) is not None
    tail = middle.pop()
    tail_length = sum(len(token) if isinstance(token, str) else 1 for token in tail)
    first, between, last = _regex(head), [_regex(segment) for segment in middle], _regex(tail)

    def matches(text: str) -> bool:
        text = fold(text) if fold_case else text
        found = first.match(text)
        for segment in between:
            if found is None:
                return False
            found = segment.search(text, found.end())
        at = len(text) - tail_length
        return found is not None and at >= found.end() and last.match(text, at) is not None

    return matches


def _segments(tokens: tuple[Token, ...]) -> list[list[Token]]:
    segments: list[list[Token]] = [[]]
    for token in tokens:
        if token is Wild.RUN:
            segments.append([])
        else:
            segments[-1].append(token)
    return segments


def _regex(tokens: list[Token]) -> re.Pattern[str]:
    return re.compile("".join(re.escape(token) if isinstance(token, str) else "." for token in tokens), re.DOTALL)


def to_like(tokens: tuple[Token, ...], escape: str = "|") -> str:
    """The pattern as text for SQL's `LIKE … ESCAPE '<escape>'`; any one character but a wildcard will do to escape with."""
    special = re.compile(f"[%_{re.escape(escape)}]")
    return "".join(special.sub(lambda found: escape + found[0], token) if isinstance(token, str) else token.value for token in tokens)


_GLOB_SPECIAL = re.compile(r"[*?\[]")
_GLOB_WILD = {Wild.ONE: "?", Wild.RUN: "*"}


def to_glob(tokens: tuple[Token, ...]) -> str:
    """The pattern as text for SQLite's GLOB, which compares case exactly where its LIKE does not."""
    return "".join(_GLOB_SPECIAL.sub(r"[\g<0>]", token) if isinstance(token, str) else _GLOB_WILD[token] for token in tokens)
