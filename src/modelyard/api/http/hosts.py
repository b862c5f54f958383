"""Which names the server answers to.

Why: a page of any web site may point a name of its own at 127.0.0.1 once it is loaded (DNS rebinding). The browser then takes this
server for that site and lets the page read every answer. The one thing such a page cannot forge is the `Host` header, which carries
the site's name; so a name that nobody configured is refused.
"""

import ipaddress
from collections.abc import Iterable

_REMEMBERED = 256


class Hosts:
    """`allowed` are names or addresses without port (an IPv6 address may be in brackets); `*` is any. Loopback ones always are."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._names = frozenset(_bare(name.lower()) for name in allowed)
        self._any = "*" in self._names
        # Clients say the same few names again and again; the bound keeps one that makes up names from filling the memory.
        self._accepted: set[bytes] = set()

    def allows(self, host: bytes) -> bool:
        """`host` is the header's value, with or without port."""
        if self._any or host in self._accepted:
            return True
        name = host_name(host)
        if name not in self._names and not is_loopback(name):
            return False
        if len(self._accepted) < _REMEMBERED:
            self._accepted.add(host)
        return True


def host_name(host: bytes) -> str:
    """The name in a `Host` header, in lower case, without port, brackets and the DNS root's dot; empty when it is malformed."""
    text = host.decode("latin-1").lower()
    name, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        name, port = text, ""
    if (port and not port.isdecimal()) or "@" in name or "/" in name:
        return ""
    return _bare(name)


def _bare(name: str) -> str:
    return name.removeprefix("[").removesuffix("]").removesuffix(".")


def is_address(host: bytes) -> bool:
    """Whether a `Host` header has an address: no page is from there but one of the server itself."""
    try:
        ipaddress.ip_address(host_name(host))
    except ValueError:
        return False
    return True


def is_loopback(name: str) -> bool:
    """`localhost` and what is under it, 127.0.0.0/8, ::1. No DNS server is asked: the name itself must say so."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
