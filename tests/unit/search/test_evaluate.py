import re
from collections.abc import Mapping
from enum import Enum, StrEnum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelyard.errors import Invalid
from modelyard.records.properties import ProtoValue, StructValue
from modelyard.search.evaluate import FieldValue, Properties, check, comparable_types, matches
from modelyard.search.fields import fields
from modelyard.search.tree import And, Compare, Exists, Expr, Field, In, Like, Not, Operator, Or, Property, PropertyType, Scalar

EQ, NE, LT, LE, GT, GE = Operator
TEXT, INTEGER, FLOAT, BOOLEAN = PropertyType
FIELDS = fields(text=["name", "state", "owner"], integer=["id"], number=["value"], text_list=["tasks"], link=["run_id"])


class State(StrEnum):
    LIVE = "LIVE"


class Grade(Enum):
    GOOD = "good"


def holds(expr: Expr, properties: Properties | None = None, **record: FieldValue) -> bool:
    return matches(expr, record.get, properties or {}, FIELDS)


def prop(operator: Operator, literal: Scalar, stored: object, type_: PropertyType | None = None) -> bool:
    return holds(Compare(Property("k", type_), operator, literal), {"k": stored})


class TestProperties:
    @pytest.mark.parametrize(
        ("stored", "literal", "equal"),
        [
            # an integer finds integers and floats, a float only floats
            (5, 5, True),
            (5.0, 5, True),
            (5, 5.0, False),
            (5.0, 5.0, True),
            # text finds text, true and false find booleans, and no boolean is a number
            ("5", 5, False),
            (5, "5", False),
            ("5", "5", True),
            (True, True, True),
            (True, 1, False),
            (1, True, False),
            (1.0, True, False),
            # exact, where a database that compares floats would see no difference
            (2**53 + 1, 2**53, False),
            (float(2**53), 2**53 + 1, False),
            # text is compared as it stands
            ("onnx ", "onnx", False),
            ("É", "E\N{COMBINING ACUTE ACCENT}", False),
            (StructValue("e30="), "e30=", False),
            (ProtoValue("type", "AA=="), "AA==", False),
        ],
    )
    def test_a_property_matches_by_the_literals_type(self, stored: object, literal: Scalar, equal: bool) -> None:  # noqa: FBT001 - pytest fills it from the table; nobody calls it with a bare True
        assert prop(EQ, literal, stored) is equal
        assert holds(In(Property("k"), ("other", 77, literal)), {"k": stored}) is equal

    def test_not_equal_also_needs_a_value_of_the_type(self) -> None:
        assert prop(NE, 5, 6)
        assert not prop(NE, 5, "six")
        assert not prop(NE, "x", StructValue("e30="))
        assert not holds(Compare(Property("k"), NE, 5), {})

    @pytest.mark.parametrize(("operator", "found"), [(LT, {1}), (LE, {1, 2}), (GT, {3}), (GE, {2, 3}), (EQ, {2}), (NE, {1, 3})])
    def test_operators(self, operator: Operator, found: set[int]) -> None:
        assert {stored for stored in (1, 2, 3) if prop(operator, 2, stored)} == found

    def test_text_is_ordered_by_code_point(self) -> None:
        assert sorted(["z", "É", "a", "Z", "😀", "\uffff"]) == ["Z", "a", "z", "É", "\uffff", "😀"]
        assert prop(LT, "a", "Z")
        assert prop(GT, "\uffff", "😀")

    def test_false_is_less_than_true(self) -> None:
        assert prop(LT, literal=True, stored=False)
        assert not prop(LT, literal=True, stored=True)

    @pytest.mark.parametrize(
        ("type_", "literal", "found"),
        [
            (INTEGER, 5, [5]),
            (INTEGER, 5.0, [5]),
            (FLOAT, 5, [5.0]),
            (FLOAT, 5.0, [5.0]),
            (TEXT, "5", ["5"]),
            (BOOLEAN, True, [True]),
            (TEXT, 5, []),
            (INTEGER, "5", []),
            (BOOLEAN, 1, []),
            (INTEGER, True, []),
        ],
    )
    def test_a_type_insisted_on_is_the_only_one(self, type_: PropertyType, literal: Scalar, found: list[object]) -> None:
        stored = [5, 5.0, "5", True]
        assert [value for value in stored if prop(EQ, literal, value, type_)] == found
        assert [type(value) for value in stored if holds(In(Property("k", type_), (literal,)), {"k": value})] == [type(v) for v in found]

    def test_comparable_types_are_those_that_match(self) -> None:
        examples: dict[PropertyType, Scalar] = {INTEGER: 5, FLOAT: 5.0, TEXT: "5", BOOLEAN: True}
        for wanted in (None, *PropertyType):
            for literal in examples.values():
                found = {type_ for type_, stored in examples.items() if prop(EQ, literal, stored, wanted)}
                assert found == comparable_types(wanted, literal)

    def test_in_nothing_finds_nothing(self) -> None:
        assert not holds(In(Property("k"), ()), {"k": 1})

    def test_like_finds_text_only(self) -> None:
        assert holds(Like(Property("k"), "o%x"), {"k": "onnx"})
        assert not holds(Like(Property("k"), "O%"), {"k": "onnx"})
        assert holds(Like(Property("k"), "O%", fold=True), {"k": "onnx"})
        assert not holds(Like(Property("k"), "%"), {"k": 5})
        assert not holds(Like(Property("k", INTEGER), "%"), {"k": "onnx"})
        assert not holds(Like(Property("k"), "%"), {})

    def test_exists(self) -> None:
        assert holds(Exists(Property("k")), {"k": ""})
        assert holds(Exists(Property("k")), {"k": StructValue("e30=")})
        assert not holds(Exists(Property("k")), {"K": 1})
        assert holds(Exists(Property("k", INTEGER)), {"k": 1})
        assert not holds(Exists(Property("k", INTEGER)), {"k": True})
        assert not holds(Exists(Property("k", TEXT)), {"k": StructValue("e30=")})


