"""Functions written out for a type."""

from modelyard.records.written import Argument, written


def test_each_argument_comes_from_its_source_and_is_changed_unless_it_is_none() -> None:
    made = written("a, b, c", lambda *values: values, [Argument("c", str), Argument("a"), Argument("b", str)])

    assert made((1, None, 3)) == ("3", 1, None)


def test_what_is_never_none_is_not_asked() -> None:
    made = written("row", lambda *values: values, [Argument("row[0]", str, optional=False)])

    assert made((None,)) == ("None",)
