"""Reference §2.4: what PATCH changes and what it leaves."""

import pytest

from tests.dialects.registry import Json, Registry, accepted, integer, refused, string, unique

PROPERTIES = {"a": string("1"), "b": integer(2)}


def without_time(thing: Json) -> Json:
    return {key: value for key, value in thing.items() if key != "lastUpdateTimeSinceEpoch"}


def patched(registry: Registry, path: str, body: Json) -> Json:
    """The answer to a PATCH, which must be what GET answers afterwards."""
    answer = accepted(registry.patch(path, body), 200)
    assert registry.get(path).json() == answer
    return answer


# ------------------------------------------------------------------------------------------------------- omitted and null


@pytest.mark.parametrize(
    ("collection", "kind", "chosen"),
    [
        ("registered_models", "model", {"state": "ARCHIVED", "owner": "me", "tasks": ["t"]}),
        ("model_versions", "version", {"state": "ARCHIVED", "author": "ann"}),
        ("experiments", "experiment", {"state": "ARCHIVED", "owner": "me"}),
        ("experiment_runs", "run", {"state": "ARCHIVED", "status": "KILLED", "owner": "me", "endTimeSinceEpoch": "5"}),
        ("serving_environments", "environment", {}),
        ("inference_services", "service", {"desiredState": "UNDEPLOYED", "runtime": "ovms"}),
    ],
)
@pytest.mark.parametrize("nulls", [False, True], ids=["omitted", "null"])
def test_what_is_omitted_or_null_is_unchanged(registry: Registry, collection: str, kind: str, chosen: Json, nulls: bool) -> None:  # noqa: FBT001 - pytest fills it from the table; nobody calls it with a bare True
    common: Json = {"externalId": unique("external"), "customProperties": PROPERTIES, "description": "old"}
    thing = getattr(registry, kind)(**common, **chosen)
    body: Json = {"description": "new"}
    if nulls:
        body |= dict.fromkeys([*chosen, "externalId", "customProperties"])
    answer = patched(registry, f"/{collection}/{thing['id']}", body)
    assert without_time(answer) == without_time(thing | {"description": "new"})


def test_an_archived_model_stays_archived(registry: Registry) -> None:
    model = registry.model()
    path = f"/registered_models/{model['id']}"
    assert patched(registry, path, {"state": "ARCHIVED"})["state"] == "ARCHIVED"
    assert patched(registry, path, {"description": "edited"})["state"] == "ARCHIVED"
    assert patched(registry, path, {"state": None})["state"] == "ARCHIVED"
    assert patched(registry, path, {"state": "LIVE"})["state"] == "LIVE"


def test_a_model_artifact_keeps_its_state_on_its_own_route(registry: Registry) -> None:
    artifact = registry.artifact("model-artifact", state="LIVE", uri="s3://a")
    path = f"/model_artifacts/{artifact['id']}"
    assert without_time(patched(registry, path, {"uri": "s3://b"})) == without_time(artifact | {"uri": "s3://b"})
    assert patched(registry, path, {"artifactType": "free text", "state": "DELETED"})["state"] == "DELETED"
    assert "state" not in registry.patch(f"/model_artifacts/{registry.artifact('model-artifact')['id']}", {}).json()


def test_an_unset_state_stays_unset(registry: Registry) -> None:
    model = registry.model(state=None)
    assert "state" not in patched(registry, f"/registered_models/{model['id']}", {"owner": "me"})


@pytest.mark.parametrize("artifact_type", ["model-artifact", "doc-artifact", "dataset-artifact", "metric", "parameter"])
def test_artifacts_keep_what_is_omitted_or_null(registry: Registry, artifact_type: str) -> None:
    extra: Json = {"uri": "s3://a"} if artifact_type.endswith("artifact") else {"value": 1.5 if artifact_type == "metric" else "v"}
    artifact = registry.artifact(artifact_type, state="LIVE", externalId=unique("external"), customProperties=PROPERTIES, **extra)
    path = f"/artifacts/{artifact['id']}"
    for body in ({}, dict.fromkeys([*extra, "state", "externalId", "customProperties", "description"])):
        answer = patched(registry, path, {"artifactType": artifact_type, **body})
        assert without_time(answer) == without_time(artifact)


