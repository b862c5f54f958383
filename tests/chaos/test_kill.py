"""The short form of `make chaos`: nothing acknowledged is lost to kill -9; and a harness that would see it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from chaos import kill, verify
from chaos.journal import EVER, Journal, State, Thing
from chaos.writers import Storm, blow, prepare
from perf.stage import DatabaseName
from tests.conftest import NewDatabase, Serve
from tests.servers import mariadb, postgres
from tests.servers.sql import execute

PROGRAMS: dict[DatabaseName, Callable[[], object]] = {DatabaseName.POSTGRESQL: postgres.programs, DatabaseName.MARIADB: mariadb.programs}


@pytest.mark.slow
@pytest.mark.parametrize(
    "database",
    [
        DatabaseName.SQLITE,
        pytest.param(DatabaseName.POSTGRESQL, marks=pytest.mark.servers),
        pytest.param(DatabaseName.MARIADB, marks=pytest.mark.servers),
    ],
)
def test_what_was_acknowledged_survives_kill_9_and_the_rest_is_whole_or_absent(database: DatabaseName, tmp_path: Path) -> None:
    if database in PROGRAMS and PROGRAMS[database]() is None:
        pytest.skip(f"{database}'s server programs are not installed")

    rounds = list(kill.run(kill.Plan(database, rounds=2, seed=7, writers=8, writes=150), tmp_path))

    assert [one.wrong for one in rounds] == [[], []]
    assert sum(one.acknowledged for one in rounds) > 0
    assert sum(one.unanswered + one.refused for one in rounds) > 0


def test_the_harness_sees_what_is_lost_changed_or_half_there(serve: Serve, new_database: NewDatabase) -> None:
    url = new_database("sqlite")
    port = int(serve(url).rpartition(":")[2])
    journal = asyncio.run(written(port))
    assert asyncio.run(verify.verify(port, journal, journal.things)) == []
    metric, model, version = [next(thing for thing in journal.things if thing.kind == kind) for kind in ("metric", "model", "version")]

    execute(url, f"DELETE FROM metric_point WHERE name = '{metric.name}'")  # noqa: S608 - a name of our own
    execute(url, f"UPDATE model SET description = 'by hand' WHERE id = {model.id}")  # noqa: S608 - likewise
    execute(url, f"UPDATE model_version SET trashed = id WHERE id = {version.id}")  # noqa: S608 - likewise
    wrong = asyncio.run(verify.verify(port, journal, [metric, model, version]))

    told = {sentence.split(" ")[1]: sentence for sentence in wrong}
    assert set(told) == {metric.name, model.name, version.name}
    assert "'history': []" in told[metric.name]
    assert "by hand" in told[model.name]
    assert "is absent" in told[version.name]
    assert "it should be absent" in asyncio.run(verify.verify(port, journal, [deleted(metric)]))[0]
    assert len(verify.check(url)) == 5  # the history is missed by its metric and its blocks, the version by its model, which counts it


def deleted(thing: Thing) -> Thing:
    """As if its deletion had been acknowledged."""
    thing.states = [*thing.states, State(None, 0, 0)]
    return thing


async def written(port: int) -> Journal:
    """Some forty writes, all acknowledged."""
    journal = Journal()
    storm = asyncio.create_task(blow(Storm(port, "s", await prepare(port, "s"), journal, lambda: 0), 1, Random(3)))  # noqa: S311 - only chooses what to do; nothing secret comes of it
    await journal.reaches(40, storm)
    storm.cancel()
    await asyncio.gather(storm, return_exceptions=True)
    return journal


def test_a_write_without_an_answer_may_be_there_or_not_but_nothing_else() -> None:
    first, second, third = ({"description": text} for text in "abc")
    thing = Thing("model", "m", states=[State(first, 1, 2), State(second, 3, 4), State(third, 5)])

    assert list(thing.possible(0)) == [(0, None)]
    assert list(thing.possible(1)) == [(0, None), (1, first)]
    assert list(thing.possible(2)) == [(1, first)]
    assert list(thing.possible(3.5)) == [(1, first), (2, second)]
    assert list(thing.possible(EVER)) == [(2, second), (3, third)]

    gone = Thing("model", "m", states=[State(first, 1, 2), State(second, 3), State(None, 5, 7)])
    assert list(gone.possible(4)) == [(1, first), (2, second)]
    assert list(gone.possible(6)) == [(1, first), (2, second), (0, None)]
    assert list(gone.possible(7)) == [(0, None)]

    thing.settle(3, third)
    assert list(thing.possible(EVER)) == [(3, third)]
