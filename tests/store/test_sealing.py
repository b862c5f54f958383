"""Audit events are sealed into one chain, and whatever is done to them afterwards shows: in memory and on every database."""

import asyncio

import msgspec
import pytest
from sqlalchemy import delete, insert, or_, update
from sqlalchemy.sql import Executable

from modelyard.audit import chain, sealing
from modelyard.audit.chain import START
from modelyard.audit.seals import SqlSeals
from modelyard.audit.tables import AUDIT_EVENT, AUDIT_SEAL
from modelyard.audit.verification import Harm
from modelyard.context import Millis
from modelyard.models.entities import NewModel
from modelyard.store.statements import Statement
from modelyard.store.wipe import wipe
from tests.store.trails import event as made_up
from tests.store.trails import log_of, sealing_of, seals_of, verified
from tests.store.worlds import row_counts
from tests.unit.world import ANN, World

EVENT, SEAL = AUDIT_EVENT.c, AUDIT_SEAL.c


@pytest.fixture(autouse=True)
def small_seals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "BATCH", 3)


async def make_models(world: World, count: int) -> None:
    for _ in range(count):
        await world.models.create_model(ANN, NewModel())


async def seal_all(world: World) -> int:
    """Until nothing is left: a database server may need a second look to know what is settled."""
    sealing, total = sealing_of(world), 0
    async with asyncio.timeout(20):
        while await waiting(world):
            total += await sealing.seal()
            await asyncio.sleep(0.01)
    return total


async def waiting(world: World) -> int:
    reader = world.database.reader
    return await seals_of(world).unsealed(reader, (await seals_of(world).head(reader)).last_id)


async def tamper(world: World, clause: Executable) -> None:
    """What someone who has got into the database might do."""
    await world.database.write(lambda unit: unit.execute(Statement("tamper", clause), {}))


async def first_id(world: World) -> int:
    """Of the events; they are numbered without a gap."""
    return (await log_of(world).stretch(world.database.reader, 0, 10**12, 1))[0].id


async def test_events_are_sealed_once_in_order(world: World) -> None:
    await make_models(world, 7)

    assert await seal_all(world) == 7
    assert await sealing_of(world).seal() == 0

    seals = list(await seals_of(world).after(world.database.reader, 0))
    assert [seal.number for seal in seals] == [1, 2, 3]
    assert [len(seal.digests) for seal in seals] == [3, 3, 1]
    assert {seal.sealed_at for seal in seals} == {world.clock.now}
    found = await verified(world)
    assert (found.intact, found.seals, found.sealed, found.waiting, found.head) == (True, 3, 7, 0, seals[-1].hash)


async def test_what_waits_is_told_and_sealed_next(world: World) -> None:
    await make_models(world, 2)
    await seal_all(world)
    await make_models(world, 2)

    found = await verified(world)
    assert (found.intact, found.sealed, found.waiting) == (True, 2, 2)
    await seal_all(world)
    assert (await verified(world)).sealed == 4


async def test_nothing_at_all(world: World) -> None:
    found = await verified(world)
    assert (found.intact, found.seals, found.sealed, found.waiting, found.head) == (True, 0, 0, 0, START.hash)


async def test_several_servers_make_one_chain(world: World) -> None:
    await make_models(world, 3)

    async def server() -> None:
        sealing = sealing_of(world)
        for _ in range(8):
            await make_models(world, 1)
            await sealing.seal()

    await asyncio.gather(*(server() for _ in range(4)))
    await seal_all(world)

    found = await verified(world)
    assert (found.intact, found.sealed, found.waiting) == (True, 35, 0)


async def test_a_seal_of_the_same_number_comes_too_late(world: World) -> None:
    await make_models(world, 2)
    events = await log_of(world).stretch(world.database.reader, 0, 10**12, 9)
    one, other = chain.seal(START, events, Millis(1)), chain.seal(START, events, Millis(2))

    assert [await seals_of(world).add(seal, events[-1]) for seal in (one, other)] == [True, False]

    assert (await seals_of(world).head(world.database.reader)).hash == one.hash


async def test_purging_keeps_the_chain_whole(world: World) -> None:
    model = await world.models.create_model(ANN, NewModel())
    await world.models.trash_model(ANN, model.id)
    await seal_all(world)

    await world.trash.purge(ANN, before=Millis(world.clock.now + 1))

    assert (await verified(world)).intact
    await seal_all(world)
    assert (await verified(world)).sealed == 3


async def test_an_emptied_store_has_an_empty_chain_and_begins_a_new_one(sql: World) -> None:
    await make_models(sql, 4)
    await seal_all(sql)

    await wipe(sql.database)

    assert (await row_counts(sql))["audit_seal"] == 0
    assert (await verified(sql)).head == START.hash
    await make_models(sql, 2)
    await seal_all(sql)
    assert (await verified(sql)).sealed == 2


async def test_a_seal_of_what_was_emptied_meanwhile_is_not_added(sql: World) -> None:
    await make_models(sql, 2)
    events = await log_of(sql).stretch(sql.database.reader, 0, 10**12, 9)
    seal = chain.seal(START, events, Millis(1))

    await wipe(sql.database)

    assert not await SqlSeals(sql.database).add(seal, events[-1])


