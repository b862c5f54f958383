"""A registry that asks who is there. Arguments: the server's URL, a text that makes names unique, a token of somebody whose home is the
project `lab`, and one of somebody who may only read there.
"""

import json
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import mr_openapi
from model_registry import ModelRegistry

url, stem, token, reader_token = sys.argv[1:]
name = f"guarded {stem}"


def registry(address: str, user_token: str | None) -> ModelRegistry:
    return ModelRegistry(address, author="Ada Lovelace", is_secure=False, user_token=user_token)


def refused(act: Callable[[], object]) -> mr_openapi.exceptions.ApiException:
    """What the client raises for an answer that is no success."""
    try:
        act()
    except mr_openapi.exceptions.ApiException as error:
        return error
    raise AssertionError("this should have been refused")


def look(address: str, user_token: str | None) -> object:
    return registry(address, user_token).get_registered_model(name)


def register(client: ModelRegistry, model_name: str) -> Any:
    return client.register_model(model_name, "s3://models/guarded", version="1", model_format_name="onnx", model_format_version="1")


model = register(registry(url, token), name)
for address in (url, f"{url}/p/lab"):
    for allowed in (token, reader_token):
        found = registry(address, allowed).get_registered_model(name)
        assert found is not None
        assert found.id == model.id
        assert registry(address, allowed).get_model_version(name, "1") is not None

for nobody in (None, "not.a.token"):
    error = refused(partial(look, url, nobody))  # already when the client is made
    assert isinstance(error, mr_openapi.exceptions.UnauthorizedException)
    assert (error.status, json.loads(error.body)["code"]) == (401, "Unauthorized")

error = refused(lambda: register(registry(url, reader_token), f"{name} too"))
assert isinstance(error, mr_openapi.exceptions.ForbiddenException)
assert (error.status, json.loads(error.body)["code"]) == (403, "Forbidden")

error = refused(partial(look, f"{url}/p/elsewhere", token))
assert error.status == 404
