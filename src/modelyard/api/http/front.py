"""What stands in front of the server: a path prefix, and proxies that tell who really asks, and for what.

Whoever sends a request may write any `X-Forwarded-*` header in it. So they are believed only of the addresses that are configured as
proxies, and of several values only the last, which the nearest proxy wrote. RFC 7239's `Forwarded` is not read: most proxies that do not
write it pass on what the client wrote, so that a server believing both kinds believes the client.
"""

import ipaddress
import re
from collections.abc import Iterable, Sequence

from modelyard.api.http.asgi import Scope
from modelyard.api.http.message import Header
from modelyard.settings import PATH_PREFIX

_FOR, _HOST, _PREFIX, _PROTO = b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-prefix", b"x-forwarded-proto"

_AUTHORITY = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?")
_PORT = re.compile(r"(?<=\]):\d+$|^(?P<v4>[\d.]+):\d+$")

_REMEMBERED = 256

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Front:
    """`prefix` is what paths begin with as clients see them (`/registry`), or empty; `trusted` are addresses and networks."""

    def __init__(self, prefix: str = "", trusted: Iterable[str] = ()) -> None:
        self._prefix = prefix
        self._networks = tuple(ipaddress.ip_network(proxy) for proxy in trusted)
        # Proxies are few. The bound keeps clients that come from everywhere from filling the memory.
        self._judged: dict[str, bool] = {}

    def seen(self, scope: Scope) -> tuple[Scope, str]:
        """The request as the client made it, its path without the prefix; and what goes before a path in a link (`Request.base`)."""
        peer, _ = scope.get("client") or ("", 0)
        headers: Sequence[Header] = scope["headers"]
        named = dict(headers) if self._networks and self._trusts(peer) else {}
        if told := _last(named, _PREFIX).rstrip("/"):
            prefix = told if PATH_PREFIX.fullmatch(told) else ""
        else:
            prefix = self._prefix
            scope = _without(prefix, scope)
        if not named:
            return scope, prefix
        scope = {**scope, "client": (self._client(peer, headers), 0)}
        host, scheme = _last(named, _HOST), _last(named, _PROTO).lower()
        if host:
            scope["headers"] = _addressed_to(host.encode("latin-1"), headers if b"host" in named else [*headers, (b"host", b"")])
        else:
            host = named.get(b"host", b"").decode("latin-1")
        if scheme in ("http", "https"):
            scope["scheme"] = scheme
            if _AUTHORITY.fullmatch(host):
                return scope, f"{scheme}://{host}{prefix}"
        return scope, prefix

    def _client(self, peer: str, headers: Sequence[Header]) -> str:
        """The nearest address that is no proxy of ours: what stands further from us may be made up."""
        for hop in reversed(_hops(headers)):
            address = _address(hop)
            if address is None:
                break
            peer = str(address)
            if not self._is_proxy(address):
                break
        return peer

    def _trusts(self, peer: str) -> bool:
        judged = self._judged.get(peer)
        if judged is None:
            address = _address(peer)
            judged = address is not None and self._is_proxy(address)
            if len(self._judged) < _REMEMBERED:
                self._judged[peer] = judged
        return judged

    def _is_proxy(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _without(prefix: str, scope: Scope) -> Scope:
    """The request with the prefix taken off its path, if it is there."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    start = prefix.encode()
    if not prefix or not (raw == start or raw.startswith(start + b"/")):
        return scope
    return {**scope, "path": scope["path"][len(prefix) :] or "/", "raw_path": raw[len(start) :] or b"/"}


def _addressed_to(host: bytes, headers: Sequence[Header]) -> list[Header]:
    """As many `Host` lines as before: that there are two is for the gate to refuse."""
    return [(name, host if name == b"host" else value) for name, value in headers]


def _last(named: dict[bytes, bytes], name: bytes) -> str:
    return named.get(name, b"").decode("latin-1").rpartition(",")[2].strip()


def _hops(headers: Sequence[Header]) -> list[str]:
    """Each proxy adds the address it was called from, to the last line or as a line of its own."""
    return [hop.strip() for name, value in headers if name == _FOR for hop in value.decode("latin-1").split(",")]


def _address(text: str) -> Address | None:
    """With or without port and brackets; an IPv4 address in an IPv6 one is that."""
    bare = _PORT.sub(lambda found: found["v4"] or "", text).removeprefix("[").removesuffix("]")
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
