"""The bounds of a LIKE: everything that begins as the pattern does is between them, and nothing before or after the prefix."""

from collections.abc import Iterator

from hypothesis import given
from hypothesis import strategies as st

from modelyard.search.fields import fields
from modelyard.search.lower import Lowered, lower
from modelyard.search.tree import And, Compare, Expr, Field, In, Like, Not, Operator, Or, Property
from modelyard.store.statements import Flavour

FIELDS = fields(text=("name",), integer=("id",), text_list=("tasks",), link=("parent_id",))
TEXTS = st.text("ab\ud7ff\ue000\U0010fffe\U0010ffff", max_size=4)


def lowered(expr: Expr) -> Lowered:
    return lower(expr, FIELDS, Flavour.POSTGRESQL)


def literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


@given(prefix=TEXTS, other=TEXTS, rest=st.sampled_from(["%", "%x", "_"]))
def test_a_prefix_is_between_its_bounds(prefix: str, other: str, rest: str) -> None:
    found = lowered(Like(Field("name"), literal(prefix) + rest))
    _, _, _, _, bounded = found.shape
    assert bounded == bool(prefix.strip("\U0010ffff"))
    if bounded:
        _, low, below = found.values
        assert isinstance(low, str)
        assert isinstance(below, str)
        assert (low <= other < below) >= other.startswith(prefix)
        assert low <= prefix + other < below


def test_shapes_hold_no_literal_and_say_where_it_is() -> None:
    one = lowered(And((Compare(Property("n"), Operator.GT, 1.5), Compare(Field("name"), Operator.EQ, "x"))))
    assert one.shape == ("and", ("number", 1, (2,), Operator.GT, 0), ("compare", 2, "name", Operator.EQ))
    assert one.values == ("n", 1.5, "x")
    other = lowered(And((Compare(Property("m"), Operator.GT, 9.5), Compare(Field("name"), Operator.EQ, "y"))))
    assert other.shape == one.shape


def test_terms_of_one_kind_are_joined() -> None:
    name, number = Compare(Field("name"), Operator.EQ, "x"), Compare(Field("id"), Operator.GT, 1)
    assert [*kinds(And((name, And((number, name)))))] == ["and", "compare", "compare", "compare"]
    assert [*kinds(Or((And((name, number)), Or((name,)))))] == ["or", "and", "compare"]
    assert [*kinds(Not(And((name, number))))] == ["not", "and"]


def kinds(expr: Expr) -> Iterator[str]:
    shape = lowered(expr).shape
    yield shape[0]
    yield from (part[0] for part in shape[1:])


def test_lists_of_any_length_make_few_shapes() -> None:
    shapes = {lowered(In(Property("s"), tuple(f"t{number}" for number in range(length)))).shape for length in range(1, 129)}
    assert len(shapes) == 8
    assert lowered(In(Property("s"), ("a", "b", "c"))).values == ("s", "a", "b", "c", "c")
