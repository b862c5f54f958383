"""What a body, a path or a query may be: each fault with its field, its value, what would be right, and its status."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelyard.api.http.message import Request
from modelyard.api.jfrog import wire
from modelyard.api.jfrog.decode import body, identity, part, path_id
from modelyard.api.jfrog.refusals import Refused
from modelyard.errors import NotFound
from modelyard.overview.offsets import Slice
from tests.unit.world import ANN

BODIES: list[type[msgspec.Struct]] = [
    wire.ModelRequest,
    wire.ModelPatch,
    wire.ModelVersionRequest,
    wire.ModelVersionPatch,
    wire.ExperimentRequest,
    wire.ExperimentPatch,
    wire.DeploymentRequest,
]
VERSION: dict[str, Any] = {"version": "1"}
DEPLOYMENT: dict[str, Any] = {"name": "x", "model_id": "1", "model_version_id": "2"}


def sent(content: bytes | str, *headers: tuple[bytes, bytes]) -> Request:
    return Request("POST", "/", caller=ANN, body=content if isinstance(content, bytes) else content.encode(), headers=headers)


def refusal(type_: type[msgspec.Struct], content: bytes | str) -> tuple[int, dict[str, str]]:
    with pytest.raises(Refused) as caught:
        body(type_, sent(content))
    return caught.value.status, {fault.field: fault.message for fault in caught.value.faults}


@pytest.mark.parametrize(
    ("type_", "document", "status", "faults"),
    [
        (wire.ModelRequest, 5, 400, {"the body": "is 5: use an object"}),
        (wire.ModelRequest, {}, 422, {"name": "is missing, and needed"}),
        (wire.ModelRequest, {"name": None}, 400, {"name": "is null: use a text"}),
        (wire.ModelRequest, {"name": ""}, 422, {"name": 'is "": use at least 1 character'}),
        (
            wire.ModelRequest,
            {"name": "x" * 256},
            422,
            {"name": f'is "{"x" * 76}...: use at most 255 characters, not 256'},
        ),
        (wire.ModelRequest, {"name": "a\0"}, 422, {"name": r'is "a\u0000": use a text without the character U+0000'}),
        (
            wire.ModelRequest,
            {"name": "a", "owner": "b"},
            422,
            {"owner": "is no field here: use name, description, framework, task_type, tags"},
        ),
        (wire.ModelRequest, {"name": "a", "tags": {}}, 400, {"tags": "is {}: use an array of texts"}),
        (wire.ModelRequest, {"name": "a", "tags": ["t"] * 101}, 422, {"tags": "has 101 entries: use at most 100"}),
        (wire.ModelPatch, {"name": None}, 400, {"name": "is null: use a text"}),
        (wire.ModelPatch, {"tags": [None]}, 400, {"tags[0]": "is null: use a text"}),
        (
            wire.ModelVersionRequest,
            VERSION | {"status": "live"},
            422,
            {"status": 'is "live": use one of draft, staging, production, archived'},
        ),
        (wire.ModelVersionRequest, VERSION | {"status": 1}, 400, {"status": "is 1: use one of draft, staging, production, archived"}),
        (wire.ModelVersionRequest, VERSION | {"metrics": []}, 400, {"metrics": "is []: use an object"}),
        (wire.ModelVersionRequest, VERSION | {"metrics": {"a": "1"}}, 422, {"metrics.a": 'is "1": use a finite number'}),
        (wire.ModelVersionRequest, VERSION | {"metrics": {"a": True}}, 422, {"metrics.a": "is true: use a finite number"}),
        (wire.ModelVersionRequest, VERSION | {"parameters": {"a": 1}}, 422, {"parameters.a": "is 1: use a text"}),
        (
            wire.ModelVersionRequest,
            VERSION | {"parameters": {"": "1"}},
            422,
            {'parameters: the name ""': 'is "": use at least 1 character'},
        ),
        (
            wire.ExperimentPatch,
            {"metrics": dict.fromkeys(map(str, range(1_001)), 1)},
            422,
            {"metrics": "has 1001 entries: use at most 1000 at a time"},
        ),
        (
            wire.DeploymentRequest,
            DEPLOYMENT | {"replicas": -1},
            422,
            {"replicas": "is -1: use a whole number from 0 to 9223372036854775807"},
        ),
        (wire.DeploymentRequest, DEPLOYMENT | {"replicas": 1.5}, 400, {"replicas": "is 1.5: use a whole number"}),
        (wire.DeploymentRequest, DEPLOYMENT | {"replicas": True}, 400, {"replicas": "is true: use a whole number"}),
        (wire.DeploymentRequest, DEPLOYMENT | {"model_id": 1}, 400, {"model_id": "is 1: use a text"}),
        (
            wire.DeploymentRequest,
            DEPLOYMENT | {"resources": {"cpu": "1 core", "memory": "2GB", "gpu": -1}},
            422,
            {
                "resources.cpu": 'is "1 core": use cores or thousandths of one, such as 2, 0.5 or 500m',
                "resources.memory": 'is "2GB": use bytes with an optional unit, such as 512Mi or 2Gi',
                "resources.gpu": "is -1: use a whole number from 0 to 9223372036854775807",
            },
        ),
    ],
)
def test_each_fault_is_told_with_its_field(type_: type[msgspec.Struct], document: object, status: int, faults: dict[str, str]) -> None:
    assert refusal(type_, json.dumps(document)) == (status, faults)


@pytest.mark.parametrize("content", ["", "{", '{"name": "x"} x', "{'name': 1}", "[" * 100_000])
def test_what_is_no_json_blames_no_field(content: str) -> None:
    assert refusal(wire.ModelRequest, content) == (400, {})


def test_half_a_surrogate_pair_is_no_text() -> None:
    assert refusal(wire.ModelRequest, rb'{"name": "\ud800"}') == (400, {"name": "has half a surrogate pair: use whole characters"})


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_json_does_not_have_is_told_by_its_field(word: str) -> None:
    content = f'{{"version": "1", "metrics": {{"a": {word}}}}}'
    assert refusal(wire.ModelVersionRequest, content) == (422, {"metrics.a": f"is {word}: use a finite number"})


def test_one_wrong_type_among_other_faults_is_400() -> None:
    status, faults = refusal(wire.ModelRequest, '{"description": 1, "tags": [""]}')
    assert (status, list(faults)) == (400, ["name", "description", "tags[0]"])


def test_a_hundred_faults_are_enough() -> None:
    _, faults = refusal(wire.ModelRequest, json.dumps(dict.fromkeys(map(str, range(5_000)), 1)))
    assert len(faults) == 100


@pytest.mark.parametrize("quantity", ["0", "2", "0.5", "500m", "1.25"])
def test_quantities_of_cpu(quantity: str) -> None:
    assert body(wire.Resources, sent(json.dumps({"cpu": quantity}))).cpu == quantity


@pytest.mark.parametrize("quantity", ["128974848", "129M", "123Mi", "1.5Gi", "1k", "2E", "2Ei"])
def test_quantities_of_memory(quantity: str) -> None:
    assert body(wire.Resources, sent(json.dumps({"memory": quantity}))).memory == quantity


@pytest.mark.parametrize("quantity", ["", "m", "-1", "+1", "1,5", "0.5m", "500 m", "500m\n", "1K", "٣"])
def test_what_is_no_quantity(quantity: str) -> None:
    for field in ("cpu", "memory"):
        with pytest.raises(Refused) as caught:
            body(wire.Resources, sent(json.dumps({field: quantity})))
        assert caught.value.status == 422


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["draft", "running", "1Gi"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("type_", BODIES, ids=lambda type_: str(type_.__name__))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_whatever_is_sent_is_read_or_explained(type_: type[msgspec.Struct], data: st.DataObject) -> None:
    document = {name: data.draw(JSON) for name in type_.__struct_fields__ if data.draw(st.booleans())}
    content = json.dumps(document)
    assert _is_read(type_, content) or _is_explained(type_, content)


def _is_read(type_: type[msgspec.Struct], content: str) -> bool:
    try:
        return isinstance(body(type_, sent(content)), type_)
    except Refused:
        return False


def _is_explained(type_: type[msgspec.Struct], content: str) -> bool:
    status, faults = refusal(type_, content)
    return status in (400, 422) and bool(faults)


@pytest.mark.parametrize("media_type", [b"text/plain", b"application/jsonp", b"application/json-seq", b"", b"json"])
def test_what_says_it_is_no_json_is_415(media_type: bytes) -> None:
    with pytest.raises(Refused) as caught:
        body(wire.ModelPatch, sent("{}", (b"content-type", media_type)))
    assert caught.value.status == 415


@pytest.mark.parametrize("text", ["", "0", "01", "-1", "+1", "1.0", "a", " 1", "1" * 19, "٣"])
def test_what_cannot_be_an_id_is_the_id_of_nothing(text: str) -> None:
    request = Request("GET", "/", caller=ANN, path_params={"modelId": text})
    assert identity(text) is None
    with pytest.raises(NotFound, match="no model has the id"):
        path_id(request, "modelId", "model")


def test_an_id() -> None:
    assert path_id(Request("GET", "/", caller=ANN, path_params={"modelId": "17"}), "modelId", "model") == 17


def test_a_page() -> None:
    assert part({}, 25) == Slice(25, 0)
    assert part({"limit": "1000", "offset": "7"}) == Slice(1_000, 7)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"limit": "0"}, 422),
        ({"limit": "1001"}, 422),
        ({"limit": "-5"}, 422),
        ({"offset": "-1"}, 422),
        ({"offset": str(2**63)}, 422),
        ({"limit": "x"}, 400),
        ({"limit": "1.0"}, 400),
        ({"offset": "9" * 5_000}, 400),
    ],
)
def test_no_page(query: dict[str, str], status: int) -> None:
    with pytest.raises(Refused, match="use a whole number from") as caught:
        part(query)
    assert caught.value.status == status
