"""Who is let in, what is remembered, and how soon it is forgotten."""

import asyncio

import jwt
import pytest

from modelyard.access import last_use
from modelyard.access.directory import MOST
from modelyard.access.entities import Grant, Principal
from modelyard.access.permissions import Role
from modelyard.access.service import AccountPatch, NewAccount, NewGrant, NewToken
from modelyard.context import DEFAULT_PROJECT, Millis
from modelyard.errors import Unavailable
from modelyard.store.memory import MemoryDatabase
from modelyard.store.unit import current_unit
from tests.unit.access.people import ROOT, Server, account, token_of
from tests.unit.world import World


@pytest.fixture
def server(world: World) -> Server:
    return Server(world)


async def test_a_store_without_accounts_is_open_until_it_has_one(world: World, server: Server) -> None:
    seen = [server.directory.open]
    await server.directory.refresh()
    seen.append(server.directory.open)
    await account(world, "ann")
    server.seconds.move(1.5)
    await server.directory.refresh()
    seen.append(server.directory.open)
    assert seen == [False, True, False], "before it has looked it does not know"


async def test_a_token_is_its_account(world: World, server: Server) -> None:
    await account(world, "ann", Role.VIEWER)
    text = await token_of(world, "ann")
    found = await server.directory.by_token(text)
    ann = await world.access.accounts.get("ann")
    assert found == Principal("ann", DEFAULT_PROJECT, (Grant(Role.VIEWER),), None, ann.id)
    assert server.directory.known(text) is found
    await server.directory.close()


async def test_a_token_with_a_scope_does_no_more(world: World, server: Server) -> None:
    await account(world, "ann", Role.ADMIN)
    found = await server.directory.by_token(await token_of(world, "ann", NewToken(scope=Role.VIEWER)))
    assert found is not None
    assert found.cap is Role.VIEWER
    await server.directory.close()


async def test_what_is_no_token_of_ours_is_nobody(world: World, server: Server) -> None:
    await account(world, "ann", Role.ADMIN)
    text = await token_of(world, "ann")
    head, body, signature = text.split(".")
    claims = jwt.decode(text, options={"verify_signature": False})
    forged = [
        "",
        "x" * 80,
        "..." + "x" * 80,
        "é" * 100 + "..",
        text[:-1],
        text + "A",
        f"{head}.{body}.",
        f"{head}.{body}.{signature[::-1]}",
        jwt.encode(claims, "k" * 32, algorithm="HS256"),
        jwt.encode(claims, "", algorithm="none"),
        jwt.encode({**claims, "jti": "999"}, "k" * 32, algorithm="HS256"),
        jwt.encode({**claims, "jti": "-1" * 9}, "k" * 32, algorithm="HS256"),
        jwt.encode({**claims, "jti": "9" * 40}, "k" * 32, algorithm="HS256"),
        jwt.encode({**claims, "iss": "https://elsewhere.example.org"}, "k" * 32, algorithm="HS256"),
        jwt.encode({**claims, "more": "x" * 9000}, "k" * 32, algorithm="HS256"),
    ]
    for one in forged:
        assert await server.directory.by_token(one) is None, one
        assert server.directory.known(one) is None


async def test_the_store_holds_nothing_that_opens_it(world: World, server: Server) -> None:
    await account(world, "ann", Role.ADMIN)
    token, text = await world.access.tokens.create(ROOT, "ann", NewToken())
    assert isinstance(world.database, MemoryDatabase)
    assert text.rpartition(".")[2] not in repr(dict(world.database.tables))
    assert await server.directory.by_token(token.hash) is None


async def test_a_token_ends_when_it_says(world: World, server: Server) -> None:
    await account(world, "ann")
    text = await token_of(world, "ann", NewToken(expires_in=60))
    assert await server.directory.by_token(text) is not None
    world.clock.move(59_999)
    assert server.directory.known(text) is not None
    world.clock.move(1)
    assert server.directory.known(text) is None
    assert await server.directory.by_token(text) is None
    await server.directory.close()


