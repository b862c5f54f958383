"""Generated requests against our own document: no crash, no undocumented status, no answer that breaks its schema."""

import httpx
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from tests.conftest import NewDatabase, Serve
from tests.dialects.jfrog.registry import Jfrog
from tests.dialects.kubeflow.test_fuzz import DATABASE, SEED, play
from tests.dialects.registry import Registry

pytestmark = [pytest.mark.fuzz, pytest.mark.slow]


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["valid", "invalid"])
def test_the_server_keeps_its_word(new_database: NewDatabase, serve: Serve, subtests: pytest.Subtests, mode: GenerationMode) -> None:
    with httpx.Client(timeout=30) as client:
        registry = Registry(client, serve(new_database(DATABASE)))
        ids = _things(Jfrog(registry))
        schema = schemathesis.openapi.from_url(f"{registry.base_url}/openapi/jfrog.json")
        for found in schema.get_all_operations():
            assert isinstance(found, Ok), found
            operation = found.ok()
            if mode is GenerationMode.NEGATIVE and not operation.body:
                continue  # any text is an id, so there is nothing to do wrong
            with subtests.test(f"{operation.label}, seed {SEED}"):
                play(operation, mode, ids)


def _things(jfrog: Jfrog) -> dict[str, str]:
    """Names of ids in paths and bodies, in lower case without underscores, to ids of things that exist."""
    version = jfrog.version()
    model = version["model_id"]
    things = {"modelid": model, "versionid": version["id"], "modelversionid": version["id"]}
    return {**things, "experimentid": jfrog.experiment(model_id=model)["id"], "deploymentid": jfrog.deployment(version)["id"]}
