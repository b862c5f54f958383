"""What was acknowledged is durable, whatever ends the process, and several processes may write to one SQLite file."""

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from modelyard.errors import Unavailable
from modelyard.models.entities import Model, NewModel
from modelyard.search.page import ListQuery
from modelyard.store import migrate
from modelyard.store.sqlite import SqliteDatabase
from modelyard.store.urls import DatabaseUrl
from tests.servers.process import Child
from tests.store.things import add, count
from tests.store.worlds import world_at
from tests.unit.world import ANN


async def test_the_file_is_in_wal_mode_and_synced(path: Path) -> None:
    database = SqliteDatabase(path)
    await database.open()
    asked = {name: database._writer.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")}

    await database.close()
    assert asked == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


async def test_what_was_acknowledged_survives_reopening(path: Path) -> None:
    for number in range(3):
        database = SqliteDatabase(path)
        await database.open()
        assert await count(database) == number
        await database.write(lambda unit, number=number: add(unit, f"t{number}"))  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type
        await database.close()


async def test_closing_waits_for_what_is_being_written(path: Path) -> None:
    database = SqliteDatabase(path)
    await database.open()
    tasks = [asyncio.create_task(database.write(lambda unit, n=n: add(unit, f"t{n}"))) for n in range(20)]  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type
    await asyncio.sleep(0)
    await asyncio.sleep(0)

    async with asyncio.timeout(5):
        await database.close()
        ids = await asyncio.gather(*tasks)

    with closing(sqlite3.connect(path)) as other:
        assert {identity for (identity,) in other.execute("SELECT id FROM thing")} == set(ids)


async def test_who_comes_after_closing_is_refused(path: Path) -> None:
    database = SqliteDatabase(path)
    await database.open()
    closing_now = asyncio.create_task(database.close())
    await asyncio.sleep(0)

    async with asyncio.timeout(5):
        outcomes = await asyncio.gather(*(database.write(lambda unit: add(unit, "late")) for _ in range(3)), return_exceptions=True)
        await closing_now

    assert [type(outcome) for outcome in outcomes] == [Unavailable] * 3


async def test_a_folder_that_is_missing_is_made(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "new" / "folder" / "test.db")
    await database.open()
    await database.ping()
    await database.close()

    assert (tmp_path / "new" / "folder" / "test.db").exists()


@pytest.mark.parametrize("processes", [1, 2])
async def test_what_was_acknowledged_survives_kill_9(tmp_path: Path, processes: int) -> None:
    path = tmp_path / "killed.db"
    await asyncio.to_thread(migrate.upgrade, DatabaseUrl.parse(f"sqlite:///{path}"))
    told: dict[int, str] = {}
    kept: dict[int, Model] = {}
    for round_ in range(2):
        command = [sys.executable, "-m", "tests.store.endless_writer", str(path)]
        logs = [tmp_path / f"{round_} {number}.log" for number in range(processes)]
        children = [Child([*command, log.stem], log=log) for log in logs]
        for child, log in zip(children, logs, strict=True):
            await asyncio.to_thread(child.wait_until, lambda log=log: log.read_text().count("\n") > 20)  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type
        for child in children:
            child.kill()
        for log in logs:
            whole = log.read_text().rpartition("\n")[0]
            told |= {int(number): name for number, _, name in (line.partition(" ") for line in whole.splitlines())}

        async with world_at(f"sqlite:///{path}") as world:
            kept = {model.id: model for model in (await world.models.list_models(ANN, ListQuery())).items}
            assert {number: kept[number].name for number in told} == told
            for model in kept.values():
                assert list(model.properties) == ["number"]
            assert len(await world.events()) == len(kept)
    with closing(sqlite3.connect(path)) as other:
        assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert other.execute("SELECT count(*) FROM property_number").fetchone()[0] == len(kept)


async def test_a_busy_process_does_not_keep_this_one_out(tmp_path: Path) -> None:
    """It has its next transaction ready the moment a commit is done, and would always be first. Nor does this one keep it out."""
    path, log = tmp_path / "busy.db", tmp_path / "busy.log"
    await asyncio.to_thread(migrate.upgrade, DatabaseUrl.parse(f"sqlite:///{path}"))
    child = Child([sys.executable, "-m", "tests.store.endless_writer", path, "busy"], log=log)
    try:
        await asyncio.to_thread(child.wait_until, lambda: log.read_text().count("\n") > 100)
        async with world_at(f"sqlite:///{path}") as world:
            before = log.read_text().count("\n")
            async with asyncio.timeout(8):
                for number in range(40):
                    await world.models.create_model(ANN, NewModel(name=f"patient {number}"))
            # The other one goes on too, however the machine shared its time between them so far.
            await asyncio.to_thread(child.wait_until, lambda: log.read_text().count("\n") - before > 20)
    finally:
        child.kill()
