"""A filter tree as SQL.

In two steps, so that SQLAlchemy's work is done once per shape of filter and not once per request: `lower` turns the tree and the
declared fields into a *shape* (a hashable tuple without any literal) and the literals in order; `where` turns a shape into a clause
with as many parameters. No text of a caller ever becomes SQL: names of fields come from the declaration, everything else is bound.

Where a database cannot express the meaning exactly (case folding beyond ASCII, integers beyond 2**53 in the index of doubles, texts
longer than the index keeps), the clause selects a superset and `Lowered.exact` is False: the caller then tests each row with
`evaluate`. Inside a `Not` such a term counts as false, so that the whole stays a superset.
"""

import math
import operator
import sys
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, TypeGuard

import msgspec
from sqlalchemy import ColumnElement, Table, and_, bindparam, false, func, literal_column, not_, or_, select, true
from sqlalchemy.sql.selectable import Select

from modelyard.search import like
from modelyard.search.evaluate import comparable_types
from modelyard.search.fields import Fields, FieldSpec, FieldType, coerce
from modelyard.search.tree import And, Compare, Exists, Expr, Field, In, Like, Not, Operator, Or, Property, PropertyType, Scalar
from modelyard.store.columns import NAME_LENGTH
from modelyard.store.statements import Flavour
from modelyard.store.tables import PROPERTY_NUMBER, PROPERTY_TEXT

Shape = tuple[Any, ...]
EXACT_DOUBLE = 2**53
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
LIST_FIELD = 100
"""Added to a kind's number: the elements of its list fields, apart from its custom properties."""

TEXT_WHOLE, TEXT_CUT, OPAQUE = 1, 2, 3
"""Types in the text index: whole, cut to what an index can keep, and a struct or proto, which only `Exists` can see."""
NUMBER_TYPES = {PropertyType.INTEGER: 1, PropertyType.FLOAT: 2, PropertyType.BOOLEAN: 3}

MAX_JOINED = 6
"""PostgreSQL turns `id IN (SELECT …)` into a join and weighs every order of the joins: with many it plans for minutes. Above this
number an OFFSET keeps each lookup by itself, and it is read whole."""

_OPERATORS = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
}
_NOTHING: Shape = ("false",)
_INCLUSIVE = {Operator.LT: Operator.LE, Operator.GT: Operator.GE}


class Lowered(msgspec.Struct, frozen=True):
    shape: Shape
    values: tuple[Scalar, ...]
    exact: bool


def lower(expr: Expr, fields: Fields, flavour: Flavour) -> Lowered:
    """Raises `errors.Invalid` when a literal cannot be compared with its field."""
    lowering = _Lowering(fields, flavour)
    shape = lowering.lower(expr, negated=False)
    return Lowered(shape, tuple(lowering.values), lowering.exact)


