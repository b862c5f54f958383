"""The fast and the slow reading of a body agree, and nothing makes either of them fail otherwise than with a refusal."""

import json
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelyard.api.kubeflow import reread, wire
from modelyard.api.kubeflow.decode import BadRequest, Unprocessable, decode_artifact, decode_strict
from modelyard.api.kubeflow.shapes import shape_of, variants_of

TEXT = st.none() | st.text()
VALUES = st.one_of(
    st.builds(wire.MetadataStringValue, string_value=st.text()),
    st.builds(wire.MetadataIntValue, int_value=st.integers().map(str)),
    st.builds(wire.MetadataDoubleValue, double_value=st.floats(allow_nan=False, allow_infinity=False)),
    st.builds(wire.MetadataBoolValue, bool_value=st.booleans()),
).map(msgspec.to_builtins)
PROPERTIES = st.none() | st.dictionaries(st.text(), VALUES)

MODELS = st.fixed_dictionaries(
    {"name": st.text(min_size=1)},
    optional={
        "description": TEXT,
        "tasks": st.none() | st.lists(st.text()),
        "state": st.sampled_from([None, "LIVE", "ARCHIVED"]),
        "customProperties": PROPERTIES,
    },
)
METRICS = st.fixed_dictionaries(
    {"artifactType": st.just("metric")},
    optional={
        "value": st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53),
        "step": st.none() | st.integers(-(2**63), 2**63 - 1),
        "timestamp": TEXT,
        "customProperties": PROPERTIES,
    },
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["name", "state", "customProperties", "metadataType"]), inner)
    ),
)


@settings(max_examples=40)
@given(MODELS)
def test_a_good_model_reads_the_same_twice(sent: dict[str, Any]) -> None:
    body = json.dumps(sent).encode()
    type_ = wire.RegisteredModelCreate
    assert decode_strict(type_, body) == reread.strict(body, type_, shape_of(type_), ("name",))


@settings(max_examples=40)
@given(METRICS)
def test_a_good_metric_reads_the_same_twice(sent: dict[str, Any]) -> None:
    body = json.dumps(sent).encode()
    assert decode_artifact(wire.ArtifactCreate, body) == reread.union(body, variants_of(wire.ArtifactCreate))


@pytest.mark.parametrize("name", ["RegisteredModelCreate", "NestedExperimentRun", "PlainModelArtifactUpdate"])
@settings(max_examples=40)
@given(st.binary() | ANYTHING.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_read_or_refused(name: str, body: bytes) -> None:
    with suppress(BadRequest, Unprocessable):
        decode_strict(getattr(wire, name), body)


@settings(max_examples=40)
@given(ANYTHING.map(lambda value: {"artifactType": "metric", "customProperties": {"k": value}, "value": value, "state": value}))
def test_any_artifact_is_read_or_refused(sent: dict[str, Any]) -> None:
    with suppress(BadRequest):
        decode_artifact(wire.Artifact, json.dumps(sent).encode())
