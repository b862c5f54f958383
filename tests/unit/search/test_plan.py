"""Which rows are looked at, by what the counts say."""

import pytest

from modelyard.search.plan import MANY, Index, candidates, certain, countable, is_parent, on_row, stream
from modelyard.search.shape import FALSE, TRUE, Shape
from modelyard.search.tree import Operator

EQ, GT = Operator.EQ, Operator.GT
INDEXES = (
    Index(columns=("id",), scoped=False, unique=True),
    Index(columns=("created_at", "id"), scoped=True, unique=False),
    Index(columns=("model_id", "id"), scoped=False, unique=False),
    Index(columns=("model_id", "name"), scoped=True, unique=True),
    Index(columns=("external_id",), scoped=True, unique=True),
)
ACCURACY: Shape = ("number", 1, (1, 2), GT, 0)
BELOW: Shape = ("number", 10, (1, 2), Operator.LE, 0)
ELSE_BELOW: Shape = ("number", 10, (1, 2), Operator.LE, 9)
SINCE: Shape = ("compare", 11, "created_at", GT)
UNTIL: Shape = ("compare", 12, "created_at", Operator.LT)
FRAMEWORK: Shape = ("text", 2, False, EQ)
CHILD: Shape = ("compare", 4, "model_id", EQ)
NAMED: Shape = ("compare", 5, "name", EQ)
OWNER: Shape = ("compare", 6, "owner", EQ)
PREFIX: Shape = ("text like", 7, 8, False, "", True)
INFIX: Shape = ("text like", 7, 8, False, "", False)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        (("and", ACCURACY, OWNER, FRAMEWORK), (ACCURACY, FRAMEWORK)),
        (("or", ACCURACY, ("and", FRAMEWORK, OWNER)), (ACCURACY, FRAMEWORK)),
        (("and", ("not", ACCURACY), PREFIX, INFIX), (PREFIX,)),
        (("and", CHILD, NAMED), (("and", CHILD, NAMED), CHILD)),
        (("and", BELOW, ACCURACY), (("and", ACCURACY, BELOW), BELOW, ACCURACY)),
        (("and", ACCURACY, ELSE_BELOW), (ACCURACY, ELSE_BELOW)),
        (("and", SINCE, OWNER, UNTIL), (("and", SINCE, UNTIL), SINCE, UNTIL)),
        (("or", BELOW, ACCURACY), (BELOW, ACCURACY)),
        (("text", 0, False, Operator.NE), ()),
        (OWNER, ()),
    ],
)
def test_conditions_that_an_index_names_are_counted(shape: Shape, expected: tuple[Shape, ...]) -> None:
    assert countable(shape, INDEXES) == expected


def test_unique_columns_need_no_counting() -> None:
    external, both = ("compare", 0, "external_id", EQ), ("and", CHILD, NAMED)
    ids, greater = ("among", 0, "id", 8), ("compare", 0, "id", GT)
    assert certain([external, both, ids, greater, CHILD], INDEXES) == {external: 1, both: 1, ids: 8}


def test_an_and_is_as_small_as_its_smallest_term() -> None:
    found = candidates(("and", ACCURACY, OWNER, FRAMEWORK), {ACCURACY: 500, FRAMEWORK: 40})
    assert found is not None
    assert (found.sources, found.size, found.held) == ((FRAMEWORK,), 40, frozenset([FRAMEWORK]))


def test_an_or_is_all_of_its_terms_and_held_when_they_are_held() -> None:
    shape = ("or", ACCURACY, FRAMEWORK)
    found = candidates(shape, {ACCURACY: 500, FRAMEWORK: 40})
    assert found is not None
    assert (found.sources, found.size, found.held) == ((ACCURACY, FRAMEWORK), 540, frozenset([shape]))

    half = candidates(("or", ACCURACY, ("and", FRAMEWORK, OWNER)), {ACCURACY: 500, FRAMEWORK: 40})
    assert half is not None
    assert (half.size, half.held) == (540, frozenset())


@pytest.mark.parametrize(
    ("shape", "counts"),
    [
        (("or", ACCURACY, OWNER), {ACCURACY: 1}),
        (("or", ACCURACY, FRAMEWORK), {ACCURACY: MANY, FRAMEWORK: 1}),
        (("and", ACCURACY, FRAMEWORK), {ACCURACY: MANY + 1, FRAMEWORK: MANY + 1}),
        (("not", ACCURACY), {ACCURACY: 1}),
        (("and",), {}),
        (OWNER, {}),
    ],
)
def test_otherwise_rows_are_walked(shape: Shape, counts: dict[Shape, int]) -> None:
    assert candidates(shape, counts) is None


def test_what_is_never_true_has_no_candidates_at_all() -> None:
    for shape in (FALSE, ("or",), ("and", ACCURACY, FALSE)):
        found = candidates(shape, {ACCURACY: MANY})
        assert found is not None
        assert found.sources == ()


def test_two_bounds_of_one_value_name_rows_together() -> None:
    found = candidates(("and", ACCURACY, BELOW), {ACCURACY: MANY + 1, BELOW: MANY + 1, ("and", ACCURACY, BELOW): 3})
    assert found is not None
    assert found.size == 3
    assert on_row(("and", ACCURACY, BELOW), found.held, by_index=True) == (TRUE, True)


def test_equalities_of_one_index_name_rows_together() -> None:
    together = ("and", CHILD, NAMED)
    found = candidates(("and", CHILD, OWNER, NAMED), {CHILD: MANY + 1, together: 1})
    assert found is not None
    assert (found.sources, found.held) == ((together,), frozenset([CHILD, NAMED]))


def test_a_walk_follows_an_index_that_has_ids_in_order() -> None:
    link: Shape = ("link", 0, "parent_id", EQ)
    assert stream(("and", FRAMEWORK, CHILD), INDEXES) == (CHILD,)
    assert stream(("and", FRAMEWORK, link), INDEXES) == (link,)
    assert stream(("and", OWNER, FRAMEWORK), INDEXES) == (FRAMEWORK,)
    assert stream(("and", OWNER, ACCURACY), INDEXES) == ()
    assert stream(("or", CHILD, FRAMEWORK), INDEXES) == ()


def test_of_candidates_the_database_tests_columns_and_single_entries() -> None:
    shape = ("and", ACCURACY, FRAMEWORK, OWNER)
    assert on_row(shape, frozenset([ACCURACY]), by_index=True) == (("and", FRAMEWORK, OWNER), True)
    assert on_row(shape, frozenset([FRAMEWORK]), by_index=True) == (OWNER, False)
    assert on_row(shape, frozenset(), by_index=False) == (OWNER, False)
    assert on_row(ACCURACY, frozenset([ACCURACY]), by_index=True) == (TRUE, True)


def test_what_is_left_out_makes_the_test_wider_never_narrower() -> None:
    assert on_row(("not", ACCURACY), frozenset(), by_index=True) == (TRUE, False)
    assert on_row(("not", ("or", ACCURACY, OWNER)), frozenset(), by_index=True) == (("not", OWNER), False)
    assert on_row(("or", ACCURACY, OWNER), frozenset(), by_index=True) == (TRUE, False)


def test_children_of_one_parent() -> None:
    assert is_parent(CHILD, INDEXES)
    assert not is_parent(("and", CHILD, NAMED), INDEXES)
    assert not is_parent(("compare", 0, "created_at", EQ), INDEXES)
