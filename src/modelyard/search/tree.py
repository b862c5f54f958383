"""A filter as a tree. Dialects parse their own grammar into it; `evaluate` says what it means, `compile` turns it into SQL.

Meaning, the same on every database and in memory:

- Two-valued: a condition on something a record does not have is false, whatever the operator; `Not` of it is true.
- Text compares by code point, exactly (case, accents, trailing spaces); only `Like(fold=True)` folds case (see `evaluate.fold`).
- A property without a type matches by the literal: text matches text; true and false match booleans; an integer matches integers
  and floats; a float matches floats only. With a type, only values of that type match.
- A field of text compared with a number, or a numeric field with text that is no number, is `errors.Invalid` (see `fields`).
- A list field (tasks, languages) matches when any element does.
"""

from enum import Enum, StrEnum

import msgspec

Scalar = str | int | float | bool


class PropertyType(StrEnum):
    TEXT = "text"
    INTEGER = "integer"
    FLOAT = "float"
    BOOLEAN = "boolean"


class Operator(Enum):
    EQ = "="
    NE = "!="
    LT = "<"
    LE = "<="
    GT = ">"
    GE = ">="

    # Shapes of filters are looked up with these in them, and an enum's own hash is a Python function.
    __hash__ = object.__hash__


class Field(msgspec.Struct, frozen=True):
    """A field that the domain declares (`<domain>/fields.py`), by its domain name. `type` is a type the caller insisted on."""

    name: str
    type: PropertyType | None = None


class Property(msgspec.Struct, frozen=True):
    """A custom property by its key, optionally of one type only."""

    name: str
    type: PropertyType | None = None


Subject = Field | Property


class Compare(msgspec.Struct, frozen=True):
    subject: Subject
    operator: Operator
    value: Scalar


class Like(msgspec.Struct, frozen=True):
    r"""SQL's LIKE: `%` any run, `_` one character, `\` escapes the next. `fold` compares without regard to case."""

    subject: Subject
    pattern: str
    fold: bool = False


class In(msgspec.Struct, frozen=True):
    """Equal to any of the values, each by its own type; none of them when empty."""

    subject: Subject
    values: tuple[Scalar, ...]


class Exists(msgspec.Struct, frozen=True):
    """The record has the subject. `Not(Exists(x))` is IS NULL."""

    subject: Subject


class And(msgspec.Struct, frozen=True):
    terms: tuple["Expr", ...]


class Or(msgspec.Struct, frozen=True):
    terms: tuple["Expr", ...]


class Not(msgspec.Struct, frozen=True):
    term: "Expr"


Expr = Compare | Like | In | Exists | And | Or | Not


def both(*terms: Expr | None) -> Expr | None:
    """All of the given conditions; the ones that are None do not count."""
    given = tuple(term for term in terms if term is not None)
    return And(given) if len(given) > 1 else given[0] if given else None


def equals(field: str, value: Scalar) -> Compare:
    return Compare(Field(field), Operator.EQ, value)
