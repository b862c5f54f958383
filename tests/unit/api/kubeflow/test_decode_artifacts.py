"""Bodies that may be any kind of artifact, and those of `/model_artifacts`, which may not."""

from typing import Any

import pytest

from modelyard.api.kubeflow import wire
from modelyard.api.kubeflow.decode import BadRequest, LateBadRequest, UnknownArtifactType, decode_artifact, decode_strict
from modelyard.api.kubeflow.wire import v1


def create(body: str) -> Any:
    return decode_artifact(wire.ArtifactCreate, body.encode())


def refusal(body: str, variants: object = wire.ArtifactCreate) -> str:
    with pytest.raises(BadRequest) as caught:
        decode_artifact(variants, body.encode())
    return caught.value.message


@pytest.mark.parametrize(
    ("type_", "struct"),
    [
        ("model-artifact", wire.ModelArtifactCreate),
        ("doc-artifact", wire.DocArtifactCreate),
        ("dataset-artifact", wire.DataSetCreate),
        ("metric", wire.MetricCreate),
        ("parameter", wire.ParameterCreate),
    ],
)
def test_the_type_chooses_the_struct(type_: str, struct: type) -> None:
    assert type(create(f'{{"name": "a", "artifactType": "{type_}"}}')) is struct


@pytest.mark.parametrize("body", ["null", "{}", '{"artifactType": null}', '{"artifactType": "Metric"}', '{"ArtifactType": "metric"}'])
def test_a_missing_or_unknown_type(body: str) -> None:
    with pytest.raises(UnknownArtifactType) as caught:
        create(body)
    assert caught.value.message == (
        "invalid artifact type, must be either ModelArtifact, DocArtifact, DataSet, Metric, or Parameter: bad request"
    )


@pytest.mark.parametrize("type_", ["model-artifact", "metric"])
def test_unknown_keys_are_ignored_and_no_default_applies(type_: str) -> None:
    made = create(f'{{"artifactType": "{type_}", "id": "7", "foo": 1, "createTimeSinceEpoch": 3, "state": null}}')
    assert made == type(made)()


@pytest.mark.parametrize("body", ["[]", '"x"', "1"])
def test_what_is_no_object(body: str) -> None:
    assert refusal(body) == "failed to unmarshal JSON into map for the discriminator lookup"


@pytest.mark.parametrize(("body", "said"), [("", "EOF"), ('{"a', "unexpected EOF")])
def test_broken_json_is_told_as_everywhere(body: str, said: str) -> None:
    assert refusal(body) == said


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ('"value": "1"', "json: cannot unmarshal string into Go struct field MetricCreate.value of type float64"),
        ('"step": 1.5', "json: cannot unmarshal number 1.5 into Go struct field MetricCreate.step of type int64"),
        (
            '"step": 9223372036854775808',
            "json: cannot unmarshal number 9223372036854775808 into Go struct field MetricCreate.step of type int64",
        ),
        ('"step": "1"', "json: cannot unmarshal string into Go struct field MetricCreate.step of type int64"),
        ('"timestamp": 1', "json: cannot unmarshal number into Go struct field MetricCreate.timestamp of type string"),
        ('"state": "BAD"', "BAD is not a valid ArtifactState"),
    ],
)
def test_a_wrong_field_is_named_after_the_struct(fields: str, said: str) -> None:
    assert refusal(f'{{"artifactType": "metric", {fields}}}') == f"failed to unmarshal ArtifactCreate as MetricCreate: {said}"


def test_numbers_of_a_metric() -> None:
    made = create('{"artifactType": "metric", "value": 3, "step": -9223372036854775808, "timestamp": "abc"}')
    assert (made.value, made.step, made.timestamp) == (3.0, -(2**63), "abc")


def test_a_value_too_large_for_a_float_is_refused() -> None:
    assert "number" in refusal('{"artifactType": "metric", "value": 1e400}')
    assert "number" in refusal('{"artifactType": "metric", "value": 1%s}' % ("0" * 400))


def test_a_property_without_a_type_waits_for_the_lookup() -> None:
    with pytest.raises(LateBadRequest):
        create('{"artifactType": "metric", "customProperties": {"k": {}}}')


def test_the_full_schema_takes_an_id_and_reads_times() -> None:
    made = decode_artifact(wire.Artifact, b'{"artifactType": "metric", "id": "7", "value": 1, "createTimeSinceEpoch": "5"}')
    assert (type(made), made.id) == (wire.Metric, "7")
    assert 'parsing "x"' in refusal('{"artifactType": "metric", "createTimeSinceEpoch": "x"}', wire.Artifact)


def test_v1_reads_a_step_in_text() -> None:
    assert decode_artifact(v1.ArtifactCreate, b'{"artifactType": "metric", "step": "3"}').step == "3"
    assert "MetricCreate.step of type string" in refusal('{"artifactType": "metric", "step": 3}', v1.ArtifactCreate)


def test_a_model_artifact_of_its_own_path_may_say_any_type_but_no_unknown_key() -> None:
    made = decode_strict(wire.PlainModelArtifactCreate, b'{"artifactType": "anything", "uri": "s3://b"}')
    assert (made.uri, made.state) == ("s3://b", wire.ArtifactState.UNKNOWN)
    with pytest.raises(BadRequest, match='json: unknown field "foo"'):
        decode_strict(wire.PlainModelArtifactCreate, b'{"foo": 1}')
    with pytest.raises(BadRequest, match=r"Go struct field ModelArtifactUpdate\.uri of"):
        decode_strict(wire.PlainModelArtifactUpdate, b'{"uri": 1}')
