"""Query strings, parsed by the rules of Go's `net/url`, which Kubeflow's clients were written against."""

import itertools
import re

_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)
_BYTES = {f"{high}{low}".encode(): bytes.fromhex(high + low) for high, low in itertools.product("0123456789abcdefABCDEF", repeat=2)}


class BadQuery(Exception):
    """The query string cannot be read. Its text is the message for the caller."""


def parse_query(raw: bytes) -> dict[str, str]:
    """Names to their first values, without those whose first value is empty: `a=1&a=2&b=&c` is `{"a": "1"}`.

    Bytes that are not UTF-8 become U+FFFD. Raises `BadQuery` for a `;` or for a `%` that two hex digits do not follow; the rest of
    the query does not matter then, and of several faults a `;` is named first.
    """
    if b";" in raw:
        raise BadQuery("invalid semicolon separator in query")
    values: dict[str, str] = {}
    for pair in raw.split(b"&"):
        if pair:
            name, _, value = pair.partition(b"=")
            values.setdefault(_decode(name), _decode(value))
    return values if all(values.values()) else {name: value for name, value in values.items() if value}


def _decode(text: bytes) -> str:
    if b"+" in text or b"%" in text:
        text = _unescaped(text)
    return text.decode("utf-8", "replace")


def _unescaped(text: bytes) -> bytes:
    plain, *escaped = text.replace(b"+", b" ").split(b"%")
    try:
        return plain + b"".join([_BYTES[part[:2]] + part[2:] for part in escaped])
    except KeyError:
        bad = _BAD_ESCAPE.search(text)
        raise BadQuery(f'invalid URL escape "{bad[0].decode("ascii", "replace") if bad else ""}"') from None
