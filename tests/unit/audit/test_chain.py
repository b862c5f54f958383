"""What is hashed, and how: as docs/guides/audit.md tells others who check it."""

import hashlib
import json

import msgspec

from modelyard.audit import chain
from modelyard.audit.chain import START, Head
from modelyard.audit.events import Action, Event
from modelyard.audit.log import Logged
from modelyard.context import Millis, ProjectId

AFTER = '{"name":"é 🦜","note":"a\\nb"}'
EVENT = Event(ProjectId(1), Millis(1_700_000_000_000), "ann", "kubeflow", "r\u20281\x01", Action.UPDATED, 2, 7, None, AFTER)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def test_an_event_is_hashed_as_rfc_8785_writes_it() -> None:
    """Spelled by Python's own JSON, which agrees where it is told to escape nothing that need not be."""
    fields = [57, 1, 1_700_000_000_000, "ann", "kubeflow", "r\u20281\x01", "updated", 2, 7, None, AFTER]
    written = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))

    assert written.startswith('[57,1,1700000000000,"ann","kubeflow","r\u20281\\u0001","updated",2,7,null,"{\\"name\\":\\"é 🦜\\"')
    assert chain.digest(Logged(57, EVENT)) == sha256(written)


def test_a_seal_covers_its_events_and_the_seal_before() -> None:
    logged = [Logged(57, EVENT), Logged(59, EVENT)]
    digests = [[one.id, chain.digest(one)] for one in logged]

    seal = chain.seal(Head(4, 56, "ab" * 32), logged, Millis(9))

    assert (seal.number, seal.sealed_at, seal.last_id) == (5, 9, 59)
    assert json.loads(seal.events) == digests
    assert seal.hash == sha256(json.dumps([5, 9, "ab" * 32, digests], separators=(",", ":")))
    assert Head.of(seal) == Head(5, 59, seal.hash)
    assert seal.digests == [(number, text) for number, text in digests]


def test_whatever_is_different_has_another_hash() -> None:
    changes = {
        "project_id": ProjectId(2),
        "at": Millis(1),
        "actor": "sam",
        "dialect": "native",
        "request_id": "r2",
        "action": Action.CREATED,
        "kind": 3,
        "record_id": 8,
        "before": "null",
        "after": None,
    }
    assert set(changes) == set(Event.__struct_fields__)
    events = [EVENT, *[msgspec.structs.replace(EVENT, **{name: value}) for name, value in changes.items()]]

    digests = {chain.digest(Logged(number, event)) for event in events for number in (1, 2)}

    assert len(digests) == 2 * len(events)
    hashes = {chain.seal(head, [Logged(1, EVENT)], Millis(now)).hash for head in (START, Head(1, 0, START.hash)) for now in (1, 2)}
    assert len(hashes) == 4
