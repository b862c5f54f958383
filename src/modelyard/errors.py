"""What can go wrong, in the domain's words.

An error is raised once, with the thing, the value and what to do. It knows no HTTP number: each dialect maps `Code` to its own
statuses and wording (an existing name is 409 in one dialect and 400 in another).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NoReturn


class Code(StrEnum):
    """Every kind of failure a caller can be told about. A test walks it: no dialect may leave one unmapped."""

    INVALID = "invalid"
    """A value was understood and is not acceptable."""
    MISSING = "missing"
    """A required value was not given."""
    NOT_FOUND = "not_found"
    AMBIGUOUS = "ambiguous"
    """A lookup that must name one thing matched several."""
    ALREADY_EXISTS = "already_exists"
    """A unique value is taken."""
    STALE = "stale"
    """The caller's revision is not the current one."""
    REUSED_KEY = "reused_key"
    """An idempotency key came back with another request."""
    IN_USE = "in_use"
    """Something else still needs the thing."""
    UNAUTHENTICATED = "unauthenticated"
    """It is not known who is asking, and must be."""
    FORBIDDEN = "forbidden"
    TOO_MANY = "too_many"
    """The caller has failed or asked too often of late."""
    TOO_LARGE = "too_large"
    UNAVAILABLE = "unavailable"
    """The store cannot be reached now, or the server has all the work that it takes; the same request may succeed later."""


class ModelyardError(Exception):
    """Base of all domain errors.

    `message` is for people: it names the field, the value and the remedy. `details` is for dialects that word the message
    themselves; its keys are documented where each error is raised.
    """

    code: Code

    def __init__(self, message: str, **details: str | int | None) -> None:
        super().__init__(message)
        self.message = message
        self.details: Mapping[str, str | int | None] = details


class Invalid(ModelyardError):
    code = Code.INVALID


class Missing(ModelyardError):
    """Details: `field`."""

    code = Code.MISSING


class NotFound(ModelyardError):
    """Details: `kind` (a `records.Kind` value's label) and what was looked for: `id`, or `name`, `external_id`, `parent_id`."""

    code = Code.NOT_FOUND


class Ambiguous(ModelyardError):
    """Details as `NotFound`."""

    code = Code.AMBIGUOUS


class AlreadyExists(ModelyardError):
    """Details: `kind`, the record's `name`, its `type` if it has one, the `field` that clashed
    (`name` or `external_id`) and its `value`.
    """

    code = Code.ALREADY_EXISTS


class Stale(ModelyardError):
    """Details: the record's `kind` and the `actual` revision."""

    code = Code.STALE


class ReusedKey(ModelyardError):
    code = Code.REUSED_KEY


class InUse(ModelyardError):
    code = Code.IN_USE


class Unauthenticated(ModelyardError):
    code = Code.UNAUTHENTICATED


class Forbidden(ModelyardError):
    code = Code.FORBIDDEN


class TooMany(ModelyardError):
    """Details: `retry_after` in seconds."""

    code = Code.TOO_MANY


class TooLarge(ModelyardError):
    """Details: `limit` in bytes or items."""

    code = Code.TOO_LARGE


class Unavailable(ModelyardError):
    """Details: `retry_after` in seconds."""

    code = Code.UNAVAILABLE


def invalid(field: str, value: object, problem: str) -> NoReturn:
    """Raise `Invalid` in the house's shape: the field, the value (shortened) and what would be right."""
    shown = repr(value)
    if len(shown) > 80:
        shown = shown[:77] + "..."
    raise Invalid(f"{field} is {shown}: {problem}", field=field)
