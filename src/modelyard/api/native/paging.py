"""Pages of lists that go by id."""

from typing import NamedTuple

from modelyard.api.http.message import Request
from modelyard.api.http.operation import Parameter, Place
from modelyard.api.native.decode import query_integer
from modelyard.records.properties import INT64_MAX
from modelyard.search.page import Cursor

SHOWN, MOST = 100, 1_000
"""Items of a page: unless asked for another number, and at most."""

PAGING = (
    Parameter("limit", Place.QUERY, {"type": "integer", "minimum": 1, "maximum": MOST, "default": SHOWN}, "How many at most."),
    Parameter("after", Place.QUERY, {"type": "string"}, "The `next` of the page before."),
)


class Asked(NamedTuple):
    """The id after which a page begins, and how many items it has at most."""

    after: int
    limit: int


def asked(request: Request) -> Asked:
    """Raises `Invalid`."""
    return Asked(query_integer(request, "after", 0, 1, INT64_MAX), query_integer(request, "limit", SHOWN, 1, MOST))


def following(cursor: Cursor | None) -> str | None:
    return None if cursor is None else str(cursor.id)
