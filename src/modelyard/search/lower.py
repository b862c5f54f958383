"""A filter tree in the terms of what is stored: its *shape*, a hashable tuple without any literal, and the literals in order.

SQLAlchemy's work and the planner's is then done once per shape and not once per request. No text of a caller is in a shape: names of
fields come from the declaration, everything else is a literal, and a shape says by number where its literals are.

Where a database cannot express the meaning exactly (case folding beyond ASCII, integers beyond 2**53 in the index of doubles, texts
longer than the index keeps), the shape selects a superset and `Lowered.exact` is False: the caller then tests each row with
`evaluate`. Inside a `Not` such a term counts as false, so that the whole stays a superset.
"""

import math
import sys
from typing import TypeGuard

import msgspec

from modelyard.search import like
from modelyard.search.evaluate import comparable_types
from modelyard.search.fields import Fields, FieldSpec, FieldType, coerce
from modelyard.search.shape import FALSE, NUMBER_TYPES, Shape
from modelyard.search.tree import And, Compare, Exists, Expr, Field, In, Like, Not, Operator, Or, Property, PropertyType, Scalar
from modelyard.store.columns import NAME_LENGTH
from modelyard.store.statements import Flavour

EXACT_DOUBLE = 2**53
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1
_INCLUSIVE = {Operator.LT: Operator.LE, Operator.GT: Operator.GE}
_LAST = "\U0010ffff"
_SURROGATES = 0xD800, 0xDFFF


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
        self.numbers: dict[str, int] = {}
        """Where the names of number properties are: each once, so that a shape tells two bounds of one from bounds of two."""
        self.exact = True

    def lower(self, expr: Expr, *, negated: bool) -> Shape:  # noqa: PLR0911 - one for each kind of node
        match expr:
            case And(terms):
                return self._joined("and", terms, negated=negated)
            case Or(terms):
                return self._joined("or", terms, negated=negated)
            case Not(term):
                return ("not", self.lower(term, negated=not negated))
            case Exists(subject):
                return self._exists(subject)
            case In(subject, values):
                return self._in(subject, values, negated=negated)
            case Like():
                return self._like(expr, negated=negated)
            case Compare():
                return self._compare(expr, negated=negated)

    def _joined(self, kind: str, terms: tuple[Expr, ...], *, negated: bool) -> Shape:
        """Terms of the same kind become one: whether all are necessary is seen at once then."""
        shapes = [self.lower(term, negated=negated) for term in terms]
        return (kind, *[part for shape in shapes for part in (shape[1:] if shape[0] == kind else (shape,))])

    def _keep(self, *values: Scalar) -> int:
        """The number of the first of these literals."""
        at = len(self.values)
        self.values += values
        return at

    def _in(self, subject: Field | Property, values: tuple[Scalar, ...], *, negated: bool) -> Shape:
        if isinstance(subject, Field) and self.fields[subject.name].type in (FieldType.TEXT, FieldType.INTEGER, FieldType.LINK):
            return self._among(subject, values)
        if all(isinstance(value, str) and len(value) < NAME_LENGTH for value in values) and self._is_text(subject) and values:
            at = self._keep(subject.name)
            return ("texts", at, isinstance(subject, Field), self._list(list(values)))
        return ("or", *[self._compare(Compare(subject, Operator.EQ, value), negated=negated) for value in values])

    def _is_text(self, subject: Field | Property) -> bool:
        of_text = subject.type in (None, PropertyType.TEXT)
        return of_text and (isinstance(subject, Property) or self.fields[subject.name].type is FieldType.TEXT_LIST)

    def _list(self, values: list[Scalar]) -> int:
        """Keep the values of a list; returns its length, rounded up by repeating, so that lists of any length make few shapes."""
        length = 1 << (len(values) - 1).bit_length()
        self._keep(*values, *[values[-1]] * (length - len(values)))
        return length

    def _among(self, subject: Field, values: tuple[Scalar, ...]) -> Shape:
        spec = self.fields[subject.name]
        wanted = [coerce(spec, subject.type, value) for value in values]
        kept: list[Scalar] = [value if isinstance(value, str) else math.floor(value) for value in wanted if _storable(value)]
        kind = "links" if spec.type is FieldType.LINK else "among"
        return (kind, len(self.values), subject.name, self._list(kept)) if kept else FALSE

    def _exists(self, subject: Field | Property) -> Shape:
        if isinstance(subject, Field):
            spec = self.fields[subject.name]
            return ("list any", subject.name) if spec.type is FieldType.TEXT_LIST else ("exists", subject.name)
        at = self._keep(subject.name)
        if subject.type is None:
            return ("property exists", at)
        if subject.type is PropertyType.TEXT:
            return ("text any", at, False)
        return ("number any", at, (NUMBER_TYPES[subject.type],))

    def _approximate(self, *, negated: bool) -> bool:
        """Note that the next term selects too much. True when it must therefore be dropped."""
        self.exact = False
        return negated

    def _compare(self, expr: Compare, *, negated: bool) -> Shape:
        subject, op = expr.subject, expr.operator
        if isinstance(subject, Property):
            return self._compare_property(subject, op, expr.value, negated=negated)
        spec = self.fields[subject.name]
        value = coerce(spec, subject.type, expr.value)
        if value is None:
            return FALSE
        if spec.type is FieldType.TEXT_LIST:
            return self._text(subject.name, op, str(value), listed=True, negated=negated)
        if isinstance(value, str):
            return ("compare", self._keep(value), subject.name, op)
        if spec.type is FieldType.NUMBER:
            return self._number(spec, op, value, negated=negated)
        return self._whole(spec, op, value)

    def _number(self, spec: FieldSpec, op: Operator, value: float, *, negated: bool) -> Shape:
        double = self._double(op, value, negated=negated)
        if double is None:
            return FALSE
        op, bound = double
        return ("exists", spec.name) if bound is None else ("compare", self._keep(bound), spec.name, op)

    def _whole(self, spec: FieldSpec, op: Operator, value: float) -> Shape:
        """An integer column against any number, exactly, without asking a database to compare an integer with a double."""
        if not INT64_MIN <= value <= INT64_MAX:
            low = value > 0 and op in (Operator.LT, Operator.LE)
            high = value < 0 and op in (Operator.GT, Operator.GE)
            return ("exists", spec.name) if low or high or op is Operator.NE else FALSE
        if value != (floor := math.floor(value)):
            if op in (Operator.EQ, Operator.NE):
                return ("exists", spec.name) if op is Operator.NE else FALSE
            op = Operator.LE if op in (Operator.LT, Operator.LE) else Operator.GT
        return ("link" if spec.type is FieldType.LINK else "compare", self._keep(floor), spec.name, op)

    def _double(self, op: Operator, value: float, *, negated: bool) -> tuple[Operator, float | None] | None:
        """How to compare a column of doubles, which cannot tell large integers apart. Without a value all qualify, with None nothing."""
        if abs(value) >= EXACT_DOUBLE:
            if self._approximate(negated=negated):
                return None
            if op is Operator.NE:
                return op, None
            op = _INCLUSIVE.get(op, op)
        # An integer may be beyond every double: the nearest one selects the same rows, or too many.
        return op, float(max(-sys.float_info.max, min(value, sys.float_info.max)))

    def _compare_property(self, subject: Property, op: Operator, value: Scalar, *, negated: bool) -> Shape:
        if isinstance(value, str):
            return self._text(subject.name, op, value, listed=False, negated=negated) if self._is_text(subject) else FALSE
        types = tuple(sorted(NUMBER_TYPES[type_] for type_ in comparable_types(subject.type, value)))
        double = self._double(op, value, negated=negated) if types else None
        if double is None:
            return FALSE
        op, bound = double
        if bound is None:
            return ("number any", self._keep(subject.name), types)
        if subject.name not in self.numbers:
            self.numbers[subject.name] = self._keep(subject.name)
        return ("number", self._keep(bound), types, op, self.numbers[subject.name])

    def _text(self, name: str, op: Operator, value: str, *, listed: bool, negated: bool) -> Shape:
        if len(value) < NAME_LENGTH:
            return ("text", self._keep(name, value), listed, op)
        if self._approximate(negated=negated):
            return FALSE
        if op is not Operator.NE:
            return ("text", self._keep(name, value[:NAME_LENGTH]), listed, _INCLUSIVE.get(op, op))
        return ("list any", name) if listed else ("text any", self._keep(name), False)

    def _like(self, expr: Like, *, negated: bool) -> Shape:
        subject = expr.subject
        of_field = isinstance(subject, Field)
        if isinstance(subject, Field):
            spec = self.fields[subject.name]
            if coerce(spec, subject.type, expr.pattern if spec.type in (FieldType.TEXT, FieldType.TEXT_LIST) else "%") is None:
                return FALSE
            of_field = spec.type is FieldType.TEXT
        elif not self._is_text(subject):
            return FALSE
        tokens = like.parse(expr.pattern)
        exact, bounds = of_field, _bounds(tokens) if not expr.fold else None
        if expr.fold:
            tokens, is_same = like.ascii_superset(tokens)
            exact = exact and is_same and self.flavour is not Flavour.MYSQL
        if not exact and self._approximate(negated=negated):
            return FALSE
        pattern = like.to_glob(tokens) if self.flavour is Flavour.SQLITE else like.to_like(tokens, escape="|")
        at = self._keep(pattern, *(bounds or ()))
        case, bounded = "lower" if expr.fold else "", bounds is not None
        if of_field:
            return ("like", at, subject.name, case, bounded)
        return ("text like", self._keep(subject.name), at, isinstance(subject, Field), case, bounded)


def _storable(value: str | float | None) -> TypeGuard[str | float]:
    """Whether a column of text or of integers can hold it at all."""
    return isinstance(value, str) or (value is not None and INT64_MIN <= value <= INT64_MAX and value == math.floor(value))


def _bounds(tokens: tuple[like.Token, ...]) -> tuple[str, str] | None:
    """Texts between which, the second excluded, all are that begin as the pattern does; None where it begins with a wildcard."""
    first = tokens[0] if tokens else None
    if not isinstance(first, str) or len(first) >= NAME_LENGTH or not (shortest := first.rstrip(_LAST)):
        return None
    following = ord(shortest[-1]) + 1
    if _SURROGATES[0] <= following <= _SURROGATES[1]:
        following = _SURROGATES[1] + 1
    return first, shortest[:-1] + chr(following)
