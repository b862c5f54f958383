"""Servers that run, and accounts that come and go in their store."""

import asyncio
import time
from pathlib import Path

import httpx
import pytest

from modelyard.access.permissions import Role
from modelyard.settings import Settings
from tests.access.accounts import PASSWORD, Accounts, role
from tests.conftest import NewDatabase, Serve
from tests.dialects.registry import unique
from tests.inprocess import call, running

MODELS = "/api/model_registry/v1alpha3/registered_models"


async def until(client: httpx.AsyncClient, status: int, token: str | None, *, times: int = 1) -> None:
    """Ask for models until the answer has this status, so many times in a row; raises `TimeoutError` when it never does."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    in_a_row, deadline = 0, time.monotonic() + 30
    while in_a_row < times:
        if time.monotonic() > deadline:
            raise TimeoutError(f"never {times} times {status} in a row")
        # On a connection of its own, so on any worker.
        answer = await client.get(MODELS, headers={**headers, "Connection": "close"})
        in_a_row = in_a_row + 1 if answer.status_code == status else 0
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("flavour", "workers"),
    [
        pytest.param("sqlite", 1, id="sqlite"),
        pytest.param("postgresql", 2, id="postgresql", marks=pytest.mark.servers),
        pytest.param("mysql", 2, id="mariadb", marks=pytest.mark.servers),
    ],
)
async def test_every_worker_notices_accounts_and_revocations(flavour: str, workers: int, serve: Serve, new_database: NewDatabase) -> None:
    database_url = new_database(flavour)
    accounts, url = Accounts(database_url), serve(database_url, "--workers", str(workers))
    async with httpx.AsyncClient(base_url=url) as client:
        await until(client, 200, None, times=5)
        token = await accounts.add("ann", role("ann", Role.ADMIN))
        await until(client, 401, None, times=20)
        await until(client, 200, token, times=20)
        await accounts.revoke_all("ann")
        await until(client, 401, token, times=20)


async def test_a_name_and_password_are_as_good_as_a_token(serve: Serve, new_database: NewDatabase) -> None:
    database_url = new_database("sqlite")
    url = serve(database_url)
    token = await Accounts(database_url).add("ann", role("ann", Role.CONTRIBUTOR, "default"), password=PASSWORD)
    async with httpx.AsyncClient(base_url=url) as client:
        await until(client, 401, None)
        for auth in (("ann", PASSWORD), ("whoever", token)):
            answer = await client.post(MODELS, json={"name": unique()}, auth=auth)
            assert answer.status_code == 201
        assert (await client.get(MODELS, auth=("ann", "a wrong password"))).status_code == 401


async def test_projects_are_chosen_by_home_and_by_path(serve: Serve, new_database: NewDatabase) -> None:
    database_url = new_database("sqlite")
    accounts, url = Accounts(database_url), serve(database_url)
    await accounts.add_project("lab")
    lea = await accounts.add("lea", role("lea", Role.ADMIN, "lab"), home="lab")
    root = await accounts.add("root", role("root", Role.ADMIN))
    name = unique()
    async with httpx.AsyncClient(base_url=url) as client:
        await until(client, 401, None)
        hers, roots = ({"Authorization": f"Bearer {token}"} for token in (lea, root))
        assert (await client.post(MODELS, json={"name": name}, headers=hers)).status_code == 201
        for path, headers, found in (
            (MODELS, hers, [name]),
            (f"/p/lab{MODELS}", hers, [name]),
            (f"/p/lab{MODELS}", roots, [name]),
            (MODELS, roots, []),
            (f"/p/default{MODELS}", roots, []),
        ):
            answer = await client.get(path, headers=headers)
            assert [model["name"] for model in answer.json()["items"]] == found
        assert (await client.get(f"/p/default{MODELS}", headers=hers)).status_code == 404


async def test_with_accounts_it_may_listen_beyond_loopback(tmp_path: Path) -> None:
    here = Settings(data_dir=str(tmp_path))
    async with running(here):
        token = await Accounts(here.database).add("ann", role("ann", Role.ADMIN))
    for insecure in (False, True):
        async with running(Settings(data_dir=str(tmp_path), host="0.0.0.0", insecure_no_auth=insecure)) as edge:
            assert (await call(edge, "GET", MODELS)).status == 401
            assert (await call(edge, "GET", MODELS, {"authorization": f"Bearer {token}"})).status == 200


async def test_an_idempotency_key_is_of_who_sent_it(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path))
    async with running(settings) as edge:
        accounts = Accounts(settings.database)
        tokens = [await accounts.add(name, role(name, Role.CONTRIBUTOR, "default")) for name in ("ann", "bob")]
        answers = []
        for token in (*tokens, *tokens):
            headers = {"authorization": f"Bearer {token}", "idempotency-key": "1"}
            answers.append(await call(edge, "POST", MODELS, headers, b'{"name": "%s"}' % token[-20:].encode()))
        assert [answer.status for answer in answers] == [201] * 4
        assert [answer.headers.get("idempotency-replayed") for answer in answers] == [None, None, "true", "true"]
        assert [answer.body for answer in answers[:2]] == [answer.body for answer in answers[2:]]
