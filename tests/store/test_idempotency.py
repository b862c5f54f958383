"""A key that comes again changes nothing and gets the same answer."""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
import pytest

from modelyard.context import Caller
from modelyard.errors import AlreadyExists, ReusedKey
from modelyard.models.entities import NewModel
from modelyard.search.page import ListQuery
from modelyard.store.idempotency import RETENTION_MILLIS, Answer, Answers
from tests.store.worlds import add_project
from tests.unit.world import ANN, STRANGER, World

Produce = Callable[[], Awaitable[Answer]]


@pytest.fixture
def answers(sql: World) -> Answers:
    return Answers(sql.database, sql.clock)


def creating(world: World, name: str, *, caller: Caller = ANN) -> Produce:
    """A request that creates a model; its answer tells the id."""

    async def produce() -> Answer:
        model = await world.models.create_model(caller, NewModel(name=name))
        return Answer(201, '{"Location":"é"}', f'{{"id":"{model.id}","name":"é 🦜"}}')

    return produce


async def names(world: World) -> list[str]:
    return [model.name for model in (await world.models.list_models(ANN, ListQuery())).items]


async def test_the_second_time_the_kept_answer_is_given(sql: World, answers: Answers) -> None:
    first, replayed = await answers.run(ANN, "key", "print", creating(sql, "fraud"))
    assert not replayed

    for _ in range(2):
        again, replayed = await answers.run(ANN, "key", "print", creating(sql, "other"))
        assert replayed
        assert again == first

    assert await names(sql) == ["fraud"]
    assert len(await sql.events()) == 1


async def test_a_key_of_another_request_is_refused(sql: World, answers: Answers) -> None:
    await answers.run(ANN, "key", "print", creating(sql, "fraud"))

    with pytest.raises(ReusedKey, match="use a new key"):
        await answers.run(ANN, "key", "another print", creating(sql, "other"))

    assert await names(sql) == ["fraud"]


async def test_keys_are_apart_by_their_text_dialect_and_project(sql: World, answers: Answers) -> None:
    await add_project(sql.database, STRANGER)
    jfrog = msgspec.structs.replace(ANN, dialect="jfrog")

    requests = [(ANN, "key"), (ANN, "Key"), (ANN, "key "), (jfrog, "key"), (STRANGER, "key"), (ANN, "k" * 5000)]
    for number, (caller, key) in enumerate(requests):
        _, replayed = await answers.run(caller, key, f"print {number}", creating(sql, f"m{number}", caller=caller))
        assert not replayed


async def test_a_failure_undoes_the_claim_and_what_was_done(sql: World, answers: Answers) -> None:
    async def fails() -> Answer:
        await creating(sql, "never")()
        raise LookupError("on purpose")

    with pytest.raises(LookupError):
        await answers.run(ANN, "key", "print", fails)
    assert await names(sql) == []

    _, replayed = await answers.run(ANN, "key", "another print", creating(sql, "fraud"))
    assert not replayed


async def test_a_refusal_of_the_domain_is_not_kept_either(sql: World, answers: Answers) -> None:
    await sql.models.create_model(ANN, NewModel(name="fraud"))

    for _ in range(2):
        with pytest.raises(AlreadyExists):
            await answers.run(ANN, "key", "print", creating(sql, "fraud"))

    _, replayed = await answers.run(ANN, "key", "print", creating(sql, "other"))
    assert not replayed


async def test_of_many_at_once_one_is_executed(sql: World, answers: Answers) -> None:
    outcomes = await asyncio.gather(*(answers.run(ANN, "key", "print", creating(sql, f"m{number}")) for number in range(12)))

    assert len(await names(sql)) == 1
    assert sorted(replayed for _, replayed in outcomes) == [False] + [True] * 11
    assert len({answer.body for answer, _ in outcomes}) == 1


async def test_when_the_first_of_many_fails_another_takes_its_place(sql: World, answers: Answers) -> None:
    calls = 0

    async def produce() -> Answer:
        nonlocal calls
        calls += 1
        if calls == 1:
            await creating(sql, "never")()
            raise LookupError("on purpose")
        return await creating(sql, "fraud")()

    outcomes = await asyncio.gather(*(answers.run(ANN, "key", "print", produce) for _ in range(6)), return_exceptions=True)

    assert sum(isinstance(outcome, LookupError) for outcome in outcomes) == 1
    assert sorted(outcome[1] for outcome in outcomes if isinstance(outcome, tuple)) == [False] + [True] * 4
    assert await names(sql) == ["fraud"]


async def test_different_keys_do_not_wait_for_each_other_in_the_end(sql: World, answers: Answers) -> None:
    outcomes = await asyncio.gather(*(answers.run(ANN, f"key {n}", "print", creating(sql, f"m{n}")) for n in range(30)))

    assert not any(replayed for _, replayed in outcomes)
    assert len(await names(sql)) == 30


async def test_an_answer_is_forgotten_after_a_day(sql: World, answers: Answers) -> None:
    await answers.run(ANN, "key", "print", creating(sql, "fraud"))
    sql.clock.move(RETENTION_MILLIS)
    _, replayed = await answers.run(ANN, "other", "print", creating(sql, "other"))
    assert (await answers.run(ANN, "key", "print", creating(sql, "never")))[1]

    sql.clock.move(1)
    await answers.run(ANN, "another", "print", creating(sql, "another"))

    _, replayed = await answers.run(ANN, "key", "new print", creating(sql, "again"))
    assert not replayed
    assert await names(sql) == ["fraud", "other", "another", "again"]
