"""Whether the audit events are what was sealed."""

import itertools
from collections.abc import Callable
from enum import StrEnum
from typing import NamedTuple

import msgspec

from modelyard.audit import chain
from modelyard.audit.chain import START, Digests, Head, Seal
from modelyard.audit.log import EventLog, Logged
from modelyard.audit.seals import Seals
from modelyard.store.database import Reader

Watch = Callable[[str, int], None]
"""Told what is looked at, and how many rows of it have been."""


class Harm(StrEnum):
    CHANGED = "changed"
    REMOVED = "removed"
    INSERTED = "inserted"
    SEAL_CHANGED = "seal_changed"
    SEAL_REMOVED = "seal_removed"
    HASH_NOT_FOUND = "hash_not_found"


class Tampering(msgspec.Struct, frozen=True):
    """The first thing that is wrong. `event` is an event's id and `seal` the number of its seal; None where it is not about one."""

    harm: Harm
    seal: int | None
    event: int | None
    problem: str


class Attestation(msgspec.Struct, frozen=True):
    """How much of the log is as it was sealed: all of it, or what comes before the tampering. `head` is the last good seal's hash."""

    tampering: Tampering | None
    seals: int
    sealed: int
    waiting: int
    head: str

    @property
    def intact(self) -> bool:
        return self.tampering is None


class _Walked(NamedTuple):
    head: Head
    sealed: int
    tampering: Tampering | None
    met: bool
    """Whether the hash that was asked for is one of the chain's."""


async def verify(reader: Reader, log: EventLog, seals: Seals, watch: Watch, expect: str | None = None) -> Attestation:
    """Walk the chain from its start; `expect` is the hash of a seal that it once had, such as its head, and must have still.

    Of all that is wrong, the first is told. `reader` must see one moment of the store.
    """
    head, sealed, tampering, met = await _walk(reader, log, seals, watch, expect)
    waiting = await seals.unsealed(reader, head.last_id) if tampering is None else 0
    if tampering is None and not met:
        problem = f"no seal has the hash {expect}: the end of the chain was cut off, or the chain was made anew"
        tampering = Tampering(Harm.HASH_NOT_FOUND, None, None, problem)
    return Attestation(tampering, head.number, sealed, waiting, head.hash)


async def _walk(reader: Reader, log: EventLog, seals: Seals, watch: Watch, expect: str | None) -> _Walked:
    head, sealed, met = START, 0, expect in (None, START.hash)
    while some := await seals.after(reader, head.number):
        for seal in some:
            digests = _digests(seal)
            tampering = _harmed(head, seal, digests) or await _harmed_events(reader, log, head, seal, digests)
            if tampering is not None:
                return _Walked(head, sealed, tampering, met)
            head, sealed, met = Head.of(seal), sealed + len(digests), met or seal.hash == expect
        watch("sealed events", sealed)
    return _Walked(head, sealed, None, met)


def _digests(seal: Seal) -> Digests:
    try:
        return seal.digests
    except msgspec.DecodeError:
        return []


def _harmed(head: Head, seal: Seal, digests: Digests) -> Tampering | None:
    """Whether the seal itself is what it was."""
    if seal.number != head.number + 1:
        missing = head.number + 1
        problem = f"seal {missing} is not there, and seal {seal.number} is: what it sealed, after event {head.last_id}, is not proven"
        return Tampering(Harm.SEAL_REMOVED, missing, None, problem)
    if not digests or digests[-1][0] != seal.last_id or seal.hash != chain.hash_of(head, seal.sealed_at, seal.events):
        problem = f"seal {seal.number}, of the events after {head.last_id}, does not have the hash of what it says: it was changed"
        return Tampering(Harm.SEAL_CHANGED, seal.number, None, problem)
    return None


async def _harmed_events(reader: Reader, log: EventLog, head: Head, seal: Seal, digests: Digests) -> Tampering | None:
    """The first difference between what was sealed and what is there: if there are more events than sealed, one more shows it."""
    found = await log.stretch(reader, head.last_id, seal.last_id, len(digests) + 1)
    for told, there in itertools.zip_longest(digests, found):
        tampering = _difference(seal, told, there)
        if tampering is not None:
            return tampering
    return None


def _difference(seal: Seal, told: tuple[int, str] | None, there: Logged | None) -> Tampering | None:
    """Between what was sealed in one place and the event that is there. What is before that place is the same."""
    if there is not None and (told is None or there.id < told[0]):
        return _event(Harm.INSERTED, seal, there.id, "was not there when its neighbours were sealed")
    if told is not None and (there is None or there.id > told[0]):
        return _event(Harm.REMOVED, seal, told[0], "is not there any more")
    if told is not None and there is not None and told[1] != chain.digest(there):
        return _event(Harm.CHANGED, seal, there.id, "is not what was sealed")
    return None


def _event(harm: Harm, seal: Seal, event_id: int, problem: str) -> Tampering:
    return Tampering(harm, seal.number, event_id, f"event {event_id} {problem} (seal {seal.number})")
