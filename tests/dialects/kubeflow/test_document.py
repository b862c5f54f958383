"""The served OpenAPI documents on their own: they are valid, and true where one schema stands for two kinds of body."""

from collections.abc import Iterator
from typing import Any

import pytest
from openapi_schema_validator import OAS30Validator
from openapi_spec_validator import validate

from tests.dialects.registry import Json, Registry

DOCUMENTS = ("kubeflow", "kubeflow-v1")

ARTIFACT_BODIES: list[Json] = [
    {},
    {"artifactType": None},
    {"artifactType": "model-artifact"},
    {"artifactType": "any text"},
    {"artifactType": 1},
    {"artifactType": "doc-artifact", "state": "LIVE"},
    {"artifactType": "doc-artifact", "state": "GONE"},
]


def served(registry: Registry, name: str) -> Any:
    return registry.http.get(f"{registry.base_url}/openapi/{name}.json").json()


def accepts(document: Any, schema: str, body: Json) -> bool:
    validator = OAS30Validator({"$ref": f"#/components/schemas/{schema}", "components": document["components"]})
    return bool(validator.is_valid(body))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_it_is_valid(sqlite_registry: Registry, name: str) -> None:
    document = served(sqlite_registry, name)
    assert document["openapi"] == "3.0.3"
    validate(document)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_default_is_null(sqlite_registry: Registry, name: str) -> None:
    assert [node for node in _nodes(served(sqlite_registry, name)) if node.get("default", "") is None] == []


@pytest.mark.parametrize("body", ARTIFACT_BODIES, ids=str)
@pytest.mark.parametrize(("path", "schema"), [("/artifacts", "ArtifactCreate"), ("/model_artifacts", "ModelArtifactCreate")])
def test_what_it_says_of_an_artifact_type_is_what_the_server_does(sqlite_registry: Registry, path: str, schema: str, body: Json) -> None:
    answer = sqlite_registry.post(path, body)
    assert accepts(served(sqlite_registry, "kubeflow"), schema, body) == (answer.status_code == 201), answer.text


@pytest.mark.parametrize("body", [{}, {"artifactType": None}, {"artifactType": "any text"}, {"artifactType": 1}], ids=str)
@pytest.mark.parametrize(("path", "schema"), [("/artifacts", "ArtifactUpdate"), ("/model_artifacts", "ModelArtifactUpdate")])
def test_likewise_of_a_change(sqlite_registry: Registry, path: str, schema: str, body: Json) -> None:
    made = sqlite_registry.post("/model_artifacts", {}).json()
    answer = sqlite_registry.patch(f"{path}/{made['id']}", body)
    assert accepts(served(sqlite_registry, "kubeflow"), schema, body) == (answer.status_code == 200), answer.text


def _nodes(node: Any) -> Iterator[Json]:
    """All objects in a document, and it."""
    if isinstance(node, dict):
        yield node
    inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for value in inner:
        yield from _nodes(value)
