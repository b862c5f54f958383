"""Generated requests of an admin against our own document: no crash, no undocumented status, no answer that breaks its schema."""

import httpx
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.core.errors import UnsupportedSchema
from schemathesis.core.result import Ok

from tests.conftest import NewDatabase, Serve
from tests.dialects.jfrog.registry import Jfrog
from tests.dialects.kubeflow.test_fuzz import DATABASE, SEED, play
from tests.dialects.registry import Registry, accepted
from tests.servers.people import client, first_admin

pytestmark = [pytest.mark.fuzz, pytest.mark.slow]

LEFT_OUT = {"streamEvents": "its answer has no end"}
SMALL = 50
"""Ids below this are made up often."""


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["valid", "invalid"])
def test_the_server_keeps_its_word(new_database: NewDatabase, serve: Serve, subtests: pytest.Subtests, mode: GenerationMode) -> None:
    database_url = new_database(DATABASE)
    token = first_admin(database_url)
    with client(serve(database_url), token) as http:
        registry = Registry(http, str(http.base_url).rstrip("/"))
        ids = _things(Jfrog(registry))
        token = _another_token(http)
        schema = schemathesis.openapi.from_url(f"{registry.base_url}/openapi/native.json")
        for found in schema.get_all_operations():
            assert isinstance(found, Ok), found
            operation = found.ok()
            if operation.definition.raw["operationId"] in LEFT_OUT:
                continue
            if mode is GenerationMode.NEGATIVE and not operation.body:
                continue  # nearly any text will do for what has no body
            with subtests.test(f"{operation.label}, seed {SEED}"):
                try:
                    play(operation, mode, ids, token)
                except UnsupportedSchema as limit:
                    pytest.skip(f"schemathesis cannot make such requests: {limit}")

        assert http.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"}).status_code == 200, "it was good to the end"


def _another_token(http: httpx.Client) -> str:
    """One that no made-up id is likely to revoke."""
    while True:
        made = http.post("/api/v1/me/tokens").json()
        if made["id"] > SMALL:
            return str(made["token"])


def _things(jfrog: Jfrog) -> dict[str, str]:
    """Names in paths, in lower case without underscores, to what exists: a run with a metric; a project, and a user, called alike."""
    run = jfrog.experiment()
    accepted(jfrog.patch(f"/experiments/{run['id']}", {"metrics": {"loss": 1}}), 200)
    accepted(jfrog.kubeflow.http.post(f"{jfrog.kubeflow.base_url}/api/v1/users", json={"name": "default"}), 201)
    return {"runid": run["id"], "id": run["id"], "metric": "loss", "name": "default"}
