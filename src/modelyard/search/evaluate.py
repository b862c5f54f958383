"""What a filter tree means, in Python: the reference that the SQL of every database is tested against.

`tree` says the rules in words. What it leaves open is decided here:

- A list field without elements counts as not there. A field is there or not, whatever type the caller insists on.
- LIKE is asked of text only; a link only whether it equals. Anything else is `Invalid`, whatever the records hold.
- A typed number property is compared with any number (`Property("n", INTEGER) > 1.5`).
- false is less than true; a boolean never equals a number. An integer and a float are compared exactly, not as two floats.
"""

import functools
import operator
from collections.abc import Callable, Collection, Mapping
from enum import Enum
from typing import Any

from modelyard.errors import Invalid, invalid
from modelyard.search.fields import Fields, FieldSpec, FieldType, coerce
from modelyard.search.like import fold, matcher
from modelyard.search.tree import And, Compare, Exists, Expr, Field, In, Like, Not, Operator, Or, Property, PropertyType, Scalar

__all__ = ["FieldValue", "GetField", "Properties", "Test", "check", "comparable_types", "fold", "matches", "predicate"]

FieldValue = str | int | float | Enum | Collection[str] | Collection[int] | None
"""None: the record has no such field. An enum stands for its value; a collection is what a list or link field holds."""
GetField = Callable[[str], FieldValue]
"""Fetches a field of one record by its domain name."""
Properties = Mapping[str, object]
"""`records.Properties`, a room above this one. Values of a type that no literal has are there, and equal nothing."""
Test = Callable[[GetField, Properties], bool]
_ValueTest = Callable[[object], bool]

_COMPARE: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.EQ: operator.eq,
    Operator.NE: operator.ne,
    Operator.LT: operator.lt,
    Operator.LE: operator.le,
    Operator.GT: operator.gt,
    Operator.GE: operator.ge,
}
_PYTHON_TYPES: dict[PropertyType, type] = {
    PropertyType.TEXT: str,
    PropertyType.INTEGER: int,
    PropertyType.FLOAT: float,
    PropertyType.BOOLEAN: bool,
}
_NUMBERS = frozenset({PropertyType.INTEGER, PropertyType.FLOAT})
_TEXTS = frozenset({FieldType.TEXT, FieldType.TEXT_LIST})
_MANY = frozenset({FieldType.TEXT_LIST, FieldType.LINK})


def matches(expr: Expr, get_field: GetField, properties: Properties, fields: Fields) -> bool:
    """Whether one record satisfies the filter. For many records, make a `predicate` once."""
    return predicate(expr, fields)(get_field, properties)


def check(expr: Expr, fields: Fields) -> None:
    """Raise `Invalid` for what no record could be asked: an unknown field, a literal that a field cannot be compared with."""
    predicate(expr, fields)


def predicate(expr: Expr, fields: Fields) -> Test:
    """The filter as a function of one record. Everything that can be wrong with the filter is raised here, as `Invalid`."""
    match expr:
        case And(terms):
            return _every([predicate(term, fields) for term in terms])
        case Or(terms):
            return _some([predicate(term, fields) for term in terms])
        case Not(term):
            test = predicate(term, fields)
            return lambda get_field, properties: not test(get_field, properties)
        case _:
            return _condition(expr, fields)


def _every(tests: list[Test]) -> Test:
    def holds(get_field: GetField, properties: Properties) -> bool:
        for test in tests:  # noqa: SIM110 - thousands of rows are tested at a time, and a generator takes twice as long
            if not test(get_field, properties):
                return False
        return True

    return holds


def _some(tests: list[Test]) -> Test:
    def holds(get_field: GetField, properties: Properties) -> bool:
        for test in tests:  # noqa: SIM110 - as above
            if test(get_field, properties):
                return True
        return False

    return holds


def comparable_types(wanted: PropertyType | None, literal: Scalar) -> frozenset[PropertyType]:
    """The types of property value that the literal is compared with; values of any other type do not match. May be empty."""
    kind: type = type(literal)
    return _comparable_types(wanted, kind)


