"""What the structs of the wire look like as JSON."""

import json
from typing import Any

import msgspec
import pytest

from modelyard.api.kubeflow import wire
from modelyard.api.kubeflow.wire import v1

ANSWERS = [
    wire.DataSet,
    wire.DocArtifact,
    wire.Experiment,
    wire.ExperimentRun,
    wire.InferenceService,
    wire.Metric,
    wire.ModelArtifact,
    wire.ModelVersion,
    wire.Parameter,
    wire.RegisteredModel,
    wire.ServeModel,
    wire.ServingEnvironment,
    wire.RegisteredModelList,
    wire.ArtifactList,
    v1.Metric,
]


def as_json(value: object) -> Any:
    return json.loads(msgspec.json.encode(value))


def test_unset_fields_are_omitted_and_empty_ones_are_not() -> None:
    model = wire.RegisteredModel(name="m", custom_properties={}, description="", tasks=())
    assert as_json(model) == {"customProperties": {}, "description": "", "name": "m", "tasks": []}


@pytest.mark.parametrize("type_", ANSWERS, ids=lambda type_: type_.__name__)
def test_answers_list_their_keys_in_alphabetical_order(type_: type[msgspec.Struct]) -> None:
    keys = list(type_.__struct_encode_fields__)
    assert keys == sorted(keys)


def test_an_artifact_says_its_type_first() -> None:
    assert msgspec.json.encode(wire.Metric(custom_properties={}, name="loss", step=2, value=0.5)) == (
        b'{"artifactType":"metric","customProperties":{},"name":"loss","step":2,"value":0.5}'
    )


def test_v1_says_a_step_in_text() -> None:
    assert as_json(v1.Metric(custom_properties={}, step="2", value=0.5))["step"] == "2"


def test_a_list_has_its_four_keys_even_when_empty() -> None:
    page = wire.ModelVersionList(items=[], next_page_token="", page_size=0, size=0)
    assert as_json(page) == {"items": [], "nextPageToken": "", "pageSize": 0, "size": 0}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (wire.MetadataBoolValue(bool_value=False), {"metadataType": "MetadataBoolValue", "bool_value": False}),
        (wire.MetadataDoubleValue(double_value=0.5), {"metadataType": "MetadataDoubleValue", "double_value": 0.5}),
        (wire.MetadataIntValue(int_value="7"), {"metadataType": "MetadataIntValue", "int_value": "7"}),
        (wire.MetadataStringValue(string_value=""), {"metadataType": "MetadataStringValue", "string_value": ""}),
        (wire.MetadataStructValue(struct_value="e30="), {"metadataType": "MetadataStructValue", "struct_value": "e30="}),
        (
            wire.MetadataProtoValue(proto_value="AA==", type="t"),
            {"metadataType": "MetadataProtoValue", "proto_value": "AA==", "type": "t"},
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_each_metadata_value_carries_its_type(value: wire.MetadataValue, shown: dict[str, Any]) -> None:
    assert as_json(value) == shown


def test_defaults_apply_where_things_are_made_and_nowhere_else() -> None:
    assert wire.RegisteredModelCreate(name="m").state is wire.RegisteredModelState.LIVE
    assert wire.PlainModelArtifactCreate().state is wire.ArtifactState.UNKNOWN
    assert wire.ModelArtifactCreate().state is None
    assert wire.RegisteredModelUpdate().state is None
    assert wire.RegisteredModel(name="m").state is None


def test_struct_that_reads_a_body_has_the_fields_the_contract_gives_it() -> None:
    for reader, name in wire.SCHEMA_NAMES.items():
        documented = getattr(wire, name)
        extra = {"artifactType"} if "Artifact" in name else set()
        assert set(msgspec.structs.asdict(_example(reader))) >= set(documented.__struct_fields__)
        assert set(_keys(reader)) - extra == set(_keys(documented))


def _keys(type_: Any) -> tuple[str, ...]:
    return tuple(type_.__struct_encode_fields__)


def _example(type_: Any) -> msgspec.Struct:
    needed = {field.name: "1" for field in msgspec.structs.fields(type_) if field.required}
    made: msgspec.Struct = type_(**needed)
    return made
