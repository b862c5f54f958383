"""Generated requests against our own documents: no crash, no undocumented status, no answer that breaks its schema.

A short run, always the same, is part of the tests; `make fuzz` sets FUZZ_EXAMPLES for a long one with another seed each time.
"""

import os
import secrets
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.errors import UnsupportedSchema
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from tests.conftest import NewDatabase, Serve
from tests.dialects.kubeflow.test_s1_operations import model_tree
from tests.dialects.registry import Json, Registry

LONG = "FUZZ_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "15"))
"""Requests for each operation and mode."""
SEED = int(os.environ.get("FUZZ_SEED", secrets.randbits(32) if LONG else 1))
DATABASE = os.environ.get("FUZZ_DATABASE", "sqlite")
"""The flavour of the database that the server has."""
KEYS = {
    "registeredmodelid": "rm",
    "modelversionid": "mv",
    "experimentid": "ex",
    "experimentrunid": "ru",
    "servingenvironmentid": "se",
    "inferenceserviceid": "is",
    "modelartifactid": "ma",
    "id": "ma",
}
"""Names of ids in paths and bodies, in lower case without underscores, to things of `model_tree`."""
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]

Case = schemathesis.Case[Any]

pytestmark = [pytest.mark.fuzz, pytest.mark.slow]


@pytest.fixture
def registry(new_database: NewDatabase, serve: Serve) -> Iterator[Registry]:
    """A server of its own: what is made here would fill the lists of other tests."""
    with httpx.Client(timeout=30) as client:
        yield Registry(client, serve(new_database(DATABASE)))


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["valid", "invalid"])
@pytest.mark.parametrize("document", ["kubeflow", "kubeflow-v1"])
def test_the_server_keeps_its_word(registry: Registry, subtests: pytest.Subtests, document: str, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_dict(_any_link(registry.http.get(f"{registry.base_url}/openapi/{document}.json").json()))
    schema.config.update(base_url=registry.base_url)
    tree = model_tree(registry)
    ids = {name: tree[key]["id"] for name, key in KEYS.items()}
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        with subtests.test(f"{operation.label}, seed {SEED}"):
            try:
                play(operation, mode, ids)
            except UnsupportedSchema as limit:
                pytest.skip(f"schemathesis cannot make such requests: {limit}")


def play(operation: Any, mode: GenerationMode, ids: dict[str, str], token: str | None = None) -> None:
    """Send requests to an operation, by whom the token is. Raises what is wrong with an answer."""
    headers = {"Authorization": f"Bearer {token}"} if token else None

    @seed(SEED)
    @settings(max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode), real=st.booleans())
    def send(case: Case, real: bool) -> None:  # noqa: FBT001 - hypothesis draws it; nobody calls it with a bare True
        if real:
            _use_ids(case, ids)
        case.call_and_validate(checks=CHECKS, headers=headers)

    send()


def _any_link(document: Json) -> Json:
    """The document with links as what the original takes them for: any text. By the contract they are URIs, which nobody checks."""
    for schema in document["components"]["schemas"].values():
        for name in ("licenseLink", "logo"):
            link = schema.get("properties", {}).get(name, {})
            for text in (link, *link.get("anyOf", ())):
                text.pop("format", None)
    return document


def _use_ids(case: Case, ids: dict[str, str]) -> None:
    """Put ids of things that exist where the document wants one, or most requests would end at a 404."""
    body: Json | Any = case.body
    for container in (case.path_parameters, body if isinstance(body, dict) else {}):
        for name in container:
            identity = ids.get(name.replace("_", "").lower())
            if identity and (isinstance(container[name], str) or container is case.path_parameters):
                container[name] = identity
