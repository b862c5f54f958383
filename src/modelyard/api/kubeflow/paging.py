"""List parameters, page tokens, and the body of a list."""

import base64
import binascii
import string
from collections.abc import Mapping

import msgspec

from modelyard.api.kubeflow.decode import parse_int32
from modelyard.api.kubeflow.filter import Names, parse
from modelyard.errors import Invalid
from modelyard.search.page import Cursor, ListQuery, SortKey
from modelyard.search.tree import Expr

SORT_KEYS = {"ID": SortKey.ID, "CREATE_TIME": SortKey.CREATED, "LAST_UPDATE_TIME": SortKey.UPDATED}
MAX_TOKEN = 1024
_BASE64 = frozenset(string.ascii_letters + string.digits + "+/")


class PageSize(msgspec.Struct, frozen=True):
    """`asked` is what the client said, 0 when nothing; `limit` what that means here, None for no limit."""

    asked: int
    limit: int | None


def page_size(query: Mapping[str, str], most: int) -> PageSize:
    """As asked for. Zero and less mean all, or `most` where the server has a limit (0: it has none)."""
    text = query.get("pageSize")
    asked = 0 if text is None else parse_int32(text)
    if most and asked > most:
        raise Invalid(f"pageSize is {asked}: this server gives at most {most} items at once; ask for fewer and follow nextPageToken")
    return PageSize(asked, asked if asked > 0 else most or None)


def list_query(query: Mapping[str, str], size: PageSize, after: Cursor | None, scope: Expr | None, names: Names) -> ListQuery:
    """What a list asks for. The filter is read last, as in the original: of several errors the first is told."""
    return ListQuery(
        scope=scope,
        filter=parse(query.get("filterQuery", ""), names),
        sort=SORT_KEYS.get(query.get("orderBy", ""), SortKey.ID),
        descending=query.get("sortOrder") == "DESC",
        limit=size.limit,
        after=after,
    )


def page_token(query: Mapping[str, str]) -> Cursor | None:
    """The cursor that a client got as `nextPageToken`: base64 of `<id>:<value>`."""
    text = query.get("nextPageToken")
    if text is None:
        return None
    if len(text) > MAX_TOKEN:
        raise Invalid("invalid nextPageToken: invalid cursor format")
    try:
        # Python lets an excess of padding pass even so.
        decoded = binascii.a2b_base64(text if len(text) % 4 == 0 else "=", strict_mode=True).decode()
    except ValueError as error:
        at = next((index for index, character in enumerate(text) if character not in _BASE64), len(text))
        raise Invalid(f"invalid nextPageToken: illegal base64 data at input byte {at}") from error
    record_id, colon, value = decoded.partition(":")
    if not colon:
        raise Invalid("invalid nextPageToken: invalid cursor format")
    return Cursor(_number(record_id, -(2**31), 2**31 - 1), _number(value, -(2**63), 2**63 - 1))


def _number(text: str, low: int, high: int) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20 and low <= int(text) <= high):
        raise Invalid(f"invalid nextPageToken: {text[:40]!r} is no number; use a token as it was given")
    return int(text)


def next_token(cursor: Cursor | None) -> str:
    """The same for the same page, always. Empty on the last one."""
    return "" if cursor is None else base64.b64encode(f"{cursor.id}:{cursor.value}".encode()).decode()
