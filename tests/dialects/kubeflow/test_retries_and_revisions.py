"""What the original has not: answers to a request sent twice, and refusals of a change based on something stale."""

import pytest

from tests.dialects.registry import Json, Registry, accepted, on_pairs_too, refused, unique

pytestmark = on_pairs_too


def keyed() -> dict[str, str]:
    return {"Idempotency-Key": unique("key")}


@pytest.mark.parametrize("kind", ["registered_models", "experiments", "serving_environments", "model_artifacts", "artifacts"])
def test_a_request_sent_again_gets_the_same_answer(registry: Registry, kind: str) -> None:
    body: Json = {"name": unique(), **({"artifactType": "doc-artifact"} if kind == "artifacts" else {})}
    headers = keyed()
    first = registry.post(f"/{kind}", body, headers=headers)
    again = registry.post(f"/{kind}", body, headers=headers)
    assert (again.status_code, again.content) == (first.status_code, first.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert again.headers["content-type"] == first.headers["content-type"]


def test_a_metric_sent_again_is_logged_once(registry: Registry) -> None:
    run = registry.run()
    body, headers = {"artifactType": "metric", "name": "m", "value": 1}, keyed()
    answers = [registry.post(f"/experiment_runs/{run['id']}/artifacts", body, headers=headers).status_code for _ in range(3)]
    assert answers == [201, 201, 201]
    assert len(registry.items(f"/experiment_runs/{run['id']}/metric_history")) == 1


def test_a_key_with_another_body_is_422(registry: Registry) -> None:
    headers = keyed()
    accepted(registry.post("/registered_models", {"name": unique()}, headers=headers), 201)
    name = unique()
    refused(registry.post("/registered_models", {"name": name}, headers=headers), 422)
    refused(registry.get("/registered_model", name=name), 404)


def test_a_key_on_another_path_is_422(registry: Registry) -> None:
    body, headers = {"name": unique()}, keyed()
    accepted(registry.post("/registered_models", body, headers=headers), 201)
    refused(registry.post("/experiments", body, headers=headers), 422)


def test_without_a_key_nothing_is_replayed(registry: Registry) -> None:
    body = {"name": unique()}
    accepted(registry.post("/registered_models", body), 201)
    refused(registry.post("/registered_models", body), 409)


@pytest.mark.parametrize(
    ("collection", "kind"),
    [
        ("registered_models", "model"),
        ("model_versions", "version"),
        ("experiments", "experiment"),
        ("experiment_runs", "run"),
        ("serving_environments", "environment"),
        ("inference_services", "service"),
    ],
)
def test_a_stale_change_is_412(registry: Registry, collection: str, kind: str) -> None:
    path = f"/{collection}/{getattr(registry, kind)()['id']}"
    etag = registry.get(path).headers["etag"]
    changed = registry.patch(path, {"description": "first"}, headers={"If-Match": etag})
    assert accepted(changed, 200)["description"] == "first"
    assert changed.headers["etag"] != etag
    refused(registry.patch(path, {"description": "second"}, headers={"If-Match": etag}), 412)
    assert registry.get(path).json()["description"] == "first"
    accepted(registry.patch(path, {"description": "third"}, headers={"If-Match": changed.headers["etag"]}), 200)


def test_a_stale_change_of_an_artifact_is_412(registry: Registry) -> None:
    artifact = registry.artifact("model-artifact")
    for path in (f"/artifacts/{artifact['id']}", f"/model_artifacts/{artifact['id']}"):
        etag = registry.get(path).headers["etag"]
        body = {"artifactType": "model-artifact", "uri": "s3://new"}
        accepted(registry.patch(path, body, headers={"If-Match": etag}), 200)
        refused(registry.patch(path, body, headers={"If-Match": etag}), 412)


def test_a_star_matches_whatever_is_there(registry: Registry) -> None:
    path = f"/registered_models/{registry.model()['id']}"
    accepted(registry.patch(path, {"owner": "me"}, headers={"If-Match": "*"}), 200)
    refused(registry.patch("/registered_models/2147483646", {"owner": "me"}, headers={"If-Match": "*"}), 404)


def test_a_reading_moves_no_revision(registry: Registry) -> None:
    path = f"/registered_models/{registry.model()['id']}"
    assert registry.get(path).headers["etag"] == registry.get(path).headers["etag"]