def test_an_empty_patch_changes_nothing_but_the_time(registry: Registry) -> None:
    model = registry.model(owner="me", customProperties=PROPERTIES)
    assert without_time(patched(registry, f"/registered_models/{model['id']}", {})) == without_time(model)


# ------------------------------------------------------------------------------------------------------------------ empty


def test_empty_texts_and_lists_are_stored_empty(registry: Registry) -> None:
    model = registry.model(description="d", owner="me", tasks=["t"], language=["en"], readme="r")
    empty: Json = {"description": "", "owner": "", "tasks": [], "language": [], "readme": ""}
    assert without_time(patched(registry, f"/registered_models/{model['id']}", empty)) == without_time(model | empty)


# ------------------------------------------------------------------------------------------------------ custom properties


def test_custom_properties_are_replaced_as_a_whole(registry: Registry) -> None:
    model = registry.model(customProperties=PROPERTIES)
    path = f"/registered_models/{model['id']}"
    assert patched(registry, path, {"customProperties": {"b": string("x")}})["customProperties"] == {"b": string("x")}
    assert patched(registry, path, {"customProperties": None})["customProperties"] == {"b": string("x")}
    assert patched(registry, path, {"customProperties": {}})["customProperties"] == {}


def test_replaced_properties_are_not_found_any_more(registry: Registry) -> None:
    run = registry.run(customProperties={"gone": string("1"), "stays": string("1"), "grows": integer(1)})
    patched(registry, f"/experiment_runs/{run['id']}", {"customProperties": {"stays": string("1"), "grows": integer(2)}})
    items = f"/experiments/{run['experimentId']}/experiment_runs"
    assert registry.ids(items, filterQuery="gone = '1'") == []
    assert registry.ids(items, filterQuery="grows = 1") == []
    assert registry.ids(items, filterQuery="stays = '1' AND grows = 2") == [run["id"]]


# ------------------------------------------------------------------------------------------------------------ external ids


def test_an_external_id_may_be_set_and_changed(registry: Registry) -> None:
    model = registry.model()
    path = f"/registered_models/{model['id']}"
    first, second = unique("external"), unique("external")
    for external_id in (first, second, second):
        assert patched(registry, path, {"externalId": external_id})["externalId"] == external_id
    assert registry.get("/registered_model", externalId=second).json()["id"] == model["id"]
    refused(registry.get("/registered_model", externalId=first), 404)


def test_an_external_id_that_is_taken_is_409_and_changes_nothing(registry: Registry) -> None:
    taken = registry.model(externalId=unique("external"))["externalId"]
    for kind, collection in (("model", "registered_models"), ("run", "experiment_runs"), ("service", "inference_services")):
        thing = getattr(registry, kind)()
        path = f"/{collection}/{thing['id']}"
        refused(registry.patch(path, {"externalId": taken, "description": "lost"}), 409, taken)
        assert registry.get(path).json() == thing
    artifact = registry.artifact("doc-artifact", externalId=taken)
    other = registry.artifact("doc-artifact")
    refused(registry.patch(f"/artifacts/{other['id']}", {"artifactType": "doc-artifact", "externalId": artifact["externalId"]}), 409)


# ----------------------------------------------------------------------------------------------------------------- others


def test_a_refused_patch_changes_nothing(registry: Registry) -> None:
    model = registry.model(owner="me")
    path = f"/registered_models/{model['id']}"
    for body in ({"owner": "you", "name": "x"}, {"owner": "you", "state": "BAD"}, {"owner": "you", "customProperties": {"k": {}}}):
        refused(registry.patch(path, body), 400)
    assert registry.get(path).json() == model


def test_a_metric_keeps_its_value_and_writes_no_history_when_patched(registry: Registry) -> None:
    run = registry.run()
    metric = registry.artifact("metric", f"/experiment_runs/{run['id']}", value=0.25, step=3)
    path = f"/artifacts/{metric['id']}"
    assert patched(registry, path, {"artifactType": "metric", "description": "d"})["value"] == 0.25
    assert patched(registry, path, {"artifactType": "metric", "value": None})["value"] == 0.25
    assert patched(registry, path, {"artifactType": "metric", "value": 0})["value"] == 0
    assert [record["value"] for record in registry.items(f"/experiment_runs/{run['id']}/metric_history")] == [0.25]
