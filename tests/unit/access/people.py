"""Who is in the tests of accounts, and how they got there."""

from modelyard.access.accounts import AccountKind
from modelyard.access.directory import Directory, IdentityProvider
from modelyard.access.permissions import Role
from modelyard.access.service import NewAccount, NewGrant, NewToken
from modelyard.context import Caller
from tests.unit.world import PlainPasswords, World

ROOT = Caller(name="root", dialect="native", request_id="request-3")
"""An admin, as far as services know: what a caller may do is judged before them."""

PASSWORD = "a long password"


class HandSeconds:
    """A count of seconds that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += seconds


class Server:
    """What one server process has: a directory of its own over the world's store, and a clock for it."""

    def __init__(self, world: World, provider: IdentityProvider | None = None) -> None:
        self.seconds = HandSeconds()
        self.directory = Directory(world.database, world.records.register, PlainPasswords(), provider, world.clock, self.seconds)


async def account(world: World, name: str, *roles: Role, password: str | None = None) -> None:
    """An account with these roles on everything."""
    kind = AccountKind.USER if password else AccountKind.SERVICE
    await world.access.accounts.create(ROOT, NewAccount(name, kind, password))
    for role in roles:
        await world.access.grants.create(ROOT, NewGrant(name, role))


async def token_of(world: World, name: str, new: NewToken | None = None) -> str:
    return (await world.access.tokens.create(ROOT, name, new or NewToken("of a test"))).text
