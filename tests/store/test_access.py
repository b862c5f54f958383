"""Accounts, tokens, grants and projects, in memory and on every database."""

import asyncio

import pytest

from modelyard.access import expiry, service
from modelyard.access.permissions import Role
from modelyard.access.repository import State
from modelyard.access.service import AccountPatch, NewAccount, NewGrant, NewToken
from modelyard.audit.events import Action
from modelyard.context import NO_PROJECT, Millis
from modelyard.errors import AlreadyExists, InUse
from modelyard.models.entities import NewModel
from modelyard.records.kinds import Kind
from modelyard.store.wipe import wipe
from modelyard.trash import retention
from tests.store.counted import Counted
from tests.unit.access.people import PASSWORD, ROOT, Server, account, token_of
from tests.unit.world import World


async def test_what_is_kept_comes_back_as_it_was(world: World) -> None:
    fraud = await world.access.projects.create(ROOT, "fraud")
    ann = await world.access.accounts.create(ROOT, NewAccount("ann", password=PASSWORD, home="fraud"))
    model = await world.models.create_model(ROOT, NewModel())
    wide = await world.access.grants.create(ROOT, NewGrant("ann", Role.ADMIN))
    narrow = await world.access.grants.create(ROOT, NewGrant("ann", Role.DEPLOYER, "default", Kind.MODEL, model.id))
    plain = (await world.access.tokens.create(ROOT, "ann", NewToken())).token
    capped = (await world.access.tokens.create(ROOT, "ann", NewToken("laptop", Role.VIEWER, 60))).token

    assert [project.name for project in (await world.access.projects.page(0, 9)).items] == ["default", "fraud"]
    assert (await world.access.projects.page(1, 9)).items == [fraud]
    assert (await world.access.accounts.page(0, 9)).items == [ann] == [await world.access.accounts.get("ann")]
    assert (await world.access.grants.page(None, 0, 9)).items == [wide, narrow] == (await world.access.grants.page("ann", 0, 9)).items
    assert (await world.access.tokens.page("ann", 0, 9)).items == [plain, capped]
    assert (await world.access.tokens.page("ann", plain.id, 9)).items == [capped]


async def test_changes_and_removals_are_kept(world: World) -> None:
    await account(world, "root", Role.ADMIN)
    await account(world, "ann", Role.VIEWER, password=PASSWORD)
    await token_of(world, "ann")

    changed = await world.access.accounts.update(ROOT, "ann", AccountPatch(password=None, disabled=True))
    assert await world.access.accounts.get("ann") == changed
    assert (changed.password_hash, changed.disabled) == (None, True)

    await world.access.accounts.remove(ROOT, "ann")
    assert [one.name for one in (await world.access.accounts.page(0, 9)).items] == ["root"]
    assert [one.account for one in (await world.access.grants.page(None, 0, 9)).items] == ["root"]
    reader = world.database.reader
    assert await world.records.register.tokens.page(reader, 0, 9) == []

    await world.access.projects.create(ROOT, "fraud")
    archived = await world.access.projects.archive(ROOT, "fraud", archived=True)
    assert (await world.access.projects.page(1, 9)).items == [archived]


async def test_names_and_grants_are_unique_and_exact(world: World) -> None:
    await account(world, "ann", Role.VIEWER)
    await account(world, "Ann")
    await world.access.projects.create(ROOT, "fraud")
    with pytest.raises(AlreadyExists, match="account with name ann"):
        await account(world, "ann")
    with pytest.raises(AlreadyExists, match="project with name fraud"):
        await world.access.projects.create(ROOT, "fraud")
    with pytest.raises(AlreadyExists, match="this grant"):
        await world.access.grants.create(ROOT, NewGrant("ann", Role.VIEWER))
    assert (await world.access.accounts.page(0, 9)).next is None
    assert len(await world.events()) == 4


