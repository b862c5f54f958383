"""Registering and reading back, as the client's README shows. Arguments: the server's URL, a text that makes names unique."""

import sys
from collections.abc import Callable

from model_registry import ModelRegistry, utils
from model_registry.exceptions import StoreError

url, stem = sys.argv[1:]
registry = ModelRegistry(url, author="Ada Lovelace", is_secure=False)
name = f"my-model {stem}/ü"
metadata = {"int_key": 1, "bool_key": False, "float_key": 3.14, "whole_float": 2.0, "str_key": "str_value", "empty": "", "negative": -7}

model = registry.register_model(
    name,
    "https://storage-place.my-company.com",
    version="2.0.0",
    version_description="lorem ipsum",
    model_format_name="onnx",
    model_format_version="1",
    storage_key="my-data-connection",
    storage_path="path/to/model",
    service_account_name="account",
    model_source_kind="kfp",
    model_source_class="pipelinerun",
    model_source_group="my-project",
    model_source_id="1234",
    model_source_name="my-pipeline",
    metadata=metadata,
)
assert model.id
assert (model.name, model.owner, model.state.value) == (name, "Ada Lovelace", "LIVE")
assert registry.get_registered_model(name) == model

version = registry.get_model_version(name, "2.0.0")
assert version is not None
assert (version.name, version.author, version.description) == ("2.0.0", "Ada Lovelace", "lorem ipsum")
assert version.registered_model_id == model.id
assert version.custom_properties == metadata
assert {key: type(value) for key, value in version.custom_properties.items()} == {key: type(value) for key, value in metadata.items()}

artifact = registry.get_model_artifact(name, "2.0.0")
assert artifact is not None
assert (artifact.name, artifact.uri) == (name, "https://storage-place.my-company.com")
assert (artifact.model_format_name, artifact.model_format_version) == ("onnx", "1")
assert (artifact.storage_key, artifact.storage_path, artifact.service_account_name) == ("my-data-connection", "path/to/model", "account")
source = (artifact.model_source_kind, artifact.model_source_class, artifact.model_source_group)
assert source == ("kfp", "pipelinerun", "my-project")
assert (artifact.model_source_id, artifact.model_source_name) == ("1234", "my-pipeline")

# a second version of the same model, from S3
again = registry.register_model(
    name,
    uri=utils.s3_uri_from("path/to/model", "my-bucket", endpoint="http://minio:9000", region="here"),
    version="2.1.0",
    model_format_name="onnx",
    model_format_version="1",
    author="Charles",
    owner="nobody, the model is there",
)
assert again == model
second = registry.get_model_version(name, "2.1.0")
assert second is not None
assert second.author == "Charles"
assert second.custom_properties in (None, {})
assert [version.name for version in registry.get_model_versions(name)] == ["2.0.0", "2.1.0"]

# what is there already, and what is not


def says(action: Callable[[], object]) -> str:
    """The message of the error that the client must raise."""
    try:
        action()
    except StoreError as error:
        return str(error)
    raise AssertionError("no error")


def again_the_same() -> object:
    return registry.register_model(name, "s3://other", version="2.0.0", model_format_name="onnx", model_format_version="1")


assert says(again_the_same) == "Version 2.0.0 already exists"
assert registry.get_registered_model(f"nobody {stem}") is None
assert registry.get_model_version(name, "9.9.9") is None
assert says(lambda: registry.get_model_version(f"nobody {stem}", "1")) == f"Model nobody {stem} does not exist"
assert says(lambda: registry.get_model_artifact(name, "9.9.9")) == "Version 9.9.9 does not exist"
assert says(lambda: registry.get_model_versions(f"nobody {stem}")) == f"Model nobody {stem} does not exist"
