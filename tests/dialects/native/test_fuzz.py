"""Generated requests against our own document: no crash, no undocumented status, no answer that breaks its schema."""

import httpx
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.core.errors import UnsupportedSchema
from schemathesis.core.result import Ok

from tests.conftest import NewDatabase, Serve
from tests.dialects.jfrog.registry import Jfrog
from tests.dialects.kubeflow.test_fuzz import SEED, play
from tests.dialects.registry import Registry, accepted

pytestmark = [pytest.mark.fuzz, pytest.mark.slow]

LEFT_OUT = {
    "streamEvents": "its answer has no end",
    "createUser": "the first account shuts out everybody without credentials",
}


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["valid", "invalid"])
def test_the_server_keeps_its_word(new_database: NewDatabase, serve: Serve, subtests: pytest.Subtests, mode: GenerationMode) -> None:
    with httpx.Client(timeout=30) as client:
        registry = Registry(client, serve(new_database("sqlite")))
        ids = _things(Jfrog(registry))
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
                    play(operation, mode, ids)
                except UnsupportedSchema as limit:
                    pytest.skip(f"schemathesis cannot make such requests: {limit}")


def _things(jfrog: Jfrog) -> dict[str, str]:
    """Names in paths, in lower case without underscores, to what exists: a run with a metric, and a project."""
    run = jfrog.experiment()
    accepted(jfrog.patch(f"/experiments/{run['id']}", {"metrics": {"loss": 1}}), 200)
    return {"runid": run["id"], "id": run["id"], "metric": "loss", "name": "default"}