async def test_every_change_raises_the_revision_and_nothing_else_does(world: World) -> None:
    register, reader = world.records.register, world.database.reader
    before = await register.state(reader)
    assert before.accounts is False
    await world.access.projects.create(ROOT, "fraud")
    await account(world, "ann", Role.ADMIN)
    await token_of(world, "ann")
    with pytest.raises(InUse):
        await world.access.accounts.remove(ROOT, "ann")
    assert await register.state(reader) == State(before.revision + 4, accounts=True)

    await world.models.create_model(ROOT, NewModel())
    (token,) = (await world.access.tokens.page("ann", 0, 9)).items
    await world.database.write(lambda unit: register.used(unit, {token.id: Millis(5)}))
    assert (await register.state(reader)).revision == before.revision + 4


async def test_the_last_use_of_a_token_never_goes_back(world: World) -> None:
    await account(world, "ann")
    await token_of(world, "ann")
    await token_of(world, "ann")
    one, two = (await world.access.tokens.page("ann", 0, 9)).items
    for uses in ({one.id: Millis(5), two.id: Millis(7)}, {one.id: Millis(9), two.id: Millis(6), 999: Millis(5)}):
        await world.database.write(lambda unit, uses=uses: world.records.register.used(unit, uses))  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type
    assert [token.last_used_at for token in (await world.access.tokens.page("ann", 0, 9)).items] == [9, 7]


async def test_the_job_removes_tokens_that_ended_long_ago(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "_AT_ONCE", 2)
    await account(world, "ann")
    for number, seconds in enumerate((60, 60, 60, 3600, None)):
        await token_of(world, "ann", NewToken(str(number), expires_in=seconds))
    world.clock.move(expiry.KEPT_DAYS * retention.DAY + 60_000)
    before = (await world.records.register.state(world.database.reader)).revision

    assert await expiry.remove_old(world.access.tokens, world.clock) == 0, "the day is not over"
    assert (await world.records.register.state(world.database.reader)).revision == before, "no server needs to forget anything"
    world.clock.move(1)
    assert await expiry.remove_old(world.access.tokens, world.clock) == 3

    assert [token.label for token in (await world.access.tokens.page("ann", 0, 9)).items] == ["3", "4"]
    gone = [event for event in await world.events() if event.action == Action.DELETED]
    assert {(event.actor, event.dialect, event.kind, event.project_id) for event in gone} == {("modelyard", "jobs", Kind.TOKEN, NO_PROJECT)}
    assert len({event.record_id for event in gone}) == len(gone) == 3
    assert len({event.request_id for event in gone}) == 1


async def test_the_job_may_run_twice_at_once(sql: World) -> None:
    await account(sql, "ann")
    for _ in range(5):
        await token_of(sql, "ann", NewToken(expires_in=60))
    sql.clock.move((expiry.KEPT_DAYS + 1) * retention.DAY)

    removed = await asyncio.gather(*[expiry.remove_old(sql.access.tokens, sql.clock) for _ in range(3)])

    assert sum(removed) == 5
    assert len([event for event in await sql.events() if event.action == Action.DELETED]) == 5


async def test_a_wiped_store_is_open_again_and_running_servers_notice(sql: World) -> None:
    await account(sql, "ann", Role.ADMIN)
    text = await token_of(sql, "ann")
    server = Server(sql)
    assert await server.directory.by_token(text) is not None
    await server.directory.close()

    await wipe(sql.database)

    server.seconds.move(1)
    await server.directory.refresh()
    assert (server.directory.open, server.directory.known(text)) == (True, None)
    await account(sql, "ann")
    assert (await sql.access.accounts.get("ann")).id == 1


async def test_how_much_is_asked_of_the_store(counted: Counted) -> None:
    """A token that is known costs one small statement a second, whatever the number of requests."""
    await account(counted.world, "ann", Role.VIEWER)
    text = await token_of(counted.world, "ann")
    server = Server(counted.world)
    assert await counted.names(server.directory.by_token(text)) == [
        "access state",
        "get access_token",
        "get principal",
        "list role_grant of",
    ]
    assert await counted.names(server.directory.by_token(text)) == []
    server.seconds.move(1)
    assert await counted.names(server.directory.by_token(text)) == ["access state"]
    assert await counted.names(counted.world.access.tokens.page("ann", 0, 9)) == ["find principal", "list access_token of"]
    assert await counted.names(counted.world.access.grants.page(None, 0, 9)) == ["list role_grant"]
    await server.directory.close()
