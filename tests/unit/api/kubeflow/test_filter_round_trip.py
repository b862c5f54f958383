"""Any tree, written down in the filter language, is read back as the same tree."""

import re

from hypothesis import given
from hypothesis import strategies as st

from modelyard.api.kubeflow.filter import parse
from modelyard.search.tree import And, Compare, Exists, Expr, Field, In, Like, Not, Operator, Or, Property, PropertyType, Scalar, Subject

NAMES = {"id": "id", "name": "name", "createTimeSinceEpoch": "created_at"}
WIRE_NAMES = {domain: wire for wire, domain in NAMES.items()}
SUFFIXES = {
    PropertyType.TEXT: "string_value",
    PropertyType.INTEGER: "int_value",
    PropertyType.FLOAT: "double_value",
    PropertyType.BOOLEAN: "bool_value",
}

KEYWORDS = ["not", "NOT", "in", "or", "and", "is", "null", "like", "between", "true", "int_value"]
CHARACTERS = st.characters(codec="utf-8")
KEYS = st.one_of(
    st.sampled_from([*KEYWORDS, "a", "a.b", "a.int_value", "my-prop", "", "`", "\\", ".", "a\nb"]),
    st.text(CHARACTERS, max_size=6),
).filter(lambda key: key not in NAMES)
TYPES = st.one_of(st.none(), st.sampled_from(PropertyType))
SUBJECTS = st.one_of(st.builds(Property, KEYS, TYPES), st.builds(Field, st.sampled_from(list(NAMES.values())), TYPES))
TEXTS = st.one_of(st.text(CHARACTERS, max_size=8), st.text("'\"\\%_`-\n", max_size=5))
SCALARS = st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), TEXTS)
CONDITIONS: st.SearchStrategy[Expr] = st.one_of(
    st.builds(Compare, SUBJECTS, st.sampled_from(Operator), SCALARS),
    st.builds(Like, SUBJECTS, TEXTS, st.booleans()),
    st.builds(In, SUBJECTS, st.lists(SCALARS, max_size=3).map(tuple)),
    st.builds(Exists, SUBJECTS),
)


def _wider(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    """Flat: no And directly in an And, no Or in an Or, no Not in a Not."""
    return st.one_of(
        st.lists(inner.filter(lambda term: not isinstance(term, And)), min_size=2, max_size=3).map(lambda terms: And(tuple(terms))),
        st.lists(inner.filter(lambda term: not isinstance(term, Or)), min_size=2, max_size=3).map(lambda terms: Or(tuple(terms))),
        inner.filter(lambda term: not isinstance(term, Not)).map(Not),
    )


EXPRS = st.recursive(CONDITIONS, _wider, max_leaves=8)


def written(expr: Expr) -> str:  # noqa: PLR0911 - one for each kind of node
    match expr:
        case And(terms):
            return " AND ".join(f"({written(term)})" if isinstance(term, Or) else written(term) for term in terms)
        case Or(terms):
            return " OR ".join(written(term) for term in terms)
        case Not(Exists(subject)):
            return f"{_subject(subject)} IS NULL"
        case Not(In(subject, values)):
            return f"{_subject(subject)} NOT IN ({', '.join(map(_literal, values))})"
        case Not(term):
            return f"NOT ({written(term)})" if isinstance(term, And | Or) else f"NOT {written(term)}"
        case Compare(subject, operator, value):
            return f"{_subject(subject)} {operator.value} {_literal(value)}"
        case Like(subject, pattern, fold):
            return f"{_subject(subject)} {'ILIKE' if fold else 'LIKE'} {_literal(pattern)}"
        case In(subject, values):
            return f"{_subject(subject)} IN ({', '.join(map(_literal, values))})"
        case Exists(subject):
            return f"{_subject(subject)} IS NOT NULL"


def _subject(subject: Subject) -> str:
    name = WIRE_NAMES[subject.name] if isinstance(subject, Field) else subject.name
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name, re.ASCII) or name.upper() == "NOT":
        name = "`" + re.sub(r"([`\\])", r"\\\1", name) + "`"
    return name if subject.type is None else f"{name}.{SUFFIXES[subject.type]}"


def _literal(value: Scalar) -> str:
    if isinstance(value, str):
        return "'" + re.sub(r"(['\\])", r"\\\1", value) + "'"
    return str(value).lower() if isinstance(value, bool) else repr(value)


@given(EXPRS)
def test_what_is_written_is_read_back(expr: Expr) -> None:
    # repr as well, because 1, 1.0 and True are equal
    parsed = parse(written(expr), NAMES)
    assert parsed == expr
    assert repr(parsed) == repr(expr)
    assert parse(f"-- why\n(({written(expr)}\n))--", NAMES) == expr
