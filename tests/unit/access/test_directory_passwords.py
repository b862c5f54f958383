"""How the directory finds out who asks by name and password."""

import asyncio

import pytest

from modelyard.access.service import AccountPatch
from modelyard.errors import TooMany
from tests.unit.access.people import PASSWORD, ROOT, Server, account, token_of
from tests.unit.world import PlainPasswords, World

HERE = "10.0.0.1"
ELSEWHERE = "10.0.0.2"


@pytest.fixture
def server(world: World) -> Server:
    return Server(world)


async def test_right_passwords_open_wrong_ones_do_not(world: World, server: Server) -> None:
    await account(world, "ann", password=PASSWORD)
    await account(world, "trainer")
    found = await server.directory.by_password("ann", PASSWORD, HERE)
    assert found is not None
    assert found.name == "ann"
    for name, password in (("ann", "wrong"), ("ann", ""), ("sam", PASSWORD), ("trainer", ""), ("Ann", PASSWORD), ("ann" * 99, "x")):
        assert await server.directory.by_password(name, password, ELSEWHERE if name == "ann" else "10.0.0.9") is None


async def test_a_token_is_a_password_of_any_name(world: World, server: Server) -> None:
    await account(world, "ann")
    found = await server.directory.by_password("whoever", await token_of(world, "ann"), HERE)
    assert found is not None
    assert found.name == "ann"
    await server.directory.close()


async def test_passwords_are_remembered_for_a_minute_and_never_in_clear(world: World, server: Server) -> None:
    await account(world, "ann", password=PASSWORD)
    found = await server.directory.by_password("ann", PASSWORD, HERE)
    assert server.directory.known_password("ann", PASSWORD) is found
    assert server.directory.known_password("ann", "wrong") is None
    assert server.directory.known_password("annalong password"[:3], PASSWORD + "x") is None
    assert PASSWORD.encode() not in b"".join(server.directory._passwords)
    world.clock.move(60_000)
    assert server.directory.known_password("ann", PASSWORD) is None


async def test_a_change_is_seen_at_once(world: World, server: Server) -> None:
    await account(world, "ann", password=PASSWORD)
    await server.directory.by_password("ann", PASSWORD, HERE)
    await world.access.accounts.update(ROOT, "ann", AccountPatch(password="another password"))
    server.seconds.move(1)
    assert await server.directory.by_password("ann", PASSWORD, HERE) is None
    assert await server.directory.by_password("ann", "another password", HERE) is not None


async def test_a_disabled_account_has_none(world: World, server: Server) -> None:
    await account(world, "ann", password=PASSWORD)
    await world.access.accounts.update(ROOT, "ann", AccountPatch(disabled=True))
    assert await server.directory.by_password("ann", PASSWORD, HERE) is None


async def test_failures_make_the_name_and_the_address_wait_and_nobody_else(world: World, server: Server) -> None:
    await account(world, "ann", password=PASSWORD)
    await account(world, "ben", password=PASSWORD)
    for _ in range(5):
        assert await server.directory.by_password("ann", "wrong", HERE) is None
    for name, address in (("ann", HERE), ("ann", ELSEWHERE), ("ben", HERE)):
        with pytest.raises(TooMany) as caught:
            await server.directory.by_password(name, PASSWORD, address)
        assert caught.value.details == {"retry_after": 1}
    assert await server.directory.by_password("ben", PASSWORD, ELSEWHERE) is not None

    server.seconds.move(1)
    assert await server.directory.by_password("ann", PASSWORD, HERE) is not None
    assert await server.directory.by_password("ann", "wrong", HERE) is None, "success has reset both"


async def test_names_that_are_not_there_take_the_same_work(world: World, server: Server) -> None:
    asked: list[str | None] = []

    class Watched(PlainPasswords):
        async def verify(self, hash_: str | None, password: str) -> bool:
            asked.append(hash_)
            return await super().verify(hash_, password)

    server.directory._argon = Watched()
    await account(world, "ann", password=PASSWORD)
    await account(world, "trainer")
    for name in ("sam", "trainer", "ann"):
        await server.directory.by_password(name, "wrong", HERE)
    assert asked == [None, None, f"plain {PASSWORD}"]


async def test_many_requests_at_once_are_one_attempt(world: World, server: Server) -> None:
    await account(world, "ann", password=PASSWORD)
    found = await asyncio.gather(*(server.directory.by_password("ann", PASSWORD, HERE) for _ in range(20)))
    assert {one.name for one in found if one is not None} == {"ann"}
    assert None not in found


async def test_many_guesses_at_once_win_nothing(world: World, server: Server) -> None:
    await account(world, "ann", password=PASSWORD)
    guesses = [server.directory.by_password("ann", f"guess {number}", HERE) for number in range(20)]
    found = await asyncio.gather(*guesses, return_exceptions=True)
    assert [type(one) for one in found].count(TooMany) == 15
