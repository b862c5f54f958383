"""Changing what was registered. Arguments: the server's URL, a text that makes names unique."""

import sys

from model_registry import ModelRegistry
from model_registry.types import ModelArtifact
from mr_openapi import ArtifactState, ModelVersionState, RegisteredModelState

url, stem = sys.argv[1:]
registry = ModelRegistry(url, author="Ada", is_secure=False)
name = f"updated {stem}"
registry.register_model(
    name, "s3://bucket/one", version="1", model_format_name="onnx", model_format_version="1", metadata={"accuracy": 0.5}
)

version = registry.get_model_version(name, "1")
assert version is not None
version.description = "Updated model version"
version.custom_properties = {"accuracy": 0.75, "note": "better"}
updated = registry.update(version)
assert updated.description == "Updated model version"
assert registry.get_model_version(name, "1") == updated
assert updated.custom_properties == {"accuracy": 0.75, "note": "better"}
assert updated.author == "Ada"

version.state = ModelVersionState.ARCHIVED
archived = registry.update(version)
assert archived.state == ModelVersionState.ARCHIVED
archived.description = "archived, and described again"
assert registry.update(archived).state == ModelVersionState.ARCHIVED

model = registry.get_registered_model(name)
assert model is not None
model.description = "a model"
model.external_id = f"external {stem}"
model.state = RegisteredModelState.ARCHIVED
changed = registry.update(model)
assert (changed.description, changed.external_id, changed.state) == ("a model", f"external {stem}", RegisteredModelState.ARCHIVED)
assert registry.get_registered_model(name) == changed

artifact = registry.get_model_artifact(name, "1")
assert artifact is not None
artifact.uri = "s3://bucket/two"
artifact.state = ArtifactState.LIVE
artifact.custom_properties = {"size": 12}
moved: ModelArtifact = registry.update(artifact)
assert (moved.uri, moved.state, moved.custom_properties) == ("s3://bucket/two", ArtifactState.LIVE, {"size": 12})
assert (moved.id, moved.name, moved.model_format_name) == (artifact.id, name, "onnx")
assert registry.get_model_artifact(name, "1") == moved
