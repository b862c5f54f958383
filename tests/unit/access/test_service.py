"""The rules of accounts, tokens, grants and projects, and the events that they leave."""

from typing import Any

import jwt
import msgspec
import pytest

from modelyard.access.accounts import AccountKind
from modelyard.access.first_admin import admit
from modelyard.access.journal import Journal
from modelyard.access.permissions import Role
from modelyard.access.service import AccountPatch, Minted, NewAccount, NewGrant, NewToken
from modelyard.audit.events import Action
from modelyard.audit.repository import MemoryEvents
from modelyard.context import DEFAULT_PROJECT, NO_PROJECT, Caller
from modelyard.errors import AlreadyExists, Forbidden, InUse, Invalid, Missing, NotFound
from modelyard.models.entities import NewModel
from modelyard.records.kinds import Kind
from modelyard.store.memory import MemoryDatabase
from tests.unit.access.people import PASSWORD, ROOT, account, token_of
from tests.unit.world import World

NOBODY = Caller(dialect="native", request_id="request-4")


async def told(world: World) -> list[tuple[Action, Kind, int, Any, Any]]:
    """Of every event: what happened to what in which project, and what was and is."""

    def read(text: str | None) -> Any:
        return None if text is None else msgspec.json.decode(text)

    return [(e.action, Kind(e.kind), e.project_id, read(e.before), read(e.after)) for e in await world.events()]


async def test_an_account_is_made_and_found(world: World) -> None:
    made = await world.access.accounts.create(ROOT, NewAccount("ann@example.org", password=PASSWORD))

    assert (made.name, made.kind, made.home, made.disabled) == ("ann@example.org", AccountKind.USER, "default", False)
    assert await world.access.accounts.get("ann@example.org") == made
    assert [event[:3] for event in await told(world)] == [(Action.CREATED, Kind.PRINCIPAL, NO_PROJECT)]


async def test_no_event_tells_a_secret(world: World) -> None:
    await account(world, "ann", password=PASSWORD)
    text = await token_of(world, "ann")
    await world.access.accounts.update(ROOT, "ann", AccountPatch(password="another password"))
    await world.access.accounts.remove(ROOT, "ann")

    changed = (await told(world))[2]
    assert changed[4] == {**changed[3], "password_changed": True}
    events = str(await world.events())
    for secret in (PASSWORD, "another password", "plain", text, text.rpartition(".")[2], "hash"):
        assert secret not in events


@pytest.mark.parametrize("name", ["", " ann", "-ann", "ann/x", "oidc:ann", "ä", "a" * 65, "ann\n", "anonymous"])
async def test_names_that_no_account_has(world: World, name: str) -> None:
    with pytest.raises(Invalid, match="name is"):
        await world.access.accounts.create(ROOT, NewAccount(name))


@pytest.mark.parametrize("password", ["", "1234567", "x" * 257])
async def test_passwords_that_are_too_short_or_long_are_not_repeated(world: World, password: str) -> None:
    with pytest.raises(Invalid, match=f"password has {len(password)} characters: use 8 to 256"):
        await world.access.accounts.create(ROOT, NewAccount("ann", password=password))


async def test_a_service_has_no_password(world: World) -> None:
    with pytest.raises(Invalid, match="tokens and no password"):
        await world.access.accounts.create(ROOT, NewAccount("trainer", AccountKind.SERVICE, PASSWORD))
    await account(world, "trainer")
    with pytest.raises(Invalid, match="tokens and no password"):
        await world.access.accounts.update(ROOT, "trainer", AccountPatch(password=PASSWORD))


async def test_a_name_is_taken_until_its_account_is_removed(world: World) -> None:
    await account(world, "ann")
    with pytest.raises(AlreadyExists, match="account with name ann already exists"):
        await account(world, "ann")
    await world.access.accounts.remove(ROOT, "ann")
    await account(world, "ann")


async def test_removing_an_account_removes_its_tokens_and_grants(world: World) -> None:
    await account(world, "root", Role.ADMIN)
    await account(world, "ann", Role.VIEWER)
    await token_of(world, "ann")

    await world.access.accounts.remove(ROOT, "ann")

    assert [event[:2] for event in await told(world)][-3:] == [
        (Action.DELETED, Kind.TOKEN),
        (Action.DELETED, Kind.GRANT),
        (Action.DELETED, Kind.PRINCIPAL),
    ]
    assert [grant.account for grant in (await world.access.grants.page(None, 0, 9)).items] == ["root"]
    with pytest.raises(NotFound, match="no account has the name ann"):
        await world.access.tokens.page("ann", 0, 9)


async def test_nobody_makes_accounts_where_nobody_is_asked(world: World) -> None:
    """They would lock themselves out: with the first account the server asks, and no admin could answer."""
    with pytest.raises(Forbidden, match="modelyard admin init"):
        await world.access.accounts.create(NOBODY, NewAccount("ann"))
    assert (await world.access.accounts.page(0, 9)).items == []
    await world.access.projects.create(NOBODY, "fraud")