@pytest.mark.parametrize("change", [{"actor": "eve"}, {"after": "{}"}], ids=["actor", "after"])
async def test_a_changed_event(sql: World, change: dict[str, str]) -> None:
    await make_models(sql, 8)
    await seal_all(sql)
    event = await first_id(sql) + 4

    await tamper(sql, update(AUDIT_EVENT).where(EVENT.id >= event).values(change))

    found = await verified(sql)
    assert found.tampering is not None
    assert (found.tampering.harm, found.tampering.seal, found.tampering.event) == (Harm.CHANGED, 2, event)
    assert (found.intact, found.seals, found.sealed) == (False, 1, 3)


async def test_a_removed_event(sql: World) -> None:
    await make_models(sql, 8)
    await seal_all(sql)
    first = await first_id(sql)

    for place in (7, 5, 4):
        await tamper(sql, delete(AUDIT_EVENT).where(EVENT.id == first + place))
        found = await verified(sql)
        assert found.tampering is not None
        assert (found.tampering.harm, found.tampering.event) == (Harm.REMOVED, first + place)


async def test_an_inserted_event(sql: World) -> None:
    """In the place of one that was undone before anything was sealed."""
    await make_models(sql, 8)
    first = await first_id(sql)
    await tamper(sql, delete(AUDIT_EVENT).where(or_(EVENT.id == first + 2, EVENT.id == first + 4)))
    await seal_all(sql)
    assert (await verified(sql)).sealed == 6

    for place in (4, 2):
        event = (first + place, *msgspec.structs.astuple(made_up()))
        await tamper(sql, insert(AUDIT_EVENT).values(dict(zip(EVENT.keys(), event, strict=True))))
        found = await verified(sql)
        assert found.tampering is not None
        assert (found.tampering.harm, found.tampering.event) == (Harm.INSERTED, first + place)


async def test_whoever_changes_a_seal_too_only_moves_the_breach(sql: World) -> None:
    await make_models(sql, 8)
    await seal_all(sql)
    seals = await seals_of(sql).after(sql.database.reader, 0)
    event = await first_id(sql)

    await tamper(sql, update(AUDIT_EVENT).where(EVENT.id == event).values(actor="eve"))
    logged = await log_of(sql).stretch(sql.database.reader, 0, seals[0].last_id, 3)
    forged = chain.seal(START, logged, seals[0].sealed_at)
    await tamper(sql, update(AUDIT_SEAL).where(SEAL.number == 1).values(events=forged.events))
    found = await verified(sql)
    assert found.tampering is not None
    assert (found.tampering.harm, found.tampering.seal) == (Harm.SEAL_CHANGED, 1)

    await tamper(sql, update(AUDIT_SEAL).where(SEAL.number == 1).values(hash=forged.hash))
    found = await verified(sql)
    assert found.tampering is not None
    assert (found.tampering.harm, found.tampering.seal) == (Harm.SEAL_CHANGED, 2)


@pytest.mark.parametrize(
    ("change", "harm", "seal"),
    [
        (delete(AUDIT_SEAL).where(SEAL.number == 1), Harm.SEAL_REMOVED, 1),
        (delete(AUDIT_SEAL).where(SEAL.number == 2), Harm.SEAL_REMOVED, 2),
        (update(AUDIT_SEAL).where(SEAL.number == 2).values(sealed_at=1), Harm.SEAL_CHANGED, 2),
        (update(AUDIT_SEAL).where(SEAL.number == 3).values(last_id=SEAL.last_id + 1), Harm.SEAL_CHANGED, 3),
        (update(AUDIT_SEAL).where(SEAL.number == 1).values(events="x"), Harm.SEAL_CHANGED, 1),
        (update(AUDIT_SEAL).where(SEAL.number == 3).values(number=9), Harm.SEAL_REMOVED, 3),
    ],
)
async def test_a_changed_chain(sql: World, change: Executable, harm: Harm, seal: int) -> None:
    await make_models(sql, 8)
    await seal_all(sql)

    await tamper(sql, change)

    found = await verified(sql)
    assert found.tampering is not None
    assert (found.tampering.harm, found.tampering.seal) == (harm, seal)


async def test_a_cut_off_end_shows_to_who_has_noted_a_hash(sql: World) -> None:
    await make_models(sql, 8)
    await seal_all(sql)
    seals = await seals_of(sql).after(sql.database.reader, 0)
    noted = seals[-1].hash

    await tamper(sql, delete(AUDIT_SEAL).where(SEAL.number == 3))
    await tamper(sql, delete(AUDIT_EVENT).where(EVENT.id > seals[1].last_id))
    await make_models(sql, 1)
    await seal_all(sql)

    assert (await verified(sql)).intact
    for hash_ in (START.hash, seals[0].hash, seals[1].hash):
        assert (await verified(sql, hash_)).intact
    found = await verified(sql, noted)
    assert found.tampering is not None
    assert (found.tampering.harm, found.sealed) == (Harm.HASH_NOT_FOUND, 7)


async def test_a_hash_that_is_the_head_or_was_it(world: World) -> None:
    await make_models(world, 2)
    await seal_all(world)
    noted = (await verified(world)).head
    await make_models(world, 2)
    await seal_all(world)

    assert (await verified(world, noted)).intact
    assert (await verified(world, (await verified(world)).head)).intact
    assert not (await verified(world, "f" * 64)).intact
    assert msgspec.json.decode(msgspec.json.encode(await verified(world, "f" * 64)))["tampering"]["harm"] == "hash_not_found"
