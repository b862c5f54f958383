"""Reference §1.1, §2.4: which of several faults is told. What cannot be read comes first, then what is not there, then what is wrong."""

import pytest

from tests.dialects.registry import Registry, refused

BAD_VALUE = {"k": {"metadataType": "MetadataIntValue", "int_value": "x"}}
NOWHERE = "2147483646"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/registered_models", {"customProperties": BAD_VALUE}),
        ("/model_versions", {"customProperties": BAD_VALUE}),
        ("/experiment_runs", {"endTimeSinceEpoch": "zz"}),
        ("/inference_services", {"modelVersionId": "abc"}),
        ("/model_artifacts", {"customProperties": {"k": {"metadataType": "Nope"}}}),
        ("/artifacts", {"artifactType": "doc-artifact", "customProperties": BAD_VALUE}),
    ],
)
def test_a_patch_of_nothing_is_404_even_with_a_bad_value(registry: Registry, path: str, body: dict[str, object]) -> None:
    refused(registry.patch(f"{path}/{NOWHERE}", body), 404)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"/registered_models/{NOWHERE}/versions", {"name": "v", "registeredModelId": "1", "customProperties": BAD_VALUE}),
        (f"/experiments/{NOWHERE}/experiment_runs", {"experimentId": "1", "customProperties": BAD_VALUE}),
        (f"/model_versions/{NOWHERE}/artifacts", {"artifactType": "model-artifact", "id": "abc"}),
        (f"/model_versions/{NOWHERE}/artifacts", {"artifactType": "bogus"}),
    ],
)
def test_a_missing_parent_is_404_even_with_a_bad_value(registry: Registry, path: str, body: dict[str, object]) -> None:
    refused(registry.post(path, body), 404)


def test_an_unreadable_body_comes_before_a_bad_id(registry: Registry) -> None:
    message = refused(registry.patch("/registered_models/abc", content=b"{bad"), 400)
    assert "invalid registered model ID" not in message


def test_only_a_fault_of_the_parent_is_told_as_one(registry: Registry) -> None:
    experiment = registry.experiment()["id"]
    body = {"experimentId": experiment, "startTimeSinceEpoch": "x"}
    message = refused(registry.post("/experiment_runs", body), 400, "invalid StartTimeSinceEpoch value")
    assert not message.startswith("experiment not found")


def test_too_many_steps_are_refused(registry: Registry) -> None:
    steps = ",".join(str(number) for number in range(501))
    refused(registry.get("/experiment_runs/metric_history", stepIds=steps), 400, "at most 500")


def test_a_field_of_another_type_hides_no_property(registry: Registry) -> None:
    value = {"value": {"metadataType": "MetadataDoubleValue", "double_value": 7.25}}
    made = registry.post("/model_artifacts", {"customProperties": value}).json()
    for path, query in (("/model_artifacts", {}), ("/artifacts", {"artifactType": "model-artifact"})):
        found = registry.get(path, filterQuery="value = 7.25", **query).json()["items"]
        assert made["id"] in [item["id"] for item in found]


def test_a_refused_filter_calls_the_field_as_the_client_did(registry: Registry) -> None:
    refused(registry.get("/registered_models", filterQuery="createTimeSinceEpoch > '2026-01-01'"), 400, "createTimeSinceEpoch")


@pytest.mark.parametrize(("tag", "status"), [('"1"', 200), ('W/"1"', 412), ('"zzz"', 412), ('"9", "1"', 200), ("*", 200), ('"9"', 412)])
def test_if_match_takes_any_tag_and_any_list(registry: Registry, tag: str, status: int) -> None:
    model = registry.model()["id"]
    assert registry.patch(f"/registered_models/{model}", {"owner": "x"}, headers={"If-Match": tag}).status_code == status
