"""What a `Database` promises, on every flavour. What only a server can do to it is in test_server_failures.py."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from modelyard.store.database import Database, IdSequence, UniqueViolationError, Unit
from tests.store.things import ALL, COUNT, INSERT, NAMED, SET_SCORE, add, count, create_tables, opened

NASTY = [
    "plain",
    "it's",
    'say "hi"',
    "back\\slash",
    "ends in a backslash\\",
    "\\'; DROP TABLE thing; --",
    "'; DROP TABLE thing; --",
    "' OR '1'='1",
    "%s %d %% :name ? $1 %(name)s {0}",
    "line\nfeed\r\ttab\x1a\x08",
    "Grüße, 日本語, עברית",
    "emoji 🦜 and 👩‍👩‍👧",
    "\U0010ffff",
    "\u00bf\u5c27\u30bd\\",  # bytes that end in 0x5c in some Asian character sets
    "",
]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    create_tables(database_url)
    async with opened(database_url) as database:
        yield database


async def test_reads_what_a_unit_wrote(database: Database) -> None:
    identity = await database.write(lambda unit: add(unit, "first"))

    row = await database.reader.row(NAMED, {"name": "first"})

    assert row is not None
    assert tuple(row) == (identity, "first")
    assert [tuple(row) for row in await database.reader.rows(NAMED, {"name": "first"})] == [(identity, "first")]
    assert await database.reader.row(NAMED, {"name": "second"}) is None
    assert not await database.reader.rows(NAMED, {"name": "second"})


async def test_an_exception_undoes_the_unit(database: Database) -> None:
    async def fails(unit: Unit) -> None:
        await add(unit, "never")
        raise LookupError("on purpose")

    with pytest.raises(LookupError, match="on purpose"):
        await database.write(fails)

    assert await count(database) == 0


async def test_a_unit_sees_its_own_writes_and_others_do_not(database: Database) -> None:
    async def work(unit: Unit) -> tuple[object, object]:
        await add(unit, "mine")
        seen = await unit.row(COUNT, {})
        through_reader = await database.reader.row(COUNT, {})
        assert seen is not None
        assert through_reader is not None
        return seen[0], through_reader[0]

    assert await database.write(work) == (1, 1)
    assert await count(database) == 1


async def test_a_nested_write_joins_the_running_unit(database: Database) -> None:
    async def outer(unit: Unit) -> None:
        await database.write(lambda inner: add(inner, "inner"))
        await add(unit, "outer")
        raise LookupError("undoes both")

    with pytest.raises(LookupError):
        await database.write(outer)

    assert await count(database) == 0


async def test_a_task_started_in_a_unit_does_not_join_it(database: Database) -> None:
    async def outer(unit: Unit) -> asyncio.Task[int]:
        await add(unit, "outer")
        return asyncio.create_task(database.write(lambda other: add(other, "beside")))

    await (await database.write(outer))

    assert await count(database) == 2


async def test_ids_are_never_given_twice(database: Database) -> None:
    first = await database.write(lambda unit: add(unit, "first"))

    async def fails(unit: Unit) -> None:
        raise LookupError(await add(unit, "second"))

    with pytest.raises(LookupError):
        await database.write(fails)
    third = await database.write(lambda unit: add(unit, "third"))

    assert third > first > 0
    ids = await asyncio.gather(*(database.write(lambda unit, n=n: add(unit, f"more {n}")) for n in range(20)))  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type
    assert len({first, third, *ids}) == 22


async def test_many_ids_in_one_step_ascend_and_are_nobody_elses(database: Database) -> None:
    async def take(count: int) -> list[int]:
        return list(await database.write(lambda unit: unit.next_ids(IdSequence.RESOURCE, count)))

    async def fails(unit: Unit) -> None:
        raise LookupError(await unit.next_ids(IdSequence.RESOURCE, 5))

    with pytest.raises(LookupError):
        await database.write(fails)
    one = await database.write(lambda unit: unit.next_id(IdSequence.RESOURCE))
    taken = await asyncio.gather(*(take(count) for count in (1, 2, 700, 1, 1500, 30)))

    assert [len(ids) for ids in taken] == [1, 2, 700, 1, 1500, 30]
    assert all(ids == sorted(ids) for ids in taken)
    everything = [one, *[id_ for ids in taken for id_ in ids]]
    assert len(set(everything)) == len(everything)
    assert await database.write(lambda unit: unit.next_id(IdSequence.RESOURCE)) > max(everything)


async def test_a_taken_unique_value_names_its_constraint(database: Database) -> None:
    await database.write(lambda unit: add(unit, "taken"))

    with pytest.raises(UniqueViolationError) as caught:
        await database.write(lambda unit: add(unit, "taken"))

    assert "uq_thing_name" in caught.value.constraint or "thing.name" in caught.value.constraint
    assert await count(database) == 1


async def test_a_unit_in_which_a_statement_failed_is_undone_even_if_it_goes_on(database: Database) -> None:
    await database.write(lambda unit: add(unit, "taken"))

    async def swallows(unit: Unit) -> None:
        await add(unit, "before")
        with pytest.raises(UniqueViolationError):
            await add(unit, "taken")

    with pytest.raises(UniqueViolationError):
        await database.write(swallows)

    assert await count(database) == 1


async def test_execute_counts_the_rows_it_matched(database: Database) -> None:
    await database.write(lambda unit: add(unit, "thing", score=1.5))

    same = await database.write(lambda unit: unit.execute(SET_SCORE, {"which": "thing", "score_now": 1.5}))
    none = await database.write(lambda unit: unit.execute(SET_SCORE, {"which": "other", "score_now": 1.5}))

    assert (same, none) == (1, 0)


async def test_names_differ_by_case_accent_and_trailing_space(database: Database) -> None:
    names = ["name", "Name", "NAME", "name ", "name  ", "näme", "nãme", " name", "n\u0061\u0308me"]

    async def work(unit: Unit) -> list[int]:
        return [await add(unit, name) for name in names]

    ids = await database.write(work)

    found = [await database.reader.rows(NAMED, {"name": name}) for name in names]
    assert [[tuple(row) for row in rows] for rows in found] == [[(i, name)] for i, name in zip(ids, names, strict=True)]


async def test_text_comes_back_exactly(database: Database) -> None:
    async def work(unit: Unit) -> None:
        for text in NASTY:
            await add(unit, text, note=text * 3)
        await unit.execute_many(
            INSERT, [{"id": -n, "name": f"many {text}", "score": None, "size": n, "note": text} for n, text in enumerate(NASTY, 1)]
        )

    await database.write(work)

    for text in NASTY:
        rows = await database.reader.rows(NAMED, {"name": text})
        assert [row[1] for row in rows] == [text]
    rows = await database.reader.rows(ALL, {})
    assert [(row[0], row[3]) for row in rows] == [(f"many {text}", text) for text in reversed(NASTY)] + [(text, text * 3) for text in NASTY]


async def test_long_text_comes_back_exactly(database: Database) -> None:
    text = "".join(NASTY) * 20_000

    await database.write(lambda unit: add(unit, "long", note=text))

    row = await database.reader.row(ALL, {})
    assert row is not None
    assert row[3] == text


@pytest.mark.parametrize("number", [0.0, -0.0, 0.1, -1.5, 1e22, 123456789.123456789, 2.2250738585072014e-308, 1.7976931348623157e308, None])
async def test_floats_come_back_exactly(database: Database, number: float | None) -> None:
    await database.write(lambda unit: add(unit, "float", score=number))

    row = await database.reader.row(ALL, {})

    assert row is not None
    assert row[1] == number


@pytest.mark.parametrize("number", [0, 1, -1, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), None])
async def test_integers_come_back_exactly(database: Database, number: int | None) -> None:
    await database.write(lambda unit: add(unit, "integer", size=number))

    row = await database.reader.row(ALL, {})

    assert row is not None
    assert row[2] == number
    assert row[2] is None or type(row[2]) is int


async def test_many_rows_of_mixed_values_in_one_call(database: Database) -> None:
    rows = [
        {"id": 1, "name": "a", "score": None, "size": None, "note": None},
        {"id": 2, "name": "b", "score": 1, "size": 2**62, "note": "x"},
        {"id": 3, "name": "c", "score": 0.25, "size": -1, "note": None},
        {"id": 4, "name": "d", "score": None, "size": 0, "note": ""},
    ]

    await database.write(lambda unit: unit.execute_many(INSERT, rows))
    await database.write(lambda unit: unit.execute_many(INSERT, []))

    assert [tuple(row) for row in await database.reader.rows(ALL, {})] == [(r["name"], r["score"], r["size"], r["note"]) for r in rows]


async def test_many_rows_are_undone_together(database: Database) -> None:
    row = {"id": 1, "name": "a", "score": None, "size": None, "note": None}

    with pytest.raises(UniqueViolationError):
        await database.write(lambda unit: unit.execute_many(INSERT, [row, row | {"id": 2}]))

    assert await count(database) == 0


async def test_a_cancelled_unit_is_undone(database: Database) -> None:
    begun = asyncio.Event()

    async def work(unit: Unit) -> None:
        await add(unit, "never")
        begun.set()
        await asyncio.sleep(60)

    task = asyncio.create_task(database.write(work))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await database.write(lambda unit: add(unit, "after"))
    assert [row[0] for row in await database.reader.rows(ALL, {})] == ["after"]


async def test_ping(database: Database) -> None:
    await database.ping()


async def test_insert_needs_every_column(database: Database) -> None:
    with pytest.raises(KeyError):
        await database.write(lambda unit: unit.execute(INSERT, {"name": "half"}))

    assert await count(database) == 0
