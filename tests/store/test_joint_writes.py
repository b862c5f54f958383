"""Units that end in one turn of the event loop: each does what it would have done alone, and PostgreSQL is told once."""

import asyncio
import gc
import re
from collections.abc import Awaitable, Sequence
from typing import Any

import asyncpg
import msgspec
import pytest

from modelyard.artifacts.entities import ArtifactDraft, ArtifactType
from modelyard.errors import AlreadyExists, Unavailable
from modelyard.experiments.entities import NewExperiment, NewRun
from modelyard.models.entities import Model, ModelPatch, NewModel, NewVersion
from modelyard.overview.integrity.check import check
from modelyard.records.kinds import Kind
from modelyard.records.properties import Properties
from modelyard.search.page import ListQuery
from modelyard.store import joint_batch, joint_writes
from modelyard.store.columns import METADATA
from modelyard.store.database import Database, IdSequence, Unit
from modelyard.store.joint_batch import Work
from modelyard.store.meter import Cause, Meter, Retried
from modelyard.store.statements import Bulk, Flavour, Statement
from modelyard.store.urls import DatabaseUrl
from tests.store.conftest import NewStore
from tests.store.things import ALL, NAMED, THING, create_tables, opened
from tests.store.worlds import sql_world, world_at
from tests.unit.world import ANN, World

_INSERT = Bulk("insert things", THING)
BATCH = f"batch: {_INSERT.name}"


class NameTakenError(Exception):
    """One of ours, of a unique violation."""


async def make(database: Database, name: str, note: str | None = None, *, twice: bool = False) -> int:
    """A thing's id; of two things the first one's."""
    ids: dict[str, int] = {}

    async def work(unit: Unit) -> None:
        await unit.new_id(IdSequence.RESOURCE, lambda number: ids.update(one=number))
        await unit.later(_INSERT, [(ids["one"], name, 0.1, -(2**63), note)], lambda _: NameTakenError(name))
        if twice:
            await unit.new_id(IdSequence.RESOURCE, lambda number: ids.update(other=number))
            await unit.later(_INSERT, [(ids["other"], f"{name} again", None, None, None)])

    await database.write(work)
    return ids["one"]


async def outcomes(*work: Awaitable[Any]) -> Sequence[Any]:
    return await asyncio.gather(*work, return_exceptions=True)


def runs(meter: Meter) -> int:
    found = meter.statements.get(BATCH)
    return 0 if found is None else found.count


@pytest.fixture
def meter(url: str) -> Meter:
    return Meter(DatabaseUrl.parse(url).flavour)


@pytest.fixture
def postgres(new_database: Any) -> str:
    url: str = new_database("postgresql")
    create_tables(url)
    return url


async def test_each_does_its_own(url: str, meter: Meter) -> None:
    names = [f"thing {number}" for number in range(joint_writes.MOST)]
    async with opened(url, meter=meter) as database:
        ids = await asyncio.gather(*[make(database, name, note=f'"{name}" \\ é') for name in names])
        for name, id_ in zip(names, ids, strict=True):
            row = await database.reader.row(NAMED, {"name": name})
            assert row is not None
            assert tuple(row) == (id_, name)
        rows = [tuple(row) for row in await database.reader.rows(ALL, {})]
    assert sorted(rows) == sorted((name, 0.1, -(2**63), f'"{name}" \\ é') for name in names)
    if meter.flavour is Flavour.POSTGRESQL:
        assert runs(meter) == 1


@pytest.mark.servers
@pytest.mark.parametrize("bad", ["taken", "no text has \ud800", "nor \0", "x" * 256])
async def test_nobody_pays_for_one_that_fails(postgres: str, bad: str) -> None:
    async with opened(postgres) as database:
        await make(database, "taken")
        first, failed, last = await outcomes(make(database, "a"), make(database, bad), make(database, "z"))
        assert isinstance(failed, NameTakenError if bad == "taken" else Exception)
        assert not isinstance(failed, Unavailable)
        rows = [row[0] for row in await database.reader.rows(ALL, {})]
    assert sorted(rows) == ["a", "taken", "z"]
    assert len({first, last}) == 2


async def test_fifty_make_one_name(url: str) -> None:
    async with opened(url) as database:
        made = await outcomes(*[make(database, "one") for _ in range(50)])
        assert sum(isinstance(one, int) for one in made) == 1
        assert sum(isinstance(one, NameTakenError) for one in made) == 49
        assert len(await database.reader.rows(ALL, {})) == 1


