"""A record's revision as its entity tag (`ETag`), and as the condition of a change (`If-Match`)."""

import re

from modelyard.api.http.message import Header, Request

_TAG = re.compile(r'"([0-9]{1,18})"', re.ASCII)


def etag(revision: int) -> Header:
    return (b"etag", b'"%d"' % revision)


def expected_revisions(request: Request) -> frozenset[int] | None:
    """The revisions that the client would have changed, by `If-Match`; None for `*` or no header.

    A tag that is none of ours, or a weak one, matches no revision.
    """
    header = request.header(b"if-match")
    if header is None or header.strip() == "*":
        return None
    return frozenset(int(found[1]) for tag in header.split(",") if (found := _TAG.fullmatch(tag.strip())))