async def test_what_changes_is_seen_within_a_second_by_every_server(world: World) -> None:
    here, there = Server(world), Server(world)
    await account(world, "root", Role.ADMIN)
    await account(world, "ann", Role.VIEWER)
    token, text = await world.access.tokens.create(ROOT, "ann", NewToken())
    for server in (here, there):
        assert await server.directory.by_token(text) is not None

    await world.access.tokens.revoke(ROOT, token.id)

    for server in (here, there):
        assert server.directory.known(text) is not None, "as long as the last look is fresh"
        server.seconds.move(1)
        assert not server.directory.fresh
        await server.directory.refresh()
        assert server.directory.known(text) is None
        assert await server.directory.by_token(text) is None
        await server.directory.close()


@pytest.mark.parametrize("change", ["disabled", "removed", "granted"])
async def test_so_is_what_changes_of_an_account(world: World, server: Server, change: str) -> None:
    await account(world, "root", Role.ADMIN)
    await account(world, "ann", Role.VIEWER)
    text = await token_of(world, "ann")
    before = await server.directory.by_token(text)
    if change == "disabled":
        await world.access.accounts.update(ROOT, "ann", AccountPatch(disabled=True))
    elif change == "removed":
        await world.access.accounts.remove(ROOT, "ann")
    else:
        await world.access.grants.create(ROOT, NewGrant("ann", Role.CONTRIBUTOR))
    server.seconds.move(1)

    after = await server.directory.by_token(text)

    if change == "granted":
        assert before is not None
        assert after is not None
        assert len(after.grants) == len(before.grants) + 1
    else:
        assert after is None
    await server.directory.close()


async def test_what_was_read_before_a_change_is_not_remembered_after_it(world: World, server: Server) -> None:
    """The look at the store comes between the reading of the token and its being remembered."""
    await account(world, "ann")
    token, text = await world.access.tokens.create(ROOT, "ann", NewToken())
    await server.directory.refresh()
    read = world.records.register.grants.of_account

    async def meanwhile(*arguments: object) -> object:
        await world.access.tokens.revoke(ROOT, token.id)
        server.seconds.move(1)
        await server.directory.refresh()
        return await read(*arguments)  # type: ignore[arg-type]  # whatever it was called with

    world.records.register.grants.of_account = meanwhile  # type: ignore[method-assign, assignment]  # a race made to happen
    assert await server.directory.by_token(text) is not None, "this request was there before the change"
    assert server.directory.known(text) is None
    await server.directory.close()


async def test_what_this_process_changed_is_known_at_once(world: World, server: Server) -> None:
    await account(world, "ann")
    token, text = await world.access.tokens.create(ROOT, "ann", NewToken())
    assert await server.directory.by_token(text) is not None

    await world.access.tokens.revoke(ROOT, token.id)
    server.directory.forget()

    assert not server.directory.fresh
    assert await server.directory.by_token(text) is None
    await server.directory.close()


async def test_a_look_that_was_begun_before_a_change_is_not_enough(world: World, server: Server) -> None:
    await account(world, "ann")
    token, text = await world.access.tokens.create(ROOT, "ann", NewToken())
    assert await server.directory.by_token(text) is not None
    state, seen, let_go = world.records.register.state, asyncio.Event(), asyncio.Event()

    async def slow(reader: object) -> object:
        found = await state(reader)  # type: ignore[arg-type]  # whatever it was called with
        seen.set()
        await let_go.wait()
        return found

    world.records.register.state = slow  # type: ignore[method-assign, assignment]  # a look that takes long
    server.seconds.move(1)
    early = asyncio.create_task(server.directory.refresh())
    await seen.wait()
    await world.access.tokens.revoke(ROOT, token.id)
    server.directory.forget()
    late = asyncio.create_task(server.directory.by_token(text))
    let_go.set()

    await early
    assert await late is None
    assert server.directory.fresh
    assert server.directory.known(text) is None
    await server.directory.close()


async def test_many_requests_look_once(world: World, server: Server) -> None:
    looks = 0
    state = world.records.register.state

    async def counted(reader: object) -> object:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)
        return await state(reader)  # type: ignore[arg-type]  # whatever it was called with

    world.records.register.state = counted  # type: ignore[method-assign, assignment]  # to count
    await asyncio.gather(*(server.directory.refresh() for _ in range(20)))
    assert looks == 1