async def test_after_a_failure_others_go_alone_for_a_while(url: str, meter: Meter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joint_writes, "SHY", 3)
    async with opened(url, meter=meter) as database:
        await make(database, "taken")
        await outcomes(make(database, "a"), make(database, "taken"))
        before = runs(meter)
        await outcomes(*[make(database, f"alone {number}") for number in range(3)])
        alone = runs(meter) - before
        await outcomes(*[make(database, f"joint {number}") for number in range(3)])
        together = runs(meter) - before - alone
    if meter.flavour is Flavour.POSTGRESQL:
        assert (alone, together) == (3, 1)
        assert meter.retries == {(Retried.SHARED, Cause.REFUSED): 1}


@pytest.mark.servers
async def test_what_is_done_is_not_done_again(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong after the answer has come: the outcome is unknown to those who shared it. The flaw is told."""
    loop, flaws = asyncio.get_running_loop(), list[object]()
    handler = loop.get_exception_handler()

    def give(*_: object) -> None:
        raise RuntimeError("a flaw of ours")

    loop.set_exception_handler(lambda _, context: flaws.append(context["exception"]))
    async with opened(postgres) as database:
        monkeypatch.setattr(joint_writes, "give", give)
        assert [type(one) for one in await outcomes(*[make(database, f"thing {number}") for number in range(3)])] == [Unavailable] * 3
        for number in range(3):
            assert len(await database.reader.rows(NAMED, {"name": f"thing {number}"})) == 1
    gc.collect()
    loop.set_exception_handler(handler)
    assert [str(flaw) for flaw in flaws] == ["a flaw of ours"]


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5])
async def test_one_that_is_cancelled_happens_whole_or_not_at_all(url: str, turns: int) -> None:
    async with opened(url) as database:
        await make(database, "before")
        tasks = [asyncio.create_task(make(database, f"thing {number}")) for number in range(3)]
        for _ in range(turns):
            await asyncio.sleep(0)
        tasks[0].cancel()
        made = await outcomes(*tasks)
        assert isinstance(made[0], asyncio.CancelledError)
        await make(database, "after")
        names = {row[0] for row in await database.reader.rows(ALL, {})}
        assert names - {"thing 0"} == {"before", "thing 1", "thing 2", "after"}


@pytest.mark.servers
async def test_nothing_happens_of_one_that_is_cancelled_once_it_knows(postgres: str) -> None:
    """Its statement is under way: it waits for the outcome, and whoever comes after it finds that."""
    slow = "CREATE FUNCTION wait() RETURNS trigger AS $$ BEGIN PERFORM pg_sleep(0.3); RETURN NEW; END $$ LANGUAGE plpgsql"
    trigger = "CREATE TRIGGER wait BEFORE INSERT ON thing EXECUTE FUNCTION wait()"
    other = await asyncpg.connect(**DatabaseUrl.parse(postgres).connect_arguments())
    await other.execute(f"{slow}; {trigger}")
    async with opened(postgres) as database:
        making = [asyncio.create_task(make(database, f"thing {number}")) for number in range(3)]
        sleeping = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
        while not await other.fetch(sleeping):  # noqa: ASYNC110 - PostgreSQL tells nobody when a statement begins to wait
            await asyncio.sleep(0.005)
        for task in making:
            task.cancel()
        assert [type(one) for one in await outcomes(*making)] == [asyncio.CancelledError] * 3
        assert len(await other.fetch("SELECT 1 FROM thing")) == 3
        assert database.pool.in_use == 0  # type: ignore[attr-defined]  # a server's has one
    await other.close()


@pytest.mark.servers
async def test_one_that_is_cancelled_while_there_is_no_connection_does_not_happen(postgres: str) -> None:
    async with opened(postgres, pool_size=1) as database:
        connection = await database.pool.wait()  # type: ignore[attr-defined]  # likewise
        making = [asyncio.create_task(make(database, f"thing {number}")) for number in range(3)]
        await asyncio.sleep(0.05)
        making[1].cancel()
        database.pool.give(connection)  # type: ignore[attr-defined]  # likewise
        assert [type(one) for one in await outcomes(*making)] == [int, asyncio.CancelledError, int]
        assert sorted(row[0] for row in await database.reader.rows(ALL, {})) == ["thing 0", "thing 2"]


@pytest.mark.servers
async def test_those_that_are_large_together_go_alone(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joint_writes, "MOST_TEXT", 1000)
    meter = Meter(Flavour.POSTGRESQL)
    async with opened(postgres, meter=meter) as database:
        await asyncio.gather(*[make(database, f"small {number}") for number in range(3)])
        assert runs(meter) == 1
        await asyncio.gather(*[make(database, f"large {number}", note="x" * 400) for number in range(3)])
        assert runs(meter) == 1 + 3
    assert not meter.retries


@pytest.mark.servers
async def test_a_flaw_before_they_are_sent_leaves_none_waiting(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loop, flaws = asyncio.get_running_loop(), list[object]()

    def groups(_: object) -> None:
        raise RuntimeError("a flaw of ours")

    loop.set_exception_handler(lambda _, context: flaws.append(context["exception"]))
    monkeypatch.setattr(joint_writes, "_groups", groups)
    async with opened(postgres) as database, asyncio.timeout(10):
        making = [make(database, f"thing {number}", twice=number > 1) for number in range(4)]
        assert [type(one) for one in await outcomes(*making)] == [int] * 4
    loop.set_exception_handler(None)
    assert [str(flaw) for flaw in flaws] == ["a flaw of ours"] * 2


_WAITING = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.mark.servers
async def test_whoever_shared_a_lost_connection_is_told_so(postgres: str) -> None:
    other = await asyncpg.connect(**DatabaseUrl.parse(postgres).connect_arguments())
    async with opened(postgres) as database:
        await make(database, "first")
        async with other.transaction():
            await other.execute("LOCK TABLE thing IN SHARE MODE")
            making = [asyncio.create_task(make(database, f"thing {number}")) for number in range(4)]
            while not all(task.done() for task in making):
                for pid in [row[0] for row in await other.fetch(_WAITING)]:
                    await other.execute("SELECT pg_terminate_backend($1)", pid)
                await asyncio.sleep(0.005)
            told = await outcomes(*making)
        assert all(isinstance(error, Unavailable) and "may have been made or not" in str(error) for error in told)
        assert database.pool.in_use == 0  # type: ignore[attr-defined]  # a server's has one
        assert [row[0] for row in await database.reader.rows(ALL, {})] == ["first"]
    await other.close()


@pytest.mark.servers
async def test_who_waits_for_a_lock_keeps_nobody_waiting(postgres: str) -> None:
    """Somebody's unfinished transaction has the one name; all the others get theirs while it goes on."""
    other = await asyncpg.connect(**DatabaseUrl.parse(postgres).connect_arguments())
    async with opened(postgres, statement_seconds=5.0) as database:
        transaction = other.transaction()
        await transaction.start()
        await other.execute("INSERT INTO thing (id, name) VALUES (1000, 'theirs')")
        making = [asyncio.create_task(make(database, name)) for name in ("a", "theirs", "z")]
        made = await outcomes(making[0], making[2])
        assert all(isinstance(one, int) for one in made)
        assert not making[1].done()
        await transaction.rollback()
        assert isinstance(await making[1], int)
    await other.close()


async def _models(world: World, count: int, properties: Properties) -> list[Model]:
    return await asyncio.gather(*[world.models.create_model(ANN, NewModel(name=f"m{n}", properties=properties)) for n in range(count)])


async def test_everything_that_services_change_at_once_is_there(sql: World) -> None:
    """Models with properties, versions of one model and of several, patches, metrics of versions and runs."""
    given: Properties = {"n": 1.5, "i": 2**53, "t": "text", "on": True}
    models = await _models(sql, 6, given)
    assert [model.name for model in models] == [f"m{n}" for n in range(6)]
    assert len({model.id for model in models}) == 6
    news = [NewVersion(model_id=(models[0] if n < 3 else models[n]).id, name=f"v{n}") for n in range(6)]
    versions = await asyncio.gather(*[sql.models.create_version(ANN, new) for new in news])
    experiment = await sql.experiments.create_experiment(ANN, NewExperiment())
    new_runs = [NewRun(experiment_id=experiment.id, name=f"r{n}") for n in range(6)]
    tried = await asyncio.gather(*[sql.experiments.create_run(ANN, new) for new in new_runs])
    for value in (0.0, -0.5, 1e300):
        metric = ArtifactDraft(type=ArtifactType.METRIC, name="loss", value=value)
        patch = ModelPatch(description=f"at {value}", properties={"n": value, "t": f"text {value}"})
        await asyncio.gather(
            *[sql.models.put_artifact(ANN, version.id, metric, None) for version in versions],
            *[sql.experiments.put_artifact(ANN, run.id, metric, None) for run in tried],
            *[sql.models.update_model(ANN, model.id, patch) for model in models],
        )
    events = {(event.kind, event.record_id): event.after for event in await sql.events()}
    for model in models:
        after = await sql.models.get_model(ANN, model.id)
        assert (after.description, after.properties, after.revision) == ("at 1e+300", {"n": 1e300, "t": "text 1e+300"}, 4)
        assert events[Kind.MODEL, model.id] == msgspec.json.encode(after).decode()
    points = (await sql.experiments.list_points(ANN, ListQuery())).items
    for run in tried:
        assert [point.value for point in points if point.run_id == run.id] == [0.0, -0.5, 1e300]
    assert (await check(sql.database, lambda _name, _rows: None)).whole


@pytest.mark.servers
async def test_services_share_statements(new_store: NewStore) -> None:
    """What they change in one turn is one statement, or two where some of it is of another shape."""
    url, meter = await new_store("postgresql"), Meter(Flavour.POSTGRESQL)
    async with opened(url, meter=meter) as database:
        world = sql_world(database)
        models = await _models(world, 8, {"n": 1.0, "t": "text"})
        await asyncio.gather(*[world.models.update_model(ANN, one.id, ModelPatch(properties={"n": 2.0, "t": "other"})) for one in models])
        ran = {name: cost.count for name, cost in meter.statements.items() if name.startswith("batch: ")}
    assert ran == {"batch: insert model": 1, "batch: update model": 1}


@pytest.mark.servers
async def test_postgresql_takes_each_statement_in_its_shared_form(new_store: NewStore) -> None:
    """One that it refused would run alone, each time, and nobody would know."""
    url = await new_store("postgresql")
    async with world_at(url):
        ours = [one for one in gc.get_objects() if type(one) in (Statement, Bulk) and one.table_name in {"", *METADATA.tables}]
    bulks, guards = [one for one in ours if isinstance(one, Bulk)], [one for one in ours if one.guards]
    shapes: list[joint_batch.Shape] = [((), ((one, ()),)) for one in [*bulks, *guards]]
    making = [(one, tuple([(place, 0) for place in one.identifying])) for one in bulks if one.identifying and not one.deletes]
    shapes += [((IdSequence.RESOURCE,), (one,)) for one in making]
    connection = await asyncpg.connect(url)
    try:
        for number, (sequences, kinds) in enumerate(shapes):
            text = joint_batch._text(sequences, kinds)
            await connection.execute(f"PREPARE shared_{number} AS {text}")
    finally:
        await connection.close()
    assert len(bulks) > 20
    assert len(guards) > 10


@pytest.mark.servers
async def test_what_changes_is_looked_up_by_its_key(new_store: NewStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also by a plan that was made while there was nothing: it is kept while the table grows."""
    asked: dict[str, tuple[str, list[Any]]] = {}

    def join(works: Sequence[Work]) -> tuple[str, list[Any]]:
        made = asked[works[0].changes[0].statement.name] = joint_batch.join(works)
        return made

    monkeypatch.setattr(joint_writes, "join", join)
    url = await new_store("postgresql")
    connection = await asyncpg.connect(url)
    await connection.execute("VACUUM ANALYZE")
    await connection.execute("SET enable_seqscan = off")  # as the store's own do
    async with world_at(url) as world:
        models = await _models(world, 8, {"a": "x", "n": 1.0})
        patch = ModelPatch(properties={"a": "y", "n": 2.0})
        await asyncio.gather(*(world.models.update_model(ANN, model.id, patch) for model in models))

    text, arguments = asked["update model"]
    plan = "\n".join([row[0] for row in await connection.fetch(f"EXPLAIN {text}", *arguments)])
    await connection.close()
    looked_up = re.findall(r"Scan using (\w+) on (?:model|property_\w+) ", plan)
    assert sorted(looked_up) == ["model_pkey", "pk_property_number", "pk_property_text"]


@pytest.mark.servers
async def test_none_misses_what_another_changes(new_store: NewStore) -> None:
    """Two units that each change what the other only looks at: one of them comes after the other, and sees what it did."""
    async with world_at(await new_store("postgresql")) as world:
        one, two = await _models(world, 2, {})

        async def follow(changed: Model, seen: Model) -> None:
            async def work(unit: Unit) -> None:
                records = world.records.models
                shown = await records.lock(unit, ANN.project, seen.id)
                before = await records.lock(unit, ANN.project, changed.id)
                assert shown is not None
                assert before is not None
                after = msgspec.structs.replace(before, description=f"{shown.revision}", revision=before.revision + 1)
                await records.update(unit, before, after)

            await world.database.write(work)

        for _ in range(10):
            before = [await world.models.get_model(ANN, model.id) for model in (one, two)]
            await asyncio.gather(follow(one, two), follow(two, one))
            after = [await world.models.get_model(ANN, model.id) for model in (one, two)]
            assert [model.revision for model in after] == [model.revision + 1 for model in before]
            saw = [after[0].description == str(after[1].revision), after[1].description == str(after[0].revision)]
            assert any(saw)


async def test_one_name_is_refused_in_its_words(sql: World) -> None:
    made = await outcomes(*[sql.models.create_model(ANN, NewModel(name="one")) for _ in range(8)])
    assert sum(isinstance(one, Model) for one in made) == 1
    assert {str(one) for one in made if isinstance(one, AlreadyExists)} == {"model with name one already exists: choose another name"}