class _Lowering:
    def __init__(self, fields: Fields, flavour: Flavour) -> None:
        self.fields = fields
        self.flavour = flavour
        self.values: list[Scalar] = []
        self.exact = True

    def lower(self, expr: Expr, *, negated: bool) -> Shape:  # noqa: PLR0911 - one for each kind of node
        match expr:
            case And(terms):
                return ("and", *[self.lower(term, negated=negated) for term in terms])
            case Or(terms):
                return ("or", *[self.lower(term, negated=negated) for term in terms])
            case Not(term):
                return ("not", self.lower(term, negated=not negated))
            case Exists(subject):
                return self._exists(subject)
            case In(Field() as subject, values) if self.fields[subject.name].type in (FieldType.TEXT, FieldType.INTEGER):
                return self._among(subject, values)
            case In(subject, values):
                return ("or", *[self._compare(Compare(subject, Operator.EQ, value), negated=negated) for value in values])
            case Like():
                return self._like(expr, negated=negated)
            case Compare():
                return self._compare(expr, negated=negated)

    def _among(self, subject: Field, values: tuple[Scalar, ...]) -> Shape:
        """A column IN a list. The length is rounded up by repeating, so that lists of any length make few shapes."""
        spec = self.fields[subject.name]
        wanted = [coerce(spec, subject.type, value) for value in values]
        kept: list[Scalar] = [value if isinstance(value, str) else math.floor(value) for value in wanted if _storable(value)]
        if not kept:
            return _NOTHING
        length = 1 << (len(kept) - 1).bit_length()
        self.values += [*kept, *[kept[-1]] * (length - len(kept))]
        return ("among", subject.name, length)

    def _exists(self, subject: Field | Property) -> Shape:
        if isinstance(subject, Field):
            spec = self.fields[subject.name]
            return ("list any", subject.name) if spec.type is FieldType.TEXT_LIST else ("exists", subject.name)
        self.values.append(subject.name)
        if subject.type is None:
            self.values.append(subject.name)
            return ("property exists",)
        if subject.type is PropertyType.TEXT:
            return ("text any",)
        return ("number any", (NUMBER_TYPES[subject.type],))

    def _approximate(self, *, negated: bool) -> bool:
        """Note that the next term selects too much. True when it must therefore be dropped."""
        self.exact = False
        return negated

    def _compare(self, expr: Compare, *, negated: bool) -> Shape:
        subject = expr.subject
        if isinstance(subject, Property):
            return self._compare_property(subject, expr.operator, expr.value, negated=negated)
        spec = self.fields[subject.name]
        value = coerce(spec, subject.type, expr.value)
        if value is None:
            return _NOTHING
        if spec.type is FieldType.TEXT_LIST:
            return self._text("list", subject.name, expr.operator, str(value), negated=negated)
        if isinstance(value, str):
            self.values.append(value)
            return ("compare", subject.name, expr.operator)
        if spec.type is FieldType.NUMBER:
            return self._double(expr.operator, value, ("exists", subject.name), ("compare", subject.name), negated=negated)
        return self._whole(spec, expr.operator, value)

    def _whole(self, spec: FieldSpec, op: Operator, value: float) -> Shape:
        """An integer column against any number, exactly, without asking a database to compare an integer with a double."""
        if not INT64_MIN <= value <= INT64_MAX:
            low = value > 0 and op in (Operator.LT, Operator.LE)
            high = value < 0 and op in (Operator.GT, Operator.GE)
            return ("exists", spec.name) if low or high or op is Operator.NE else _NOTHING
        if value != (floor := math.floor(value)):
            if op in (Operator.EQ, Operator.NE):
                return ("exists", spec.name) if op is Operator.NE else _NOTHING
            op = Operator.LE if op in (Operator.LT, Operator.LE) else Operator.GT
        self.values.append(floor)
        return ("link" if spec.type is FieldType.LINK else "compare", spec.name, op)

    def _double(self, op: Operator, value: float, any_value: Shape, comparison: Shape, *, negated: bool) -> Shape:
        """A column of doubles, which cannot tell large integers apart. `comparison` lacks its operator."""
        if abs(value) >= EXACT_DOUBLE:
            if self._approximate(negated=negated):
                return _NOTHING
            if op is Operator.NE:
                return any_value
            op = _INCLUSIVE.get(op, op)
        # An integer may be beyond every double: the nearest one selects the same rows, or too many.
        self.values.append(float(max(-sys.float_info.max, min(value, sys.float_info.max))))
        return (*comparison, op)

    def _compare_property(self, subject: Property, op: Operator, value: Scalar, *, negated: bool) -> Shape:
        if isinstance(value, str):
            if subject.type not in (None, PropertyType.TEXT):
                return _NOTHING
            return self._text("text", subject.name, op, value, negated=negated)
        types = tuple(sorted(NUMBER_TYPES[type_] for type_ in comparable_types(subject.type, value)))
        if not types:
            return _NOTHING
        at = len(self.values)
        shape = self._double(op, value, ("number any", types), ("number", types), negated=negated)
        if shape is not _NOTHING:
            self.values.insert(at, subject.name)
        return shape

    def _text(self, source: str, name: str, op: Operator, value: str, *, negated: bool) -> Shape:
        cut = len(value) >= NAME_LENGTH
        if cut:
            if self._approximate(negated=negated):
                return _NOTHING
            value = value[:NAME_LENGTH]
        self.values.append(name)
        if cut and op is Operator.NE:
            return (f"{source} any",) if source == "text" else ("list any", name)
        self.values.append(value)
        return (source, _INCLUSIVE.get(op, op) if cut else op)

    def _like(self, expr: Like, *, negated: bool) -> Shape:
        subject = expr.subject
        if isinstance(subject, Property):
            if subject.type not in (None, PropertyType.TEXT):
                return _NOTHING
            source = "text"
        else:
            spec = self.fields[subject.name]
            if coerce(spec, subject.type, expr.pattern if spec.type in (FieldType.TEXT, FieldType.TEXT_LIST) else "%") is None:
                return _NOTHING
            source = "list" if spec.type is FieldType.TEXT_LIST else "field"
        tokens = like.parse(expr.pattern)
        if expr.fold:
            tokens, exact = like.ascii_superset(tokens)
            exact = exact and self.flavour is not Flavour.MYSQL
        else:
            exact = True
        if (source != "field" or not exact) and self._approximate(negated=negated):
            return _NOTHING
        if source != "field":
            self.values.append(subject.name)
        self.values.append(like.to_glob(tokens) if self.flavour is Flavour.SQLITE else like.to_like(tokens, escape="|"))
        return ("like", source, subject.name if source == "field" else "", "lower" if expr.fold else "")