class TestFields:
    def test_a_field_that_the_record_has_not_never_matches(self) -> None:
        for operator in Operator:
            assert not holds(Compare(Field("owner"), operator, "ann"))
        assert not holds(In(Field("owner"), ("ann",)))
        assert not holds(Like(Field("owner"), "%"))
        assert not holds(Exists(Field("owner")))
        assert holds(Not(Exists(Field("owner"))))
        assert holds(Exists(Field("owner")), owner="")

    def test_an_enum_is_its_text(self) -> None:
        assert holds(Compare(Field("state"), EQ, "LIVE"), state=State.LIVE)
        assert holds(In(Field("state"), ("ARCHIVED", "LIVE")), state=State.LIVE)
        assert holds(Like(Field("state"), "g%"), state=Grade.GOOD)
        assert holds(Compare(Field("state"), LT, "h"), state=Grade.GOOD)

    def test_numbers_may_be_quoted(self) -> None:
        assert holds(Compare(Field("id"), EQ, "7"), id=7)
        assert holds(In(Field("id"), ("7", 8)), id=7)
        assert not holds(Compare(Field("id"), EQ, 7.5), id=7)
        assert holds(Compare(Field("value"), GT, "0.5"), value=0.75)

    def test_a_list_matches_when_any_element_does(self) -> None:
        tasks = ["classify", "rank"]
        assert holds(Compare(Field("tasks"), EQ, "rank"), tasks=tasks)
        assert holds(Compare(Field("tasks"), NE, "rank"), tasks=tasks)
        assert not holds(Compare(Field("tasks"), NE, "rank"), tasks=["rank"])
        assert holds(Like(Field("tasks"), "cl%"), tasks=tasks)
        assert holds(In(Field("tasks"), ("rank", "x")), tasks=tasks)
        assert holds(Exists(Field("tasks")), tasks=tasks)
        assert not holds(Exists(Field("tasks")), tasks=[])
        assert not holds(Compare(Field("tasks"), NE, "rank"), tasks=None)

    def test_a_link_equals_or_not(self) -> None:
        assert holds(Compare(Field("run_id"), EQ, 3), run_id=3)
        assert holds(Compare(Field("run_id"), EQ, 3), run_id={2, 3})
        assert holds(In(Field("run_id"), (1, 2)), run_id={2, 3})
        assert not holds(Compare(Field("run_id"), EQ, 3), run_id=None)

    def test_a_type_that_the_field_has_not_never_matches(self) -> None:
        assert not holds(Compare(Field("name", INTEGER), EQ, 5), name="5")
        assert not holds(In(Field("name", INTEGER), (5,)), name="5")
        assert not holds(Like(Field("name", FLOAT), "%"), name="5")
        assert not holds(Compare(Field("id", BOOLEAN), EQ, value=True), id=1)
        assert holds(Compare(Field("name", TEXT), EQ, "5"), name="5")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (Compare(Field("name"), EQ, 5), "name is 5: type mismatch"),
        (Compare(Field("tasks"), EQ, value=True), "tasks is True: type mismatch"),
        (Compare(Field("id"), LT, "soon"), "id is 'soon': type mismatch"),
        (Compare(Field("id"), EQ, value=True), "id is True: type mismatch"),
        (In(Field("id"), (1, "2", "three")), "id is 'three': type mismatch"),
        (Like(Field("id"), "1%"), "id LIKE '1%': type mismatch"),
        (Like(Field("value", TEXT), "1%"), "value LIKE '1%': type mismatch"),
        (Compare(Field("run_id"), GT, 3), "run_id >: the id of another record"),
        (Exists(Field("run_id")), "run_id IS NULL: the id of another record"),
        (Exists(Field("nope")), "'nope': use one of id, name, owner, run_id, state, tasks, value"),
    ],
)
def test_a_wrong_filter_is_invalid_whatever_the_records_hold(wrong: Expr, message: str) -> None:
    for expr in (wrong, Not(wrong), Or((Exists(Property("k")), wrong)), And((In(Property("k"), ()), Not(wrong)))):
        with pytest.raises(Invalid, match=re.escape(message)):
            check(expr, FIELDS)


