"""The check that runs before anything else: no zero bytes, which not every database could keep."""

import re
from urllib.parse import unquote_to_bytes

from modelyard.api.http.message import Request
from modelyard.api.kubeflow.refusals import BadRequest

_ESCAPED = rb"\u0000"
_NULL_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
"""An even number of backslashes before it: an odd one means an escaped backslash, and the text `u0000` after it is harmless."""


def refuse_null_bytes(request: Request) -> None:
    r"""Raises `BadRequest` when the body or a query value holds the character U+0000, raw or written as `\u0000`.

    Query names and the path are not looked at. The original also refuses legal JSON that holds a backslash before `u0000`.
    """
    if request.query_string:
        _check_query(request.query_string)
    body = request.body
    if b"\0" in body or (_ESCAPED in body and _NULL_ESCAPE.search(body)):
        raise BadRequest("Request body contains null bytes which are not allowed")


def _check_query(raw: bytes) -> None:
    # A zero byte or a backslash, percent-encoded or not, however the rest is written.
    if not (b"%00" in raw or b"%5" in raw or b"\\" in raw or b"\0" in raw):
        return
    for pair in raw.split(b"&"):
        name, _, value = pair.partition(b"=")
        if b"\0" in (value := unquote_to_bytes(value)) or _ESCAPED in value:
            shown = unquote_to_bytes(name).decode("utf-8", "replace")
            raise BadRequest(f"Invalid {shown} query parameter: invalid {shown} parameter: contains null bytes which are not allowed")
