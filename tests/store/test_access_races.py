"""Several server processes on one store, as far as the store can tell: each has connections and a memory of its own."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack

import pytest

from modelyard.access.permissions import Role
from modelyard.access.service import AccountPatch, NewAccount, NewToken
from modelyard.errors import ModelyardError
from modelyard.store.wipe import wipe
from tests.store.conftest import DATABASES, NewStore
from tests.store.worlds import world_at
from tests.unit.access.people import PASSWORD, ROOT, Server, account
from tests.unit.world import World


@pytest.fixture(scope="module", params=DATABASES)
async def store(request: pytest.FixtureRequest, new_store: NewStore) -> str:
    return await new_store(request.param)


@pytest.fixture
async def worlds(store: str) -> AsyncIterator[tuple[World, World]]:
    """Two over one store, which is empty."""
    async with AsyncExitStack() as opened:
        here, there = [await opened.enter_async_context(world_at(store)) for _ in range(2)]
        await wipe(here.database)
        yield here, there


async def outcome(work: Awaitable[object]) -> str:
    try:
        return type(await work).__name__
    except ModelyardError as error:
        return type(error).__name__


async def test_a_revocation_by_one_is_seen_by_the_other_after_a_second(worlds: tuple[World, World]) -> None:
    here, there = worlds
    await account(here, "ann", Role.VIEWER, password=PASSWORD)
    token, text = await here.access.tokens.create(ROOT, "ann", NewToken())
    await here.access.projects.create(ROOT, "fraud")
    other = Server(there)
    assert await other.directory.by_token(text) is not None
    assert await other.directory.by_password("ann", PASSWORD, "10.0.0.1") is not None
    assert await other.directory.project("fraud") is not None

    await here.access.tokens.revoke(ROOT, token.id)
    await here.access.accounts.update(ROOT, "ann", AccountPatch(password="another password"))
    await here.access.projects.archive(ROOT, "fraud", archived=True)
    other.seconds.move(1)

    assert await other.directory.by_token(text) is None
    assert await other.directory.by_password("ann", PASSWORD, "10.0.0.1") is None
    assert await other.directory.project("fraud") is None
    await other.directory.close()


async def test_of_many_who_want_a_name_one_gets_it(worlds: tuple[World, World]) -> None:
    accounts = [outcome(world.access.accounts.create(ROOT, NewAccount("ann"))) for world in worlds for _ in range(6)]
    assert sorted(await asyncio.gather(*accounts)) == ["Account"] + ["AlreadyExists"] * 11
    projects = [outcome(world.access.projects.create(ROOT, "fraud")) for world in worlds for _ in range(6)]
    assert sorted(await asyncio.gather(*projects)) == ["AlreadyExists"] * 11 + ["Project"]
    assert len(await worlds[0].events()) == 2


async def test_two_admins_who_remove_each_other_do_not_both_succeed(worlds: tuple[World, World]) -> None:
    here, there = worlds
    for attempt in range(5):
        names = (f"ann{attempt}", f"ben{attempt}")
        for name in names:
            await account(here, name, Role.ADMIN)
        for earlier in [one.name for one in (await here.access.accounts.page(0, 99)).items if one.name not in names]:
            await here.access.accounts.remove(ROOT, earlier)
        outcomes = await asyncio.gather(
            outcome(here.access.accounts.remove(ROOT, names[0])),
            outcome(there.access.accounts.update(ROOT, names[1], AccountPatch(disabled=True))),
        )
        assert "InUse" in outcomes, outcomes
        assert len(set(outcomes)) == 2, outcomes


async def test_projects_made_at_once_get_ids_of_their_own(worlds: tuple[World, World]) -> None:
    made = await asyncio.gather(*(world.access.projects.create(ROOT, f"p{number}") for number, world in enumerate(worlds * 5)))
    assert sorted(project.id for project in made) == list(range(2, 12))