def test_a_right_filter_passes_the_check() -> None:
    check(And((Compare(Field("id"), EQ, "7"), Like(Field("name"), "%"), Compare(Property("nope"), EQ, 1))), FIELDS)


# ------------------------------------------------------------------------------------------------------------------------- laws
KEYS = st.sampled_from(["a", "b"])
SCALARS = st.one_of(st.sampled_from([0, 1, 1.0, 0.5, "", "x", "xy", True, False]), st.integers(-2, 2))
STORED = st.one_of(SCALARS, st.just(StructValue("e30=")))
SUBJECTS = st.builds(Property, KEYS, st.one_of(st.none(), st.sampled_from(PropertyType)))
CONDITIONS: st.SearchStrategy[Expr] = st.one_of(
    st.builds(Compare, SUBJECTS, st.sampled_from(Operator), SCALARS),
    st.builds(In, SUBJECTS, st.lists(SCALARS, max_size=3).map(tuple)),
    st.builds(Like, SUBJECTS, st.text("x%_", max_size=3), st.booleans()),
    st.builds(Exists, SUBJECTS),
    st.builds(Compare, st.just(Field("name")), st.sampled_from(Operator), st.text("xy", max_size=2)),
)


def _wider(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(st.builds(And, several), st.builds(Or, several), st.builds(Not, inner))


EXPRS = st.recursive(CONDITIONS, _wider, max_leaves=4)
RECORDS = st.tuples(st.dictionaries(KEYS, STORED), st.one_of(st.none(), st.text("xy", max_size=2)))
Record = tuple[Mapping[str, object], str | None]


def found(expr: Expr, record: Record) -> bool:
    properties, name = record
    return holds(expr, properties, name=name)


@given(EXPRS, EXPRS, RECORDS)
@settings(max_examples=60)
def test_not_is_the_complement_also_of_and_and_or(one: Expr, other: Expr, record: Record) -> None:
    assert found(Not(one), record) is not found(one, record)
    assert found(Not(And((one, other))), record) is found(Or((Not(one), Not(other))), record)
    assert found(Not(Or((one, other))), record) is found(And((Not(one), Not(other))), record)


@given(SUBJECTS, SCALARS, SCALARS, RECORDS)
def test_in_is_equality_with_any(subject: Property, one: Scalar, other: Scalar, record: Record) -> None:
    either = Or((Compare(subject, EQ, one), Compare(subject, EQ, other)))
    assert found(In(subject, (one, other)), record) is found(either, record)


@given(SUBJECTS, SCALARS, RECORDS)
def test_less_equal_and_greater_are_apart_and_are_all(subject: Property, literal: Scalar, record: Record) -> None:
    less, equal, greater = (found(Compare(subject, operator, literal), record) for operator in (LT, EQ, GT))
    assert less + equal + greater <= 1
    assert found(Compare(subject, NE, literal), record) is (less or greater)
    assert found(Compare(subject, LE, literal), record) is (less or equal)
    assert found(Compare(subject, GE, literal), record) is (greater or equal)
