"""The asynchronous half of the client, and its `async_runner`. Arguments: the server's URL, a text that makes names unique."""

import asyncio
import sys
from collections.abc import Coroutine
from typing import Any, TypeVar
from urllib.parse import urlsplit

from model_registry import ModelRegistry
from model_registry.core import ModelRegistryAPIClient
from model_registry.types import DocArtifact, ListOptions, ModelArtifact, ModelVersion, Pager, RegisteredModel

url, stem = sys.argv[1:]
T = TypeVar("T")


def runner(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


async def main() -> None:
    parts = urlsplit(url)
    api = ModelRegistryAPIClient.insecure_connection(f"{parts.scheme}://{parts.hostname}", parts.port or 80)

    model = await api.upsert_registered_model(RegisteredModel(name=f"async {stem}", owner="me", external_id=f"async-model {stem}"))
    assert await api.get_registered_model_by_id(str(model.id)) == model
    assert await api.get_registered_model_by_params(name=model.name) == model
    assert await api.get_registered_model_by_params(external_id=model.external_id) == model
    assert await api.get_registered_model_by_id("2147483646") is None
    model.description = "described"
    assert (await api.upsert_registered_model(model)).description == "described"

    drafts = [ModelVersion(name=f"v{number}", external_id=f"async-version-{number} {stem}") for number in range(7)]
    versions = [await api.upsert_model_version(draft, model.id) for draft in drafts]
    assert await api.get_model_version_by_id(str(versions[0].id)) == versions[0]
    assert await api.get_model_version_by_params(registered_model_id=model.id, name="v1") == versions[1]
    assert await api.get_model_version_by_params(external_id=versions[2].external_id) == versions[2]
    options = ListOptions(limit=3)
    assert await api.get_model_versions(str(model.id), options) == versions[:3]
    assert options.next_page_token
    assert await api.get_model_versions(str(model.id), options) == versions[3:6]
    assert await api.get_model_versions(str(model.id), ListOptions.order_by_creation_time(limit=2, is_asc=False)) == versions[:-3:-1]

    async def page(options: ListOptions) -> list[ModelVersion]:
        found: list[ModelVersion] = await api.get_model_versions(str(model.id), options)
        return found

    assert [version async for version in Pager[ModelVersion](page).page_size(3)] == versions
    at_once = await asyncio.gather(*(api.get_model_version_by_id(str(version.id)) for version in versions))
    assert at_once == versions

    first = str(versions[0].id)
    artifact = await api.upsert_model_version_artifact(ModelArtifact(name="weights", uri="s3://w", custom_properties={"n": 1}), first)
    document = await api.upsert_model_version_artifact(DocArtifact(name="card", uri="s3://c"), first)
    assert await api.get_model_artifact_by_id(artifact.id) == artifact
    assert await api.get_model_artifact_by_params(name="weights", model_version_id=first) == artifact
    assert await api.get_model_artifact_by_params(name="card", model_version_id=first) is None
    assert await api.get_model_artifacts(first) == [artifact]
    assert await api.get_model_version_artifacts(first) == [artifact, document]
    assert await api.get_artifacts(filter_query=f"name = 'weights' AND n = 1 AND id = {artifact.id}") == [artifact]
    artifact.uri = "s3://w2"
    assert (await api.upsert_model_artifact(artifact)).uri == "s3://w2"
    document.description = "changed through the version"
    assert (await api.upsert_model_version_artifact(document, first)).id == document.id
    free = await api.upsert_model_artifact(ModelArtifact(name="free", uri="s3://f", external_id=f"async-free {stem}"))
    assert await api.get_model_artifact_by_params(external_id=free.external_id) == free


asyncio.run(main())

registry = ModelRegistry(url, author="Ada", is_secure=False, async_runner=runner)
name = f"run by hand {stem}"
model = registry.register_model(name, "s3://x", version="1", model_format_name="onnx", model_format_version="1")
assert registry.get_registered_model(name) == model
assert [version.name for version in registry.get_model_versions(name)] == ["1"]
