"""A page of a list: what to list, in which order, from where on."""

from enum import StrEnum
from typing import Generic, TypeVar

import msgspec

from modelyard.search.tree import Expr

E = TypeVar("E")


class SortKey(StrEnum):
    """What a list can be ordered by. Ties are broken by id in the same direction, so that no row repeats or is skipped."""

    ID = "id"
    CREATED = "created_at"
    UPDATED = "updated_at"


class Cursor(msgspec.Struct, frozen=True):
    """The last row of the page before: its id and its value of the sort key (both integers for every `SortKey`)."""

    id: int
    value: int


class ListQuery(msgspec.Struct, frozen=True, kw_only=True):
    """`scope` is set by the program (a parent, a type) and `filter` by the caller; a row must satisfy both.

    `limit` None means every row.
    """

    scope: Expr | None = None
    filter: Expr | None = None
    sort: SortKey = SortKey.ID
    descending: bool = False
    limit: int | None = None
    after: Cursor | None = None


class Page(msgspec.Struct, Generic[E], frozen=True):
    """`next` is None on the last page."""

    items: list[E]
    next: Cursor | None
