"""Reference §2.3: custom properties and their six kinds of value."""

import base64
import json

import pytest

from tests.dialects.registry import FALSE, TRUE, Json, Registry, accepted, double, integer, on_every_database, refused, string, unique

pytestmark = on_every_database


def struct(value: object) -> Json:
    return {"metadataType": "MetadataStructValue", "struct_value": base64.b64encode(json.dumps(value).encode()).decode()}


def stored(registry: Registry, value: Json) -> Json:
    """What a property given as `value` reads back as, the same from create, get and list."""
    run = registry.run(customProperties={"k": value})
    assert registry.get(f"/experiment_runs/{run['id']}").json() == run
    assert registry.items(f"/experiments/{run['experimentId']}/experiment_runs") == [run]
    kept: Json = run["customProperties"]["k"]
    return kept


def refuse(registry: Registry, value: object, message: str = "") -> None:
    name = unique()
    refused(registry.post("/registered_models", {"name": name, "customProperties": {"k": value}}), 400, message)
    refused(registry.get("/registered_model", name=name), 404)


@pytest.mark.parametrize(
    "value",
    [
        string("text"),
        string(""),
        string("Ünï 😀 \n"),
        string("mlmd-struct::not a struct"),
        string("mlmd-struct::CgA="),
        string("9" * 70_000),
        integer(0),
        integer(-7),
        integer(2147483647),
        integer(2147483648),
        integer(2**63 - 1),
        integer(-(2**63)),
        double(0.5),
        double(-2.25),
        double(1e300),
        TRUE,
        FALSE,
        struct({"a": 1, "b": [True, None, {"c": "d"}]}),
        struct({}),
        {"metadataType": "MetadataProtoValue", "type": "example.Message", "proto_value": "CgR0ZXh0"},
    ],
    ids=lambda value: f"{value['metadataType']}-{str(value)[:60]}",
)
def test_a_value_reads_back_as_it_was_given(registry: Registry, value: Json) -> None:
    assert stored(registry, value) == value


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"metadataType": "MetadataStringValue"}, string("")),
        ({"metadataType": "MetadataStringValue", "string_value": None}, string("")),
        ({"metadataType": "MetadataIntValue", "int_value": "+7"}, integer(7)),
        ({"metadataType": "MetadataIntValue", "int_value": "007"}, integer(7)),
        ({"metadataType": "MetadataDoubleValue"}, double(0)),
        ({"metadataType": "MetadataDoubleValue", "double_value": 3}, double(3)),
        ({"metadataType": "MetadataBoolValue"}, FALSE),
        ({"metadataType": "MetadataStringValue", "string_value": "x", "foo": 1, "int_value": "5"}, string("x")),
    ],
    ids=str,
)
def test_values_are_normalised(registry: Registry, given: Json, kept: Json) -> None:
    assert stored(registry, given) == kept


