"""Metrics of a run that goes to the trash, comes back and is purged, over HTTP while a server runs."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx

from modelyard.context import Millis
from tests.conftest import Serve
from tests.dialects.registry import Json, Registry
from tests.servers.sql import execute
from tests.store.worlds import world_at
from tests.unit.world import ANN, World

T = TypeVar("T")

POINTS: list[Json] = [{"name": name, "value": step / 4, "step": step} for step in range(120) for name in ("loss", "acc")]


def beside(url: str, work: Callable[[World], Awaitable[T]]) -> T:
    """Do what no API offers yet, on the database of a running server."""

    async def run() -> T:
        async with world_at(url) as world:
            return await work(world)

    return asyncio.run(run())


def test_they_are_not_found_come_back_and_are_gone_for_good(database_url: str, serve: Serve) -> None:
    with httpx.Client(timeout=30) as client:
        registry = Registry(client, serve(database_url))
        native = registry.under("/api/v1")
        run = int(registry.run()["id"])
        path = f"/runs/{run}/metrics"
        assert native.post(path, POINTS).status_code == 200

        def answers() -> list[httpx.Response]:
            return [native.get(path), native.get(path + "/loss"), native.get(path + "/acc", points="4")]

        def statuses() -> set[int]:
            return {answer.status_code for answer in [*answers(), native.post(path, POINTS)]}

        before = [answer.json() for answer in answers()]
        deletion = beside(database_url, lambda world: world.experiments.trash_run(ANN, run))
        assert statuses() == {404}
        beside(database_url, lambda world: world.trash.restore(ANN, deletion.id))
        assert [answer.json() for answer in answers()] == before
        assert statuses() == {200}

        beside(database_url, lambda world: world.experiments.trash_run(ANN, run))
        beside(database_url, lambda world: world.trash.purge(ANN, before=Millis(world.clock.now + 1)))
        assert statuses() == {404}
        for table in ("metric_point", "metric_block", "artifact", "run"):
            assert execute(database_url, f"SELECT count(*) FROM {table}")[0][0] == 0  # noqa: S608 - names of our own