async def test_a_store_that_is_away_is_told_to_all_who_wait_at_once(world: World, server: Server) -> None:
    looks = 0
    state = world.records.register.state

    async def away(_: object) -> object:
        nonlocal looks
        looks += 1
        await asyncio.sleep(0)
        raise Unavailable("the database is away")

    world.records.register.state = away  # type: ignore[method-assign, assignment]  # a database that is away
    found = await asyncio.gather(*(server.directory.refresh() for _ in range(20)), return_exceptions=True)
    assert {type(one) for one in found} == {Unavailable}
    assert looks == 1
    world.records.register.state = state  # type: ignore[method-assign]  # and is back
    await server.directory.refresh()
    assert server.directory.open


async def test_memory_is_bounded(server: Server) -> None:
    await server.directory.refresh()
    memory: dict[int, int] = {}
    for number in range(MOST + 5):
        server.directory._remember(memory, number, number, server.directory._revision)
    assert next(iter(memory)) == 5
    assert len(memory) == MOST


class TestProjects:
    async def test_are_known_by_name(self, world: World, server: Server) -> None:
        made = await world.access.projects.create(ROOT, "fraud")
        assert server.directory.known_project("fraud") is None
        assert await server.directory.project("fraud") == made.id
        assert server.directory.known_project("fraud") == made.id
        assert await server.directory.project("default") == DEFAULT_PROJECT
        assert await server.directory.project("elsewhere") is None

    async def test_an_archived_one_is_as_if_it_were_not_there(self, world: World, server: Server) -> None:
        await world.access.projects.create(ROOT, "fraud")
        await server.directory.project("fraud")
        await world.access.projects.archive(ROOT, "fraud", archived=True)
        server.seconds.move(1)
        assert await server.directory.project("fraud") is None


class TestLastUse:
    @pytest.fixture(autouse=True)
    def at_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(last_use, "_FIRST", 0.0)

    async def used(self, world: World) -> Millis | None:
        return (await world.access.tokens.page("ann", 0, 9)).items[0].last_used_at

    async def settled(self, server: Server) -> None:
        writing = server.directory._last_use._writing
        assert writing is not None
        await writing

    async def test_is_written_in_the_background_and_once_a_minute(self, world: World, server: Server) -> None:
        await account(world, "ann")
        text = await token_of(world, "ann")
        assert await self.used(world) is None
        await server.directory.by_token(text)
        await self.settled(server)
        first = await self.used(world)
        assert first == world.clock()

        world.clock.move(5_000)
        assert server.directory.known(text) is not None
        await asyncio.sleep(0)
        assert await self.used(world) == first, "the minute is not over"
        await server.directory.close()
        assert await self.used(world) == world.clock(), "nothing is lost at the end"

    async def test_leaves_no_event_and_forgets_nothing(self, world: World, server: Server) -> None:
        await account(world, "ann")
        text = await token_of(world, "ann")
        events = len(await world.events())
        await server.directory.by_token(text)
        await self.settled(server)
        server.seconds.move(1)
        await server.directory.refresh()
        assert server.directory.known(text) is not None
        assert len(await world.events()) == events
        await server.directory.close()

    async def test_what_cannot_be_written_is_written_later(self, world: World, server: Server) -> None:
        await account(world, "ann")
        text = await token_of(world, "ann")
        write = world.records.register.used

        async def gone(*_: object) -> None:
            raise Unavailable("the database is away")

        world.records.register.used = gone  # type: ignore[method-assign, assignment]  # a database that is away
        await server.directory.by_token(text)
        await self.settled(server)
        assert await self.used(world) is None
        world.records.register.used = write  # type: ignore[method-assign]  # and is back
        await server.directory.close()
        assert await self.used(world) == world.clock()

    async def test_is_in_no_units_way(self, world: World, server: Server) -> None:
        """A use that is noted while the task has a unit open is not written in that unit."""
        await account(world, "ann")
        text = await token_of(world, "ann")
        await server.directory.by_token(text)

        async def work(_: object) -> None:
            server.directory._last_use.note(1, world.clock())
            assert current_unit.get() is not None

        await world.database.write(work)
        await server.directory.close()


async def test_a_home_is_where_requests_without_a_project_go(world: World, server: Server) -> None:
    fraud = await world.access.projects.create(ROOT, "fraud")
    await world.access.accounts.create(ROOT, NewAccount("ann", home="fraud"))
    found = await server.directory.by_token(await token_of(world, "ann"))
    assert found is not None
    assert found.home == fraud.id
    await server.directory.close()
