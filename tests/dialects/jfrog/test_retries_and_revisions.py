"""Answers to a request sent twice, and refusals of a change based on something stale."""

from collections.abc import Callable

import pytest

from tests.dialects.jfrog.registry import Jfrog, of_version, refused
from tests.dialects.registry import Json, accepted, on_every_database, unique

pytestmark = on_every_database

PATHS: dict[str, Callable[[Jfrog], str]] = {
    "models": lambda jfrog: f"/models/{jfrog.model()['id']}",
    "versions": lambda jfrog: of_version(jfrog.version()),
    "experiments": lambda jfrog: f"/experiments/{jfrog.experiment()['id']}",
}


def bodies(jfrog: Jfrog) -> dict[str, Json]:
    version = jfrog.version()
    model = version["model_id"]
    return {
        "/models": {"name": unique(), "tags": ["a"]},
        f"/models/{model}/versions": {"version": unique(), "metrics": {"m": 1}, "parameters": {"p": "x"}},
        "/experiments": {"name": unique(), "model_id": model, "parameters": {"p": "x"}},
        "/deployments": {"name": unique(), "model_id": model, "model_version_id": version["id"]},
    }


def test_a_request_sent_again_gets_the_same_answer(jfrog: Jfrog) -> None:
    for path, body in bodies(jfrog).items():
        headers = {"Idempotency-Key": unique("key")}
        first = jfrog.post(path, body, headers=headers)
        again = jfrog.post(path, body, headers=headers)
        assert (again.status_code, again.content, again.headers["etag"]) == (201, first.content, first.headers["etag"])
        assert again.headers["idempotency-replayed"] == "true"
        refused(jfrog.post(path, body), 409, "version" if path.endswith("versions") else "name")


def test_a_key_with_another_body_is_422(jfrog: Jfrog) -> None:
    headers = {"Idempotency-Key": unique("key")}
    accepted(jfrog.post("/models", {"name": unique()}, headers=headers), 201)
    refused(jfrog.post("/models", {"name": unique()}, headers=headers), 422)


def test_a_key_whose_request_failed_is_free(jfrog: Jfrog) -> None:
    name, headers = unique(), {"Idempotency-Key": unique("key")}
    refused(jfrog.post("/experiments", {"name": name, "model_id": "2147483646"}, headers=headers), 422, "model_id")
    accepted(jfrog.post("/experiments", {"name": name}, headers=headers), 201)


@pytest.mark.parametrize("noun", PATHS)
def test_a_stale_change_is_412(jfrog: Jfrog, noun: str) -> None:
    path = PATHS[noun](jfrog)
    etag = jfrog.get(path).headers["etag"]
    body: Json = {"metrics": {"m": 1}} if noun != "models" else {"description": "new"}
    changed = jfrog.patch(path, body, headers={"If-Match": etag})

    accepted(changed, 200)
    assert changed.headers["etag"] == jfrog.get(path).headers["etag"] != etag
    refused(jfrog.patch(path, body, headers={"If-Match": etag}), 412)
    refused(jfrog.delete(path, headers={"If-Match": etag}), 412)
    accepted(jfrog.patch(path, body, headers={"If-Match": "*"}), 200)
    assert jfrog.delete(path, headers={"If-Match": jfrog.get(path).headers["etag"]}).status_code == 204


def test_a_stale_replacement_is_412(jfrog: Jfrog) -> None:
    model = jfrog.model()
    path = f"/models/{model['id']}"
    etag = jfrog.get(path).headers["etag"]
    accepted(jfrog.put(path, {"name": model["name"]}, headers={"If-Match": etag}), 200)

    refused(jfrog.put(path, {"name": model["name"]}, headers={"If-Match": etag}), 412)


def test_a_new_deployments_tag_is_good_to_delete_it(jfrog: Jfrog) -> None:
    version = jfrog.version()
    body = {"name": unique(), "model_id": version["model_id"], "model_version_id": version["id"]}
    made = jfrog.post("/deployments", body)
    path = f"/deployments/{made.json()['id']}"

    refused(jfrog.delete(path, headers={"If-Match": '"99"'}), 412)
    assert jfrog.delete(path, headers={"If-Match": made.headers["etag"]}).status_code == 204
