import sqlite3
import sys
import time
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelyard.errors import Invalid
from modelyard.search.like import MAX_LENGTH, Token, Wild, ascii_superset, fold, matcher, parse, to_glob, to_like

ONE, RUN = Wild.ONE, Wild.RUN

# few characters, so that patterns often match; all that some database or this module treats in its own way
CHARACTERS = "aAbé%_\\|*?[]^-\n .Σσςİ\N{KELVIN SIGN}ß😀"
PATTERNS = st.text(CHARACTERS, max_size=8)
TEXTS = st.text(CHARACTERS, max_size=8)
# half of the texts are made from the pattern, or nearly none would match
PAIRS = st.one_of(
    st.tuples(PATTERNS, TEXTS),
    PATTERNS.flatmap(lambda pattern: st.tuples(st.just(pattern), st.tuples(*[_filling(token) for token in parse(pattern)]).map("".join))),
)


def _filling(token: Token) -> st.SearchStrategy[str]:
    if token is RUN:
        return st.text(CHARACTERS, max_size=3)
    return st.sampled_from(CHARACTERS) if token is ONE else st.just(str(token))


def _slowly_matches(tokens: tuple[Token, ...], text: str) -> bool:
    """The definition of LIKE, one character at a time."""
    if not tokens:
        return text == ""
    first, rest = tokens[0], tokens[1:]
    if first is RUN:
        return any(_slowly_matches(rest, text[start:]) for start in range(len(text) + 1))
    if first is ONE:
        return text != "" and _slowly_matches(rest, text[1:])
    return text.startswith(str(first)) and _slowly_matches(rest, text[len(str(first)) :])


@pytest.mark.parametrize(
    ("pattern", "tokens"),
    [
        ("", ()),
        ("abc", ("abc",)),
        ("a%b_", ("a", RUN, "b", ONE)),
        ("%%%", (RUN,)),
        (r"100\%", ("100%",)),
        (r"\_\a\\", ("_a\\",)),
        ("tail\\", ("tail\\",)),
        ("\\", ("\\",)),
        ("\\\n%", ("\n", RUN)),
    ],
)
def test_a_pattern_is_literal_text_and_wildcards(pattern: str, tokens: tuple[Token, ...]) -> None:
    assert parse(pattern) == tokens


def test_a_pattern_longer_than_databases_take_is_refused() -> None:
    assert parse("x" * MAX_LENGTH) == ("x" * MAX_LENGTH,)
    with pytest.raises(Invalid, match="use at most 8192"):
        parse("x" * (MAX_LENGTH + 1))


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("onnx", "onnx", True),
        ("onnx", "onnx ", False),
        ("on%", "onnx", True),
        ("%nn%", "onnx", True),
        ("on%nx", "onx", False),  # the two ends do not overlap
        ("_", "😀", True),  # one code point
        ("_", "e\N{COMBINING ACUTE ACCENT}", False),  # two of them
        ("a%", "a\nb", True),
        ("ON%", "onnx", False),
        ("", "", True),
        ("%", "", True),
        (".*", "abc", False),
    ],
)
def test_like_examples(pattern: str, text: str, expected: bool) -> None:  # noqa: FBT001 - pytest fills it from the table; nobody calls it with a bare True
    assert matcher(pattern)(text) is expected


@given(PAIRS)
def test_like_is_what_its_definition_says(pair: tuple[str, str]) -> None:
    pattern, text = pair
    assert matcher(pattern)(text) is _slowly_matches(parse(pattern), text)


@given(PAIRS)
def test_folded_like_compares_folded_texts(pair: tuple[str, str]) -> None:
    pattern, text = pair
    assert matcher(pattern, fold_case=True)(text) is _slowly_matches(parse(fold(pattern)), fold(text))


@pytest.fixture(scope="module")
def sqlite() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.execute("PRAGMA case_sensitive_like = ON")
    yield connection
    connection.close()


@given(PAIRS)
def test_sqlite_agrees_in_both_renderings(sqlite: sqlite3.Connection, pair: tuple[str, str]) -> None:
    pattern, text = pair
    tokens = parse(pattern)
    row = sqlite.execute("SELECT ? GLOB ?, ? LIKE ? ESCAPE '|'", (text, to_glob(tokens), text, to_like(tokens))).fetchone()
    assert row == (matcher(pattern)(text),) * 2


@given(PAIRS, st.booleans())
def test_the_ascii_superset_loses_nothing_and_says_when_it_is_exact(pair: tuple[str, str], unicode_lower: bool) -> None:  # noqa: FBT001 - hypothesis draws it; nobody calls it with a bare True
    """Whether the database lowers ASCII alone or every letter that has one lower case letter."""
    pattern, text = pair
    tokens, exact = ascii_superset(parse(pattern))
    lowered = fold(text) if unicode_lower else "".join(character.lower() if character.isascii() else character for character in text)
    selected, wanted = _slowly_matches(tokens, lowered), matcher(pattern, fold_case=True)(text)
    assert selected or not wanted
    assert selected == wanted or not exact


def test_rendering_escapes_what_is_special_there() -> None:
    tokens = parse(r"a%\%_\_|*?[]")
    assert to_like(tokens) == "a%|%_|_||*?[]"
    assert to_like(tokens, escape="!") == "a%!%_!_|*?[]"
    assert to_glob(tokens) == "a*%?_|[*][?][[]]"


def test_no_pattern_takes_long() -> None:
    text = "a" * 20_000
    started = time.perf_counter()
    for pattern in ("%a" * 200 + "%b", "%a_" * 200 + "b%", "%" + "_" * 500 + "b%", "%aab%" * 20):
        assert matcher(pattern)(text) is False
    assert time.perf_counter() - started < 2


def test_fold_examples() -> None:
    assert fold("ÀÉ Straße ONNX") == "àé straße onnx"
    assert fold("İ") == "İ"  # its lower case is two characters
    assert fold("\N{KELVIN SIGN}") == "\N{KELVIN SIGN}"  # its lower case is the letter k
    assert fold("ΟΔΟΣ") == "οδοσ"  # str.lower() would put the other sigma at the end


def test_fold_keeps_length_and_wildcards_and_is_done_after_once() -> None:
    has_lower_case = [character for character in map(chr, range(sys.maxunicode + 1)) if character.lower() != character]
    for character in has_lower_case:
        folded = fold(character)
        assert len(folded) == 1
        assert fold(folded) == folded
        assert character.isascii() == folded.isascii()
        assert folded not in "%_\\"


@given(st.text())
@settings(max_examples=50)
def test_fold_goes_character_by_character(text: str) -> None:
    assert fold(text) == "".join(fold(character) for character in text)
