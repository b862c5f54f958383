"""How the directory finds out who asks with a token of an identity provider."""

import jwt

from modelyard.access.directory import Mapped
from modelyard.access.entities import Grant, Principal
from modelyard.access.permissions import Role
from modelyard.context import DEFAULT_PROJECT, Millis
from tests.unit.access.people import ROOT, Server
from tests.unit.world import World


class Provider:
    """Says of every token what it is told to."""

    issuer = "https://login.example.org"

    def __init__(self, *roles: tuple[Role, str | None]) -> None:
        self.said: Mapped | None = Mapped("oidc:zoe", roles, Millis(1_700_000_060_000))
        self.asked = 0
        self.taken_back = 0

    def look(self) -> int:
        return self.taken_back

    async def verify(self, text: str) -> Mapped | None:
        del text
        self.asked += 1
        return self.said

    async def close(self) -> None:
        """Nothing to close."""

    def token(self) -> str:
        return jwt.encode({"iss": self.issuer, "sub": "zoe"}, "k" * 32, algorithm="HS256")


class TestIdentityProvider:
    async def test_its_tokens_are_asked_for_once_until_they_end(self, world: World) -> None:
        provider = Provider((Role.CONTRIBUTOR, None))
        server = Server(world, provider)
        for _ in range(3):
            found = await server.directory.by_token(provider.token())
            assert found == Principal("oidc:zoe", DEFAULT_PROJECT, (Grant(Role.CONTRIBUTOR),))
        assert provider.asked == 1
        world.clock.move(60_000)
        provider.said = None
        assert await server.directory.by_token(provider.token()) is None

    async def test_its_tokens_are_asked_for_again_when_it_has_taken_keys_back(self, world: World) -> None:
        provider = Provider((Role.VIEWER, None))
        server = Server(world, provider)
        assert await server.directory.by_token(provider.token()) is not None
        provider.taken_back, provider.said = 1, None
        assert server.directory.known(provider.token()) is not None
        server.seconds.move(1)
        assert await server.directory.by_token(provider.token()) is None

    async def test_roles_are_on_projects_that_are_there(self, world: World) -> None:
        fraud = await world.access.projects.create(ROOT, "fraud")
        provider = Provider((Role.VIEWER, "fraud"), (Role.ADMIN, "elsewhere"))
        found = await Server(world, provider).directory.by_token(provider.token())
        assert found == Principal("oidc:zoe", fraud.id, (Grant(Role.VIEWER, fraud.id),)), "its one project is its home"

    async def test_a_server_with_one_is_never_open(self, world: World) -> None:
        server = Server(world, Provider())
        await server.directory.refresh()
        assert not server.directory.open
