"""Reference §11: of the 25 things most likely to be got wrong, those that no other module here shows in one place.

1, 13, 24, 25: test_s1_operations, test_s5_lists, test_s8_serving, test_s1_http. 2, 20, 21: test_s7_*.
3, 4: test_s1_decoding. 6, 7, 8: test_s2_patch. 9, 10: test_s2_schemas. 12, 15: test_s5_lists. 14: test_s4_find.
16, 17, 18: test_s3_identity. 22, 23: test_s6_filter.
What is left is shown here, because each is about two rules meeting.
"""

import pytest

from tests.dialects.registry import Json, Registry, accepted, double, refused, string, unique


def test_5_a_name_in_a_patch_is_refused_or_ignored_by_route(registry: Registry) -> None:
    artifact = registry.artifact("model-artifact")
    refused(registry.patch(f"/model_artifacts/{artifact['id']}", {"name": "other"}), 400, 'unknown field "name"')
    patched = accepted(registry.patch(f"/artifacts/{artifact['id']}", {"artifactType": "model-artifact", "name": "other"}), 200)
    assert patched["name"] == artifact["name"]


def test_6_and_7_null_leaves_and_an_empty_map_clears(registry: Registry) -> None:
    model = registry.model(owner="me", customProperties={"k": string("v")})
    path = f"/registered_models/{model['id']}"
    assert accepted(registry.patch(path, {"owner": None, "customProperties": None}), 200)["owner"] == "me"
    assert accepted(registry.patch(path, {"owner": ""}), 200)["owner"] == ""
    assert accepted(registry.patch(path, {"customProperties": {}}), 200)["customProperties"] == {}


def test_9_numbers_and_texts_of_digits(registry: Registry) -> None:
    metric = registry.artifact("metric", value=3, step=7, timestamp="17")
    assert [type(metric[field]) for field in ("id", "createTimeSinceEpoch", "timestamp", "step")] == [str, str, str, int]
    assert metric["value"] == 3


def test_11_size_and_page_size(registry: Registry) -> None:
    version = registry.version()
    for _ in range(3):
        registry.artifact("doc-artifact", f"/model_versions/{version['id']}")
    path = f"/model_versions/{version['id']}/artifacts"
    page = accepted(registry.get(path, pageSize="2"), 200)
    assert (page["size"], page["pageSize"], bool(page["nextPageToken"])) == (2, 2, True)
    rest = accepted(registry.get(path, pageSize="2", nextPageToken=page["nextPageToken"]), 200)
    assert (rest["size"], rest["pageSize"], rest["nextPageToken"]) == (1, 2, "")
    everything = accepted(registry.get(path), 200)
    assert (everything["size"], everything["pageSize"], everything["nextPageToken"]) == (3, 0, "")


@pytest.mark.parametrize("query", [{"orderBy": "NAME"}, {"sortOrder": "sideways"}, {"orderBy": "", "sortOrder": ""}], ids=str)
def test_12_a_bad_order_never_fails(registry: Registry, query: Json) -> None:
    assert registry.get("/artifacts", pageSize="1", **query).status_code == 200


def test_16_another_types_id_is_never_a_wrong_entity(registry: Registry) -> None:
    experiment = registry.experiment(owner="me")
    refused(registry.patch(f"/registered_models/{experiment['id']}", {"owner": "thief"}), 404)
    assert registry.get(f"/experiments/{experiment['id']}").json() == experiment


def test_17_the_same_external_id_in_two_families(registry: Registry) -> None:
    external_id = unique("external")
    registry.model(externalId=external_id)
    registry.artifact("doc-artifact", externalId=external_id)
    refused(registry.post("/serving_environments", {"name": unique(), "externalId": external_id}), 409)


def test_19_the_path_wins_but_the_body_must_say_something(registry: Registry) -> None:
    model = registry.model()
    path = f"/registered_models/{model['id']}/versions"
    refused(registry.post(path, {"name": unique()}), 422, "registeredModelId")
    assert accepted(registry.post(path, {"name": unique(), "registeredModelId": "anything"}), 201)["registeredModelId"] == model["id"]


def test_22_an_unknown_property_matches_nothing_and_is_no_error(registry: Registry) -> None:
    run = registry.run(customProperties={"acc": double(0.5)})
    path = f"/experiments/{run['experimentId']}/experiment_runs"
    for query in ("typo = 1", "typo != 1", "artifactType = 'metric'", "customProperties.acc > 0"):
        assert registry.items(path, filterQuery=query) == []
    assert registry.ids(path, filterQuery="acc < 1") == [run["id"]]