async def test_the_last_admin_stays(world: World) -> None:
    await account(world, "ann", Role.ADMIN)
    await account(world, "ben", Role.VIEWER)
    (grant,) = (await world.access.grants.page("ann", 0, 9)).items

    for attempt in (
        world.access.accounts.remove(ROOT, "ann"),
        world.access.accounts.update(ROOT, "ann", AccountPatch(disabled=True)),
        world.access.grants.revoke(ROOT, grant.id),
    ):
        with pytest.raises(InUse, match="last admin"):
            await attempt
    assert not (await world.access.accounts.get("ann")).disabled

    await account(world, "cat", Role.ADMIN)
    await world.access.accounts.update(ROOT, "ann", AccountPatch(disabled=True))
    with pytest.raises(InUse, match="last admin"):
        await world.access.accounts.remove(ROOT, "cat")
    await world.access.accounts.remove(ROOT, "ann")


async def test_a_token_is_a_jwt_that_tells_whose_it_is(world: World) -> None:
    await account(world, "ann")
    token, text = await world.access.tokens.create(ROOT, "ann", NewToken("laptop", Role.VIEWER, expires_in=60))

    claims = jwt.decode(text, options={"verify_signature": False})
    now = world.clock()
    assert claims == {"jti": str(token.id), "sub": "ann", "iss": "modelyard", "iat": now // 1000, "exp": now // 1000 + 60, "scp": "viewer"}
    assert len(text) > 64
    assert token.expires_at == now + 60_000
    assert "exp" not in jwt.decode(await token_of(world, "ann"), options={"verify_signature": False})


async def test_two_tokens_are_never_alike(world: World) -> None:
    await account(world, "ann")
    texts = {(await token_of(world, "ann")).rpartition(".")[2] for _ in range(5)}
    assert len(texts) == 5


@pytest.mark.parametrize("new", [NewToken(expires_in=0), NewToken(expires_in=-1), NewToken(expires_in=10**12), NewToken("x" * 256)])
async def test_tokens_that_are_not_made(world: World, new: NewToken) -> None:
    await account(world, "ann")
    with pytest.raises(Invalid):
        await world.access.tokens.create(ROOT, "ann", new)


async def test_a_token_is_revoked_by_its_owner_or_an_admin_only(world: World) -> None:
    await account(world, "ann")
    await account(world, "ben")
    mine = await world.access.tokens.create(ROOT, "ann", NewToken())
    other = await world.access.tokens.create(ROOT, "ann", NewToken())

    with pytest.raises(NotFound):
        await world.access.tokens.revoke(ROOT, mine.token.id, "ben")
    await world.access.tokens.revoke(ROOT, mine.token.id, "ann")
    await world.access.tokens.revoke(ROOT, other.token.id)
    with pytest.raises(NotFound, match=f"no token has the id {mine.token.id}"):
        await world.access.tokens.revoke(ROOT, mine.token.id)


async def test_the_own_password_is_changed_by_who_knows_it(world: World) -> None:
    made = await world.access.accounts.create(ROOT, NewAccount("ann", password=PASSWORD))
    with pytest.raises(Forbidden, match="old password is wrong"):
        await world.access.accounts.change_password(ROOT, made.id, "guess", "another password")
    with pytest.raises(Invalid):
        await world.access.accounts.change_password(ROOT, made.id, PASSWORD, "short")
    await world.access.accounts.change_password(ROOT, made.id, PASSWORD, "another password")
    assert (await world.access.accounts.get("ann")).password_hash == "plain another password"


async def test_a_grant_is_on_everything_a_project_or_a_record(world: World) -> None:
    await account(world, "ann")
    model = await world.models.create_model(ROOT, NewModel(name="fraud"))
    everything = await world.access.grants.create(ROOT, NewGrant("ann", Role.VIEWER))
    project = await world.access.grants.create(ROOT, NewGrant("ann", Role.DEPLOYER, "default"))
    record = await world.access.grants.create(ROOT, NewGrant("ann", Role.CONTRIBUTOR, "default", Kind.MODEL, model.id))

    assert (await world.access.grants.page("ann", 0, 9)).items == [everything, project, record]
    assert [event[2] for event in await told(world)][-3:] == [NO_PROJECT, DEFAULT_PROJECT, DEFAULT_PROJECT]
    for again in (NewGrant("ann", Role.VIEWER), NewGrant("ann", Role.CONTRIBUTOR, "default", Kind.MODEL, model.id)):
        with pytest.raises(AlreadyExists, match="this grant is there already"):
            await world.access.grants.create(ROOT, again)


@pytest.mark.parametrize(
    ("new", "error"),
    [
        (NewGrant("sam", Role.VIEWER), NotFound),
        (NewGrant("ann", Role.VIEWER, "elsewhere"), NotFound),
        (NewGrant("ann", Role.VIEWER, "default", Kind.MODEL), Missing),
        (NewGrant("ann", Role.VIEWER, None, Kind.MODEL, 1), Missing),
        (NewGrant("ann", Role.VIEWER, "default", Kind.MODEL, 77), NotFound),
        (NewGrant("ann", Role.VIEWER, "default", Kind.EXPERIMENT, 77), NotFound),
        (NewGrant("ann", Role.VIEWER, "default", Kind.VERSION, 77), Invalid),
    ],
)
async def test_grants_of_what_is_not_there(world: World, new: NewGrant, error: type[Exception]) -> None:
    await account(world, "ann")
    with pytest.raises(error):
        await world.access.grants.create(ROOT, new)


@pytest.mark.parametrize("name", ["", "Fraud", "-a", "a-", "a_b", "a/b", "x" * 64])
async def test_names_that_no_project_has(world: World, name: str) -> None:
    with pytest.raises(Invalid, match="lower-case letters"):
        await world.access.projects.create(ROOT, name)


async def test_projects_are_archived_and_back(world: World) -> None:
    made = await world.access.projects.create(ROOT, "fraud")
    assert (await world.access.projects.archive(ROOT, "fraud", archived=True)).archived
    with pytest.raises(NotFound):
        await world.access.accounts.create(ROOT, NewAccount("ann", home="fraud"))
    with pytest.raises(AlreadyExists):
        await world.access.projects.create(ROOT, "fraud")
    assert await world.access.projects.archive(ROOT, "fraud", archived=False) == made
    assert [event[:3] for event in await told(world)] == [
        (action, Kind.PROJECT, NO_PROJECT) for action in ("created", "updated", "updated")
    ]
    with pytest.raises(NotFound):
        await world.access.projects.archive(ROOT, "elsewhere", archived=True)


async def test_a_project_that_is_needed_is_not_archived(world: World) -> None:
    with pytest.raises(InUse, match="name no project"):
        await world.access.projects.archive(ROOT, "default", archived=True)
    await world.access.projects.create(ROOT, "fraud")
    await world.access.accounts.create(ROOT, NewAccount("ann", home="fraud"))
    with pytest.raises(InUse, match="home of the account ann"):
        await world.access.projects.archive(ROOT, "fraud", archived=True)
    await world.access.accounts.update(ROOT, "ann", AccountPatch(home="default"))
    await world.access.projects.archive(ROOT, "fraud", archived=True)


async def test_lists_come_in_pages(world: World) -> None:
    for name in ("ann", "ben", "cat"):
        await account(world, name)
    first = await world.access.accounts.page(0, 2)
    assert [one.name for one in first.items] == ["ann", "ben"]
    assert first.next is not None
    second = await world.access.accounts.page(first.next.id, 2)
    assert ([one.name for one in second.items], second.next) == (["cat"], None)


class TestFirstAdmin:
    async def admit(self, world: World, name: str = "root", *, again: bool = False) -> Minted:
        assert isinstance(world.database, MemoryDatabase)
        journal = Journal(world.records.register, MemoryEvents(world.database), world.clock)
        return await world.database.write(lambda unit: admit(unit, NOBODY, journal, name, again=again))

    async def test_is_made_once(self, world: World) -> None:
        made = await self.admit(world)
        assert made.token.account == "root"
        assert [grant.of_everything for grant in (await world.access.grants.page("root", 0, 9)).items] == [True]
        with pytest.raises(InUse, match=r"an admin already.*--again"):
            await self.admit(world, "other")
        assert [one.name for one in (await world.access.accounts.page(0, 9)).items] == ["root"]

    async def test_comes_in_again_even_when_disabled(self, world: World) -> None:
        first = await self.admit(world)
        await account(world, "ben", Role.ADMIN)
        await world.access.accounts.update(ROOT, "root", AccountPatch(disabled=True))

        second = await self.admit(world, again=True)

        assert second.token.account_id == first.token.account_id
        assert second.text != first.text
        assert not (await world.access.accounts.get("root")).disabled
        assert len((await world.access.grants.page("root", 0, 9)).items) == 1

    async def test_no_other_account_becomes_one_that_way(self, world: World) -> None:
        await self.admit(world)
        await account(world, "ben", Role.VIEWER)
        with pytest.raises(NotFound, match="ben is none"):
            await self.admit(world, "ben", again=True)
        assert [grant.role for grant in (await world.access.grants.page("ben", 0, 9)).items] == [Role.VIEWER]

    async def test_a_mistyped_name_makes_no_further_admin(self, world: World) -> None:
        await self.admit(world)
        with pytest.raises(NotFound, match="no account has the name rot"):
            await self.admit(world, "rot", again=True)