@functools.cache
def _comparable_types(wanted: PropertyType | None, literal: type) -> frozenset[PropertyType]:
    if issubclass(literal, bool):
        types = frozenset({PropertyType.BOOLEAN})
    elif issubclass(literal, str):
        types = frozenset({PropertyType.TEXT})
    elif wanted is None:
        return _NUMBERS if issubclass(literal, int) else frozenset({PropertyType.FLOAT})
    else:
        types = _NUMBERS
    return types if wanted is None else types & {wanted}


def _condition(condition: Compare | Like | In | Exists, fields: Fields) -> Test:
    name = condition.subject.name
    if isinstance(condition.subject, Property):
        property_test = _property_test(condition)
        return lambda _, properties: property_test(properties.get(name))
    spec = _spec(condition.subject, fields)
    test = _field_test(condition, spec)
    if spec.type in _MANY:
        return lambda get_field, _: any(test(element) for element in _elements(get_field(name)))
    return lambda get_field, _: (value := get_field(name)) is not None and test(value.value if isinstance(value, Enum) else value)


def _spec(field: Field, fields: Fields) -> FieldSpec:
    spec = fields.get(field.name)
    if spec is None:
        invalid("the filter's field", field.name, f"use one of {', '.join(sorted(fields))}")
    return spec


def _elements(value: FieldValue) -> Collection[object]:
    """A link to one record may be given as its bare id."""
    if value is None:
        return ()
    return value if isinstance(value, Collection) and not isinstance(value, str) else (value,)


def _never(_: object) -> bool:
    return False


def _always(_: object) -> bool:
    return True


def _property_test(condition: Compare | Like | In | Exists) -> _ValueTest:
    wanted = condition.subject.type
    match condition:
        case Compare(_, symbol, literal):
            types, compare = _python_types(wanted, literal), _COMPARE[symbol]
            return lambda value: type(value) in types and compare(value, literal)
        case Like(_, pattern, fold_case):
            like = matcher(pattern, fold_case=fold_case)
            return (lambda value: isinstance(value, str) and like(value)) if wanted in (None, PropertyType.TEXT) else _never
        case In(_, literals):
            # by type, because true, 1 and 1.0 are one key of a set
            accepted = {type_: {x for x in literals if type_ in _python_types(wanted, x)} for type_ in _PYTHON_TYPES.values()}
            return lambda value: value in accepted.get(type(value), ())
        case Exists():
            return (lambda value: value is not None) if wanted is None else (lambda value: type(value) is _PYTHON_TYPES[wanted])


def _python_types(wanted: PropertyType | None, literal: Scalar) -> frozenset[type]:
    return _types_in_python(comparable_types(wanted, literal))


@functools.cache
def _types_in_python(types: frozenset[PropertyType]) -> frozenset[type]:
    return frozenset(_PYTHON_TYPES[type_] for type_ in types)


def _field_test(condition: Compare | Like | In | Exists, spec: FieldSpec) -> _ValueTest:
    wanted = condition.subject.type
    match condition:
        case Compare(_, symbol, literal):
            _check_link(spec, symbol.value, allowed=symbol is Operator.EQ)
            operand, compare = coerce(spec, wanted, literal), _COMPARE[symbol]
            return _never if operand is None else lambda value: compare(value, operand)
        case In(_, literals):
            operands = {coerce(spec, wanted, literal) for literal in literals} - {None}
            return lambda value: value in operands
        case Like(_, pattern, fold_case):
            if spec.type not in _TEXTS:
                raise Invalid(f"the filter asks {spec.name} LIKE {pattern[:80]!r}: type mismatch, the field is no text; use =, < or >")
            like = matcher(pattern, fold_case=fold_case)
            fitting = coerce(spec, wanted, pattern) is not None
            return (lambda value: isinstance(value, str) and like(value)) if fitting else _never
        case Exists():
            _check_link(spec, "IS NULL", allowed=False)
            return _always


def _check_link(spec: FieldSpec, asked: str, *, allowed: bool) -> None:
    if spec.type is FieldType.LINK and not allowed:
        raise Invalid(f"the filter asks {spec.name} {asked}: the id of another record can be compared with = and IN only")
