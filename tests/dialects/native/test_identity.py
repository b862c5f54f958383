"""A server that accepts the tokens of an identity provider, which is a real one."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from modelyard.access import oidc
from modelyard.access.directory import LOOK_SECONDS
from modelyard.api.http.edge import Edge
from modelyard.settings import Settings
from tests.conftest import NewDatabase
from tests.inprocess import call, running
from tests.servers.identity import Identity
from tests.servers.modelyard import serving
from tests.servers.people import client, first_admin

MODELS = "/api/model_registry/v1alpha3/registered_models"


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    return Identity(tmp_path)


@pytest.fixture
def store(new_database: NewDatabase) -> str:
    return new_database("sqlite")


@pytest.fixture
def ours(store: str) -> str:
    """The token of an admin with an account."""
    return first_admin(store)


@pytest.fixture
def server(identity: Identity, store: str, ours: str, tmp_path: Path) -> Iterator[str]:
    """Started while the provider is not there."""
    env = {
        "MODELYARD_OIDC_ISSUER": identity.issuer,
        "MODELYARD_OIDC_AUDIENCE": "modelyard",
        "MODELYARD_OIDC_ROLES": "ml=contributor@fraud, everyone=viewer",
    }
    with serving(store, home=tmp_path, env=env) as running, client(running.url, ours) as admin:
        assert admin.post("/api/v1/projects", json={"name": "fraud"}).status_code == 201
        yield running.url


def ask(url: str, token: str) -> httpx.Response:
    return httpx.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=30)


def test_groups_are_roles(identity: Identity, server: str) -> None:
    with identity.running():
        ann, stranger = identity.sign_in("ann", ["ml", "golf"]), identity.sign_in("sam", ["golf"])
        elsewhere = identity.sign_in("ann", ["ml"], audience="another service")
        forged = identity.sign_in("ann", [])

        me = ask(server + "/api/v1/me", ann).json()
        assert (me["name"], me["account"], me["home"]) == ("oidc:ann", False, "fraud")
        assert [(grant["role"], grant["project"]) for grant in me["grants"]] == [("contributor", "fraud")]
        with client(server, ann) as user:
            made = user.post(MODELS, json={"name": "m"})
            assert made.status_code == 201, made.text
            assert user.get(f"/p/fraud{MODELS}/{made.json()['id']}").status_code == 200, "the only project is the home"
            assert user.post("/api/v1/me/tokens").status_code == 404, "there is no account to make one for"
            assert user.get("/api/v1/users").status_code == 403
        assert ask(server + MODELS, stranger).status_code == 403
        assert ask(server + MODELS, elsewhere).status_code == 401
        assert ask(server + "/api/v1/me", forged[:-3] + "abc").status_code == 401
    assert ask(server + "/api/v1/me", ann).status_code == 200, "known tokens do without the provider"


async def test_keys_that_the_provider_changes(identity: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Started again, it has a new key, and the old one no more. Its tokens do not name the key that they are signed with."""
    monkeypatch.setattr(oidc, "PAUSE", 0.0)
    roles = ("everyone=viewer",)
    settings = Settings(data_dir=str(tmp_path), oidc_issuer=identity.issuer, oidc_audience="modelyard", oidc_roles=roles)
    async with running(settings) as edge:
        with identity.running():
            known, unseen = identity.sign_in("ann", ["everyone"]), identity.sign_in("sam", ["everyone"])
            assert await status(edge, known) == 200
        with identity.running():
            assert await status(edge, identity.sign_in("ann", ["everyone"])) == 200, "the key is new, and asked for"
            assert await status(edge, unseen) == 401, "its key is no more"
            await asyncio.sleep(LOOK_SECONDS)
            assert await status(edge, known) == 401, "it is not remembered for longer than this"


async def status(edge: Edge, token: str) -> int:
    return (await call(edge, "GET", MODELS, {"authorization": f"Bearer {token}"})).status


def test_a_provider_that_is_away_keeps_nobody_else_out(identity: Identity, server: str, ours: str) -> None:
    with identity.running():
        ann = identity.sign_in("ann", ["everyone"])

    answer = ask(server + "/api/v1/me", ann)
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable"), "whether it is good is not known"
    assert int(answer.headers["retry-after"]) > 0
    assert ask(server + "/api/v1/me", ours).status_code == 200