def _storable(value: str | float | None) -> TypeGuard[str | float]:
    """Whether a column of text or of integers can hold it at all."""
    return isinstance(value, str) or (value is not None and INT64_MIN <= value <= INT64_MAX and value == math.floor(value))


class Source(msgspec.Struct, frozen=True):
    """Where a kind's facts are: its table, its number in the property index, and its link fields (name to link table)."""

    table: Table
    kind: int
    links: Mapping[str, Table] = {}


def where(shape: Shape, source: Source, flavour: Flavour, prefix: str) -> ColumnElement[bool]:
    """The clause. Its parameters are `{prefix}0`, `{prefix}1`, … in the order of `Lowered.values`, and `project`."""
    fenced = flavour is Flavour.POSTGRESQL and _lookups(shape) > MAX_JOINED
    return _Builder(source, flavour, prefix, fenced=fenced).build(shape)


def _lookups(shape: Shape) -> int:
    """How many terms look into the property index."""
    kind, *parts = shape
    if kind in ("and", "or", "not"):
        return sum(_lookups(part) for part in parts)
    return kind in ("number", "number any", "text", "text any", "property exists", "list") or (kind == "like" and parts[0] != "field")


class _Builder:
    def __init__(self, source: Source, flavour: Flavour, prefix: str, *, fenced: bool) -> None:
        self.fenced = fenced
        self.source = source
        self.flavour = flavour
        self.numbers = count()
        self.prefix = prefix

    def value(self, type_: Any = None) -> ColumnElement[Any]:
        return bindparam(f"{self.prefix}{next(self.numbers)}", type_=type_)

    def build(self, shape: Shape) -> ColumnElement[bool]:
        kind, *parts = shape
        return _BUILD[kind](self, *parts)

    def _and(self, *terms: Shape) -> ColumnElement[bool]:
        return and_(true(), *[self.build(term) for term in terms])

    def _or(self, *terms: Shape) -> ColumnElement[bool]:
        return or_(false(), *[self.build(term) for term in terms])

    def _not(self, term: Shape) -> ColumnElement[bool]:
        return not_(self.build(term))

    def _nothing(self) -> ColumnElement[bool]:
        return false()

    def _exists(self, name: str) -> ColumnElement[bool]:
        return self.source.table.c[name].is_not(None)

    def _any_element(self, name: str) -> ColumnElement[bool]:
        column = self.source.table.c[name]
        return and_(column.is_not(None), column != literal_column("'[]'"))

    def _any_property(self) -> ColumnElement[bool]:
        numbers = self._in(self._number_rows((1, 2, 3)))
        return or_(numbers, self._in(self._text_rows(self.source.kind, (1, 2, 3))))

    def _any_number(self, types: tuple[int, ...]) -> ColumnElement[bool]:
        return self._in(self._number_rows(types))

    def _number(self, types: tuple[int, ...], op: Operator) -> ColumnElement[bool]:
        column = PROPERTY_NUMBER.c.value
        return self._in(self._number_rows(types).where(_OPERATORS[op](column, self.value(column.type))))

    def _any_text(self) -> ColumnElement[bool]:
        return self._in(self._text_rows(self.source.kind, (TEXT_WHOLE, TEXT_CUT)))

    def _text(self, op: Operator) -> ColumnElement[bool]:
        return self._in_texts(self.source.kind, op)

    def _element(self, op: Operator) -> ColumnElement[bool]:
        return self._in_texts(self.source.kind + LIST_FIELD, op)

    def _in_texts(self, kind: int, op: Operator) -> ColumnElement[bool]:
        column = PROPERTY_TEXT.c.value
        return self._in(self._text_rows(kind, (TEXT_WHOLE, TEXT_CUT)).where(_OPERATORS[op](column, self.value(column.type))))

    def _compare(self, name: str, op: Operator) -> ColumnElement[bool]:
        column = self.source.table.c[name]
        value = self.value(column.type)
        return and_(column.is_not(None), _OPERATORS[op](column, value)) if column.nullable else _OPERATORS[op](column, value)

    def _among(self, name: str, length: int) -> ColumnElement[bool]:
        column = self.source.table.c[name]
        return and_(column.is_not(None), column.in_([self.value(column.type) for _ in range(length)]))

    def _link(self, name: str, op: Operator) -> ColumnElement[bool]:
        link = self.source.links[name]
        linked = self.source.table.c.id.in_(select(link.c.id).where(link.c[name] == self.value(link.c[name].type)))
        return linked if op is Operator.EQ else false()

    def _like(self, source: str, name: str, case: str) -> ColumnElement[bool]:
        if source == "field":
            column = self.source.table.c[name]
            return and_(column.is_not(None), self._matches(column, case))
        rows = self._text_rows(self.source.kind + (LIST_FIELD if source == "list" else 0), (TEXT_WHOLE, TEXT_CUT))
        matches = self._matches(PROPERTY_TEXT.c.value, case)
        return self._in(rows.where(or_(matches, PROPERTY_TEXT.c.type == literal_column(str(TEXT_CUT)))))

    def _matches(self, column: ColumnElement[str], case: str) -> ColumnElement[bool]:
        text = func.lower(column) if case else column
        pattern = self.value(PROPERTY_TEXT.c.value.type)
        return text.op("GLOB", is_comparison=True)(pattern) if self.flavour is Flavour.SQLITE else text.like(pattern, escape="|")

    def _in(self, rows: Select[Any]) -> ColumnElement[bool]:
        return self.source.table.c.id.in_(rows.offset(literal_column("0")) if self.fenced else rows)

    def _number_rows(self, types: tuple[int, ...]) -> Select[Any]:
        return self._rows(PROPERTY_NUMBER, self.source.kind, types)

    def _text_rows(self, kind: int, types: tuple[int, ...]) -> Select[Any]:
        return self._rows(PROPERTY_TEXT, kind, types)

    def _rows(self, table: Table, kind: int, types: tuple[int, ...]) -> Select[Any]:
        name = self.value(table.c.name.type)
        of_kind = table.c.kind == literal_column(str(kind))
        rows = select(table.c.id).where(table.c.project_id == bindparam("project"), of_kind, table.c.name == name)
        return rows if types == (1, 2, 3) else rows.where(or_(*[table.c.type == literal_column(str(type_)) for type_ in types]))


_BUILD: Mapping[str, Callable[..., ColumnElement[bool]]] = {
    "and": _Builder._and,  # noqa: SLF001 - this module's own table of its own methods
    "or": _Builder._or,  # noqa: SLF001 - likewise
    "not": _Builder._not,  # noqa: SLF001 - likewise
    "false": _Builder._nothing,  # noqa: SLF001 - likewise
    "exists": _Builder._exists,  # noqa: SLF001 - likewise
    "compare": _Builder._compare,  # noqa: SLF001 - likewise
    "among": _Builder._among,  # noqa: SLF001 - likewise
    "link": _Builder._link,  # noqa: SLF001 - likewise
    "like": _Builder._like,  # noqa: SLF001 - likewise
    "property exists": _Builder._any_property,  # noqa: SLF001 - likewise
    "number any": _Builder._any_number,  # noqa: SLF001 - likewise
    "number": _Builder._number,  # noqa: SLF001 - likewise
    "text any": _Builder._any_text,  # noqa: SLF001 - likewise
    "text": _Builder._text,  # noqa: SLF001 - likewise
    "list any": _Builder._any_element,  # noqa: SLF001 - likewise
    "list": _Builder._element,  # noqa: SLF001 - likewise
}
