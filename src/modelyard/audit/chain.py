"""The chain of seals: what is hashed, and how. Documented in docs/guides/audit.md, so that others can check it, too.

Everything that is hashed is JSON as RFC 8785 has it: UTF-8, no spaces, and nothing escaped that need not be.
"""

import hashlib
from collections.abc import Sequence

import msgspec

from modelyard.audit.log import Logged
from modelyard.context import Millis

Digests = list[tuple[int, str]]
"""The ids of events, each with its digest."""

_digests = msgspec.json.Decoder(Digests)


class Seal(msgspec.Struct, frozen=True):
    """One link of the chain. `events` is the JSON of their ids and digests, by id; `hash` covers all of that, and the seal before."""

    number: int
    sealed_at: Millis
    last_id: int
    events: str
    hash: str

    @property
    def digests(self) -> Digests:
        """Raises `msgspec.DecodeError`."""
        return _digests.decode(self.events)


class Head(msgspec.Struct, frozen=True):
    """Where a chain ends."""

    number: int
    last_id: int
    hash: str

    @staticmethod
    def of(seal: Seal) -> "Head":
        return Head(seal.number, seal.last_id, seal.hash)


START = Head(0, 0, "0" * 64)
"""Of a chain without seals."""


def seal(head: Head, events: Sequence[Logged], now: Millis) -> Seal:
    """The seal of these events, which come next."""
    told = _json([(one.id, digest(one)) for one in events]).decode()
    return Seal(head.number + 1, now, events[-1].id, told, hash_of(head, now, told))


def digest(logged: Logged) -> str:
    """SHA-256, in hex, of an event: its id and then its fields, `before` and `after` as the texts that they are."""
    return hashlib.sha256(_json((logged.id, *msgspec.structs.astuple(logged.event)))).hexdigest()


def hash_of(head: Head, sealed_at: Millis, events: str) -> str:
    """SHA-256, in hex, of the number of the seal that follows `head`, its time, the hash of `head`, and its events."""
    return hashlib.sha256(f'[{head.number + 1},{sealed_at},"{head.hash}",{events}]'.encode()).hexdigest()


def _json(value: object) -> bytes:
    return msgspec.json.encode(value)
