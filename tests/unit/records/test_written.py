"""Functions written out for a type."""

from modelyard.records.written import Argument, written, written_row


def test_each_argument_comes_from_its_source_and_is_changed_unless_it_is_none() -> None:
    made = written("a, b, c", lambda *values: values, [Argument("c", str), Argument("a"), Argument("b", str)])

    assert made((1, None, 3)) == ("3", 1, None)


def test_what_is_never_none_is_not_asked() -> None:
    made = written("row", lambda *values: values, [Argument("row[0]", str, optional=False)])

    assert made((None,)) == ("None",)


def test_what_is_none_becomes_what_is_said_for_it_and_is_given_by_its_name() -> None:
    arguments = [Argument("a", str, absent="none", name="x"), Argument("b", absent=0, name="y"), Argument("c", name="z")]
    made = written("a, b, c", lambda **values: values, arguments)

    assert made((None, None, None)) == {"x": "none", "y": 0, "z": None}
    assert made((1, 2, 3)) == {"x": "1", "y": 2, "z": 3}


def test_a_row_is_a_tuple_whatever_its_length() -> None:
    assert written_row("a, b", [Argument("b", str), Argument("a")])((1, 2)) == ("2", 1)
    assert written_row("text", [Argument("text", int)])("7") == (7,)