def test_a_double_stays_a_double(registry: Registry) -> None:
    run = registry.run(customProperties={"k": double(3.0), "n": integer(3)})
    items = f"/experiments/{run['experimentId']}/experiment_runs"
    assert registry.ids(items, filterQuery="k.double_value = 3.0") == [run["id"]]
    assert registry.ids(items, filterQuery="k.int_value = 3") == []
    assert registry.ids(items, filterQuery="n.int_value = 3") == [run["id"]]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"metadataType": "MetadataIntValue"}, "unable to decode as int64 invalid numeric string"),
        ({"metadataType": "MetadataIntValue", "int_value": ""}, "unable to decode as int64 invalid numeric string"),
        ({"metadataType": "MetadataIntValue", "int_value": "x"}, "unable to decode as int64 invalid numeric string"),
        ({"metadataType": "MetadataIntValue", "int_value": "1.5"}, "unable to decode as int64 invalid numeric string"),
        ({"metadataType": "MetadataIntValue", "int_value": str(2**63)}, "unable to decode as int64 invalid numeric string"),
        ({"metadataType": "MetadataIntValue", "int_value": 5}, "failed to unmarshal MetadataValue as MetadataIntValue"),
        ({"metadataType": "MetadataStringValue", "string_value": 5}, "failed to unmarshal MetadataValue as MetadataStringValue"),
        ({"metadataType": "MetadataDoubleValue", "double_value": "3"}, "failed to unmarshal MetadataValue as MetadataDoubleValue"),
        ({"metadataType": "MetadataBoolValue", "bool_value": "true"}, "failed to unmarshal MetadataValue as MetadataBoolValue"),
        ({"metadataType": "MetadataStructValue", "struct_value": 5}, "failed to unmarshal MetadataValue as MetadataStructValue"),
        ({"metadataType": "MetadataStructValue", "struct_value": ""}, ""),
        ({"metadataType": "MetadataStructValue", "struct_value": "!!"}, ""),
        ({"metadataType": "Nope"}, "metadataType not found for k: "),
        ({"metadataType": "metadataStringValue", "string_value": "x"}, "metadataType not found for k: "),
        ({"metadataType": ""}, "metadataType not found for k: "),
        ({"string_value": "x"}, "metadataType not found for k: "),
        ({}, "metadataType not found for k: "),
        (None, "metadataType not found for k: "),
        ("text", "failed to unmarshal JSON into map for the discriminator lookup"),
        ([], "failed to unmarshal JSON into map for the discriminator lookup"),
        (5, "failed to unmarshal JSON into map for the discriminator lookup"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_value_that_means_nothing_is_refused(registry: Registry, value: object, message: str) -> None:
    refuse(registry, value, message)


@pytest.mark.parametrize("value", [[1], 5, "text", True, None], ids=str)
def test_a_struct_is_an_object(registry: Registry, value: object) -> None:
    refuse(registry, struct(value))


@pytest.mark.parametrize("number", ["1e400", "-1e400", "NaN"])
def test_a_double_is_finite(registry: Registry, number: str) -> None:
    value = f'{{"metadataType": "MetadataDoubleValue", "double_value": {number}}}'
    content = f'{{"name": "{unique()}", "customProperties": {{"k": {value}}}}}'
    refused(registry.post("/registered_models", content=content.encode()), 400)


@pytest.mark.parametrize(
    "key", ["", " ", "a b", "a.b", "Ünï", "😀", "it's", "state", "description", "name", "k" * 255, "experiment_id", "experiment_run_id"]
)
def test_any_key_will_do(registry: Registry, key: str) -> None:
    model = registry.model(customProperties={key: string("v")}, description="d")
    assert model["customProperties"] == {key: string("v")}
    assert (model["state"], model["description"]) == ("LIVE", "d")


def test_keys_differ_by_case_and_accent(registry: Registry) -> None:
    properties = {"key": string("1"), "Key": string("2"), "KEY": string("3"), "kéy": string("4"), "😀": string("5"), "😁": string("6")}
    assert registry.model(customProperties=properties)["customProperties"] == properties


def test_properties_named_like_links_set_no_links(registry: Registry) -> None:
    spoof = {"experiment_id": integer(7), "experiment_run_id": integer(8)}
    artifact = registry.artifact("doc-artifact", customProperties=spoof)
    assert not {"experimentId", "experimentRunId"} & artifact.keys()
    run = registry.run()
    logged = registry.artifact("metric", f"/experiment_runs/{run['id']}", customProperties=spoof)
    assert (logged["experimentId"], logged["experimentRunId"]) == (run["experimentId"], run["id"])


def test_a_struct_survives_a_patch_of_something_else(registry: Registry) -> None:
    properties = {"k": struct({"a": 1}), "p": {"metadataType": "MetadataProtoValue", "type": "t", "proto_value": "CgA="}}
    model = registry.model(customProperties=properties)
    patched = accepted(registry.patch(f"/registered_models/{model['id']}", {"description": "new"}), 200)
    assert patched["customProperties"] == properties
    again = accepted(registry.patch(f"/registered_models/{model['id']}", {"customProperties": patched["customProperties"]}), 200)
    assert again["customProperties"] == properties


def test_plain_json_text_is_taken_as_a_struct_too(registry: Registry) -> None:
    given = {"metadataType": "MetadataStructValue", "struct_value": '{"a": 1}'}
    kept = stored(registry, given)
    assert kept["metadataType"] == "MetadataStructValue"
    assert json.loads(base64.b64decode(kept["struct_value"])) == {"a": 1}


def test_a_poisoned_string_breaks_no_list(registry: Registry) -> None:
    model = registry.model()
    registry.version(model, customProperties={"k": string("mlmd-struct::garbage")})
    registry.version(model)
    assert len(registry.items(f"/registered_models/{model['id']}/versions")) == 2
