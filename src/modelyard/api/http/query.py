"""Query strings, parsed by the rules of Go's `net/url`, which Kubeflow's clients were written against."""

import re
from urllib.parse import unquote_to_bytes

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)


class BadQuery(Exception):
    """The query string cannot be read. Its text is the message for the caller."""


def parse_query(raw: bytes) -> dict[str, str]:
    """Names to their first values, without those whose first value is empty: `a=1&a=2&b=&c` is `{"a": "1"}`.

    Bytes that are not UTF-8 become U+FFFD. Raises `BadQuery` for a `;` or for a `%` that two hex digits do not follow; the rest of
    the query does not matter then, and of several faults a `;` is named first.
    """
    pairs = [pair.partition(b"=") for pair in raw.split(b"&") if pair]
    if b";" in raw:
        raise BadQuery("invalid semicolon separator in query")
    values: dict[str, str] = {}
    for name, _, value in pairs:
        values.setdefault(_decode(name), _decode(value))
    return {name: value for name, value in values.items() if value}


def _decode(text: bytes) -> str:
    if b"%" in text:
        if bad := _BAD_ESCAPE.search(text):
            raise BadQuery(f'invalid URL escape "{bad[0].decode("ascii", "replace")}"')
        text = unquote_to_bytes(text.replace(b"+", b" "))
    elif b"+" in text:
        text = text.replace(b"+", b" ")
    return text.decode("utf-8", "replace")
