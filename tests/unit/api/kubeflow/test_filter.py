"""The filter language, topic by topic."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.api.kubeflow.filter import ByLiteral, Names, parse
from modelyard.api.kubeflow.filter.lexer import MAX_LENGTH
from modelyard.api.kubeflow.filter.parser import MAX_CONDITIONS, MAX_DEPTH, MAX_PARENTHESES
from modelyard.errors import Invalid
from modelyard.search.evaluate import matches
from modelyard.search.fields import fields
from modelyard.search.tree import And, Compare, Exists, Expr, Field, In, Like, Not, Operator, Or, Property, PropertyType, Scalar

EQ, NE, LT, LE, GT, GE = Operator
TEXT, INTEGER, FLOAT, BOOLEAN = PropertyType
NAMES: Names = {"id": "id", "name": "name", "externalId": "external_id", "value": ByLiteral("value", "text_value")}


def p(name: str, value: Scalar, operator: Operator = EQ) -> Compare:
    return Compare(Property(name), operator, value)


def tree(text: str) -> Expr | None:
    return parse(text, NAMES)


def table(*rows: tuple[str, Expr]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(("text", "expected"), rows, ids=[text for text, _ in rows])


@pytest.mark.parametrize("text", ["", " ", "\t\r\n", "\N{NO-BREAK SPACE}"])
def test_blank_is_no_filter(text: str) -> None:
    assert tree(text) is None


@table(
    ("n = 5", p("n", 5)),
    ("n != 5", p("n", 5, NE)),
    ("n <> 5", p("n", 5, NE)),
    ("n < 5", p("n", 5, LT)),
    ("n <= 5", p("n", 5, LE)),
    ("n > 5", p("n", 5, GT)),
    ("n>=5", p("n", 5, GE)),
    ("fw LIKE 'on%'", Like(Property("fw"), "on%")),
    ("fw ILIKE 'ON%'", Like(Property("fw"), "ON%", fold=True)),
    ("fw IN ('onnx', \"torch\")", In(Property("fw"), ("onnx", "torch"))),
    ("n IN (5, 10)", In(Property("n"), (5, 10))),
    ("n IN (5, 0.5, 'x', true)", In(Property("n"), (5, 0.5, "x", True))),
    ("n IN 5", In(Property("n"), (5,))),
    ("n IN ()", In(Property("n"), ())),
)
def test_operators(text: str, expected: Expr) -> None:
    assert tree(text) == expected


@table(
    ("NOT n = 5", Not(p("n", 5))),
    ("NOT (n = 5 OR m = 6)", Not(Or((p("n", 5), p("m", 6))))),
    ("NOT n = 5 AND m = 6", And((Not(p("n", 5)), p("m", 6)))),
    ("NOT NOT n = 5", p("n", 5)),
    ("NOT (NOT (n = 5))", p("n", 5)),
    ("n NOT IN (5, 6)", Not(In(Property("n"), (5, 6)))),
    ("NOT n NOT IN (5)", In(Property("n"), (5,))),
    ("fw NOT LIKE 'x%'", Not(Like(Property("fw"), "x%"))),
    ("fw NOT ILIKE 'x%'", Not(Like(Property("fw"), "x%", fold=True))),
    ("n IS NULL", Not(Exists(Property("n")))),
    ("n IS NOT NULL", Exists(Property("n"))),
    ("n BETWEEN 1 AND 5", And((p("n", 1, GE), p("n", 5, LE)))),
    ("n BETWEEN 1 AND 5 AND m = 6", And((p("n", 1, GE), p("n", 5, LE), p("m", 6)))),
    ("n NOT BETWEEN 1 AND 5", Not(And((p("n", 1, GE), p("n", 5, LE))))),
)
def test_extensions(text: str, expected: Expr) -> None:
    assert tree(text) == expected


@table(
    ("a=1 and b=2", And((p("a", 1), p("b", 2)))),
    ("a=1 Or b=2", Or((p("a", 1), p("b", 2)))),
    ("not a=1", Not(p("a", 1))),
    ("a like 'x'", Like(Property("a"), "x")),
    ("a iLike 'x'", Like(Property("a"), "x", fold=True)),
    ("a in (1)", In(Property("a"), (1,))),
    ("a between 1 and 2", And((p("a", 1, GE), p("a", 2, LE)))),
    ("a is not null", Exists(Property("a"))),
    ("a = True", p("a", value=True)),
    ("a = FALSE", p("a", value=False)),
)
def test_keywords_have_any_case(text: str, expected: Expr) -> None:
    assert tree(text) == expected


@table(
    ("a=1 OR b=2 AND c=3", Or((p("a", 1), And((p("b", 2), p("c", 3)))))),
    ("(a=1 OR b=2) AND c=3", And((Or((p("a", 1), p("b", 2))), p("c", 3)))),
    ("a=1 AND b=2 AND c=3", And((p("a", 1), p("b", 2), p("c", 3)))),
    ("a=1 AND (b=2 AND c=3)", And((p("a", 1), p("b", 2), p("c", 3)))),
    ("((a=1) OR (b=2 OR (c=3)))", Or((p("a", 1), p("b", 2), p("c", 3)))),
)
def test_precedence_is_parentheses_and_or(text: str, expected: Expr) -> None:
    assert tree(text) == expected


@table(
    ("name = 'x'", Compare(Field("name"), EQ, "x")),
    ("`name` = 'x'", Compare(Field("name"), EQ, "x")),
    ("externalId = 'x'", Compare(Field("external_id"), EQ, "x")),
    ("external_id = 'x'", p("external_id", "x")),
    ("Name = 'x'", p("Name", "x")),
    ("id.int_value = 5", Compare(Field("id", INTEGER), EQ, 5)),
    ("acc.double_value > 0.6", Compare(Property("acc", FLOAT), GT, 0.6)),
    ("n.int_value = 5", Compare(Property("n", INTEGER), EQ, 5)),
    ("n.string_value = '5'", Compare(Property("n", TEXT), EQ, "5")),
    ("n.bool_value = true", Compare(Property("n", BOOLEAN), EQ, value=True)),
    ("n.bool_value IS NULL", Not(Exists(Property("n", BOOLEAN)))),
    ("a.b = 'x'", p("a.b", "x")),
    ("a . b.c = 'x'", p("a.b.c", "x")),
    ("a.b.string_value = 'x'", Compare(Property("a.b", TEXT), EQ, "x")),
    ("a.string_value.b = 'x'", p("a.string_value.b", "x")),
    ("a.STRING_VALUE = 'x'", p("a.STRING_VALUE", "x")),
    ("string_value = 'x'", p("string_value", "x")),
    ("a.in = 'x'", p("a.in", "x")),
    ("`my-prop` = 1", p("my-prop", 1)),
    ("`my-prop`.double_value = 1", Compare(Property("my-prop", FLOAT), EQ, 1)),
    ("`a.int_value` = 1", p("a.int_value", 1)),
    (r"`a\.b\\c\`d\e` = 1", p(r"a.b\c`d\e", 1)),
    ("`` = 1", p("", 1)),
    ("`Ünï cöde` = 1", p("Ünï cöde", 1)),
)
def test_names(text: str, expected: Expr) -> None:
    assert tree(text) == expected


@pytest.mark.parametrize("word", ["in", "or", "and", "not", "true", "order", "like", "ILIKE", "is", "null", "between", "NOT"])
def test_a_keyword_where_a_property_is_due_is_its_name(word: str) -> None:
    assert tree(f"{word} = 1") == p(word, 1)
    assert tree(f"{word}.int_value = 1") == Compare(Property(word, INTEGER), EQ, 1)
    assert tree(f"{word} IN (1)") == In(Property(word), (1,))
    assert tree(f"{word} in 1") == In(Property(word), (1,))
    assert tree(f"{word} LIKE 'x'") == Like(Property(word), "x")
    assert tree(f"{word} between 1 and 2") == And((p(word, 1, GE), p(word, 2, LE)))
    assert tree(f"{word} IS NULL") == Not(Exists(Property(word)))
    assert tree(f"{word} IS NOT NULL") == Exists(Property(word))
    assert tree(f"NOT {word} = 1") == Not(p(word, 1))
    assert tree(f"NOT {word} IN (1)") == Not(In(Property(word), (1,)))
    assert tree(f"NOT {word} IS NULL") == Exists(Property(word))
    assert tree(f"a=1 AND {word} = 1 OR {word} = 2") == Or((And((p("a", 1), p(word, 1))), p(word, 2)))


def test_two_nots_before_an_operator_are_an_operator_and_a_name() -> None:
    assert tree("not NOT IN (1)") == Not(In(Property("NOT"), (1,)))
    assert tree("`not` NOT IN (1)") == Not(In(Property("not"), (1,)))
    assert tree("in NOT IN (1)") == Not(In(Property("in"), (1,)))


@table(
    ("fw = 'it\\'s'", p("fw", "it's")),
    ('fw = "it\'s"', p("fw", "it's")),
    (r'fw = "say \"x\""', p("fw", 'say "x"')),
    (r"fw = 'a\\b'", p("fw", r"a\b")),
    (r"fw = 'C:\dir'", p("fw", r"C:\dir")),
    ('fw = "o\'"', p("fw", "o'")),  # one pair of quotes comes off
    ("fw = '\"o\"'", p("fw", '"o"')),
    ("fw = ''", p("fw", "")),
    ("fw = 'Ünï'", p("fw", "Ünï")),
    ("fw = 'two\nlines -- no comment'", p("fw", "two\nlines -- no comment")),
    (r"fw LIKE '100\%'", Like(Property("fw"), r"100\%")),
    (r"fw LIKE 'a\\\\b'", Like(Property("fw"), r"a\\b")),
)
def test_strings(text: str, expected: Expr) -> None:
    assert tree(text) == expected


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5", 5),
        ("+5", 5),
        ("-5", -5),
        ("007", 7),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("0" * 5_000 + "7", 7),
        ("0.5", 0.5),
        (".5", 0.5),
        ("-.5", -0.5),
        ("5.0", 5.0),
        ("1e3", 1000.0),
        ("1.5E-3", 0.0015),
        ("+1e+2", 100.0),
        ("1e-400", 0.0),
    ],
)
def test_numbers(text: str, value: float) -> None:
    for parsed in (tree(f"n = {text}"), tree(f"n={text}"), tree(f"n={text}-- a comment")):
        assert parsed == p("n", value)
        assert isinstance(parsed, Compare)
        assert type(parsed.value) is type(value)


def test_comments_and_space_separate() -> None:
    assert tree("-- first\n\ta\n=-- why\r\n1 AND-- and\nb=2-- end") == And((p("a", 1), p("b", 2)))


@table(
    ("value > 0.5", Compare(Field("value"), GT, 0.5)),
    ("value = '0.5'", Compare(Field("text_value"), EQ, "0.5")),
    ("value LIKE 'x%'", Like(Field("text_value"), "x%")),
    ("value.string_value = 'x'", Compare(Field("text_value", TEXT), EQ, "x")),
    ("value.double_value = '0.5'", Compare(Field("value", FLOAT), EQ, "0.5")),
    ("value IN (1, 2)", In(Field("value"), (1, 2))),
    ("value IN (1, 'x', 2)", Or((In(Field("value"), (1, 2)), In(Field("text_value"), ("x",))))),
    ("value NOT IN (1, 'x')", Not(Or((In(Field("value"), (1,)), In(Field("text_value"), ("x",)))))),
    ("value IN ()", In(Field("value"), ())),
    ("a=1 OR value IS NOT NULL", Or((p("a", 1), Exists(Field("value")), Exists(Field("text_value"))))),
    ("value.int_value IS NOT NULL", Exists(Field("value", INTEGER))),
)
def test_a_name_of_two_fields_is_resolved_by_the_literal(text: str, expected: Expr) -> None:
    assert tree(text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("(acc > 1", '1:9: unexpected token "<EOF>" (expected ")"). Check that operators and values are correctly formatted'),
        ("acc ! 3", '1:5: lexer: invalid input text "! 3"'),
        ("acc >", '1:6: unexpected token "<EOF>" (expected a value). Hint: text needs quotes'),
        ("acc > high", '1:7: unexpected token "high" (expected a value). Hint: text needs quotes'),
        ("n = null", '1:5: unexpected token "null" (expected a value). Hint'),
        ("n == 5", '1:4: unexpected token "=" (expected a value)'),
        ("n = (5)", '1:5: unexpected token "(" (expected a value)'),
        ("n = 5 && m = 6", '1:7: lexer: invalid input text "&& m = 6"'),
        ("n = 5;", '1:6: lexer: invalid input text ";"'),
        ("n = 5 m = 6", '1:7: unexpected token "m" (expected AND, OR or the end of the filter)'),
        ("n = 5)", '1:6: unexpected token ")" (expected AND, OR'),
        ("()", '1:2: unexpected token ")" (expected a property)'),
        ("-- nothing", '1:11: unexpected token "<EOF>" (expected a property)'),
        ("5 = n", '1:1: unexpected token "5" (expected a property)'),
        ("'n' = 5", "1:1: unexpected token \"'n'\" (expected a property)"),
        ("n", '1:2: unexpected token "<EOF>" (expected an operator)'),
        ("lower(n) = 'x'", '1:6: unexpected token "(" (expected an operator)'),
        ("n NOT = 5", '1:7: unexpected token "=" (expected an operator)'),
        ("n IS 5", '1:6: unexpected token "5" (expected NULL)'),
        ("n BETWEEN 1, 2", '1:12: unexpected token "," (expected AND)'),
        ("n LIKE 5", '1:8: unexpected token "5" (expected text in quotes)'),
        ("n IN (1, 2,)", '1:12: unexpected token ")" (expected a value)'),
        ("n IN (1 2)", '1:9: unexpected token "2" (expected "," or ")")'),
        ("n IN (", '1:7: unexpected token "<EOF>" (expected a value)'),
        ("n. = 5", '1:4: unexpected token "=" (expected the rest of a name)'),
        ("`n`.x = 5", '1:5: unexpected token "x" (expected string_value, int_value, double_value, bool_value)'),
        ("n = 5.", '1:6: unexpected token "." (expected AND, OR'),
        ("n = 0x10", '1:6: unexpected token "x10"'),
        ("n = - 5", '1:5: lexer: invalid input text "- 5"'),
        ("n = 9223372036854775808", "1:5: integer 9223372036854775808 does not fit in 64 bits"),
        ("n = " + "9" * 5_000, "1:5: integer 9999999999999999999999999999999999999... does not fit in 64 bits"),
        ("n = 1e400", "1:5: number 1e400 is out of range"),
        ("n = 'open", '1:5: lexer: invalid input text "\'open"'),
        ("n = 'it''s'", "1:9: unexpected token \"'s'\""),
        ("n = 'end\\'", "1:5: lexer: invalid input text"),
        ("my-prop = 5", '1:3: lexer: invalid input text "-prop = 5"'),
        ("größe = 5", '1:3: lexer: invalid input text "öße = 5"'),
        ("a = 1 AND\n  b ~ 'a long text that is cut'", '2:5: lexer: invalid input text "~ \'a long text t..."'),
        ("ü", '1:1: lexer: invalid input text "ü"'),
    ],
)
def test_errors_say_where_and_what(text: str, problem: str) -> None:
    with pytest.raises(Invalid) as caught:
        tree(text)
    assert caught.value.message.startswith(f"invalid filter query syntax: error parsing filter query: {problem}")


class TestBounds:
    def test_grouping_parentheses_make_no_depth(self) -> None:
        assert tree("(" * MAX_PARENTHESES + "a=1" + ")" * MAX_PARENTHESES) == p("a", 1)
        with pytest.raises(Invalid, match="1:513: more than 512 parentheses are open"):
            tree("(" * (MAX_PARENTHESES + 1) + "a=1" + ")" * (MAX_PARENTHESES + 1))

    def test_negations_make_no_depth(self) -> None:
        assert tree("NOT " * 4_001 + "a=1") == Not(p("a", 1))
        assert tree("NOT(" * MAX_PARENTHESES + "a=1" + ")" * MAX_PARENTHESES) == p("a", 1)

    def test_depth_is_bounded_and_such_trees_can_be_used(self) -> None:
        def nested(levels: int) -> str:
            text = "n = 1"
            for level in range(levels):
                text = f"{('no IS NOT NULL OR', 'no IS NULL AND')[level % 2]} ({text})"
            return text

        deepest = tree(nested(MAX_DEPTH))
        assert deepest is not None
        assert matches(deepest, lambda _: None, {"n": 1}, fields()) is True
        assert matches(deepest, lambda _: None, {"n": 2}, fields()) is False
        for levels in (MAX_DEPTH + 1, MAX_CONDITIONS - 1):
            with pytest.raises(Invalid, match="more than 16 levels deep"):
                tree(nested(levels))

    @pytest.mark.parametrize("joined", [" OR ", " AND "])
    def test_a_long_chain_is_one_level(self, joined: str) -> None:
        parsed = tree(joined.join(["a=1"] * MAX_CONDITIONS))
        assert isinstance(parsed, And | Or)
        assert len(parsed.terms) == MAX_CONDITIONS
        with pytest.raises(Invalid, match="more than 500 values are compared"):
            tree(joined.join(["a=1"] * (MAX_CONDITIONS + 1)))

    @pytest.mark.parametrize("condition", ["a IN ()", "a IS NULL", "a LIKE 'x'", "a IN 1", "a BETWEEN 1 AND 2"])
    def test_every_condition_counts(self, condition: str) -> None:
        with pytest.raises(Invalid, match="more than 500 values are compared"):
            tree(" OR ".join([condition] * (MAX_CONDITIONS + 1)))

    def test_values_of_a_list_count(self) -> None:
        assert tree(f"a IN ({','.join(['1'] * MAX_CONDITIONS)})") == In(Property("a"), (1,) * MAX_CONDITIONS)
        with pytest.raises(Invalid, match="more than 500 values are compared"):
            tree(f"a IN ({','.join(['1'] * (MAX_CONDITIONS + 1))})")

    def test_length_is_bounded(self) -> None:
        assert tree("a=1" + " " * (MAX_LENGTH - 3)) == p("a", 1)
        with pytest.raises(Invalid, match="the filter has 16385 characters: use at most 16384"):
            tree("a=1" + " " * (MAX_LENGTH - 2))

    @pytest.mark.parametrize(
        ("start", "piece"),
        [
            ("", "("),
            ("", "a."),
            ("", "not in "),
            ("", "--\n"),
            ("", "`"),
            ("a=", "1"),
            ("a='", "\\'"),
            ("a=", "'"),
            ("a IN (", "1,"),
            ("", "a=1 OR "),
        ],
    )
    def test_no_text_takes_long(self, start: str, piece: str) -> None:
        started = time.perf_counter()
        with pytest.raises(Invalid):
            tree((start + piece * MAX_LENGTH)[:MAX_LENGTH])
        assert time.perf_counter() - started < 2


WORDS = ["a", "name", "value", "not", "NOT", "and", "OR", "in", "like", "ILIKE", "is", "null", "between", "true", "int_value", "`b c`"]
SIGNS = [".", "(", ")", ",", "=", "<>", "!=", ">=", "--", "\n", "'", "`", "\\", "é", "!", "\0", "\ud800"]
VALUES = ["1", "-2", ".5", "1e9", "'x'", '"y\\""']
PIECES = st.sampled_from([*WORDS, *SIGNS, *VALUES])


@given(st.one_of(st.text(max_size=30), st.lists(PIECES, max_size=14).map(" ".join)))
def test_any_text_is_a_tree_or_invalid(text: str) -> None:
    try:
        parsed = tree(text)
    except Invalid as problem:
        assert problem.message.startswith("invalid filter query syntax: ")  # noqa: PT017 - either outcome is right, so `pytest.raises` does not fit; only the refusal has more to check
    else:
        assert (parsed is None) == (not text.strip())
