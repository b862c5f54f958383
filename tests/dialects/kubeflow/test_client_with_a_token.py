"""Both clients on a registry with accounts, told of their token by `user_token`."""

import httpx
import pytest

from modelyard.access.permissions import Role
from tests.access.accounts import Accounts, role
from tests.access.test_servers_that_ask import until
from tests.conftest import NewDatabase, Serve
from tests.dialects.kubeflow.real_client import play

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("version", ["0.3.14", "0.3.18"])
async def test_the_client_comes_in_by_its_user_token(serve: Serve, new_database: NewDatabase, version: str) -> None:
    database_url = new_database("sqlite")
    accounts, url = Accounts(database_url), serve(database_url)
    await accounts.add_project("lab")
    token = await accounts.add("lea", role("lea", Role.CONTRIBUTOR, "lab"), home="lab")
    reader = await accounts.add("rea", role("rea", Role.VIEWER, "lab"), home="lab")
    async with httpx.AsyncClient(base_url=url) as client:
        await until(client, 401, None)
    play("with_a_token", version, url, token, reader)
