"""The served OpenAPI document against the published contract: nothing of the contract is missing or says another thing.

The contract is not part of this repository; the tests skip where it is not beside it. Not compared: descriptions, examples, links, and
`pattern`, `minLength` and `additionalProperties`, which the original's server does not enforce.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.dialects.kubeflow.contract import Contract, Flat
from tests.dialects.registry import Registry

CONTRACT = Path(__file__).parents[4] / "shared" / "contracts" / "kubeflow-model-registry-v1alpha3.yaml"

pytestmark = pytest.mark.skipif(not CONTRACT.exists(), reason="the published contract is not in the folder beside this repository")

published = Contract(yaml.safe_load(CONTRACT.read_text())) if CONTRACT.exists() else Contract({"paths": {}, "components": {"schemas": {}}})

STATUSES_SENT = {("createInferenceService", "200"): "201"}
"""Where the original sends another status than its document says: clients saw this one."""

WIDER = {("MetadataIntValue.int_value", "format"): ("int32", "int64")}
"""Where we take more than the contract: all 64 bits."""

TAG = "artifactType"
"""The contract gives the tag of an artifact a default; the original refuses a body without it, and so the document says it is needed."""


@pytest.fixture(scope="module")
def served(sqlite_registry: Registry) -> Contract:
    answer = sqlite_registry.http.get(f"{sqlite_registry.base_url}/openapi/kubeflow.json")
    assert answer.status_code == 200
    return Contract(answer.json())


@pytest.mark.parametrize("operation_id", published.operations())
def test_operation(operation_id: str, served: Contract) -> None:
    theirs, ours = published.operations()[operation_id], served.operations()[operation_id]
    assert (ours.method, ours.path) == (theirs.method, theirs.path)
    assert ours.body == theirs.body
    for status, body in theirs.answers.items():
        assert ours.answers[STATUSES_SENT.get((operation_id, status), status)] == body


@pytest.mark.parametrize("operation_id", published.operations())
def test_parameters(operation_id: str, served: Contract) -> None:
    theirs, ours = published.operations()[operation_id].parameters, served.operations()[operation_id].parameters
    missing = theirs.keys() - ours.keys()
    assert not missing
    differences = [
        difference for key, parameter in theirs.items() for difference in _parameter_differences(key[0], parameter, ours[key], served)
    ]
    assert not differences


@pytest.mark.parametrize("name", published.schemas)
def test_schema(name: str, served: Contract) -> None:
    differences = _differences(name, published.schemas[name], served.schemas[name], served)
    assert not differences


def test_there_are_56_operations() -> None:
    assert len(published.operations()) == 56


def _parameter_differences(name: str, theirs: Any, ours: Any, served: Contract) -> list[str]:
    differences = _differences(name, theirs["schema"], ours["schema"], served)
    if theirs.get("required", False) != ours.get("required", False):
        differences.append(f"{name}: required is {ours.get('required', False)}")
    return differences


def _differences(where: str, theirs: Any, ours: Any, served: Contract) -> list[str]:
    """What is said otherwise, in lines of text."""
    want, got = published.flat(theirs), served.flat(ours)
    differences = _own_differences(where, want, got)
    differences += [f"{where}.{name} is missing" for name in want.fields.keys() - got.fields.keys()]
    for name in want.fields.keys() & got.fields.keys():
        differences += _differences(f"{where}.{name}", want.fields[name], got.fields[name], served)
    for part, inner in (("items", want.items), ("values", want.values)):
        if inner is not None:
            differences += _inner_differences(f"{where}.{part}", inner, getattr(got, part), served)
    return differences


def _inner_differences(where: str, theirs: Any, ours: Any, served: Contract) -> list[str]:
    """Of the items of a list, or the values of a map: their components are compared on their own."""
    if ours is None:
        return [f"{where} is missing"]
    if (name := published.name(theirs)) is not None:
        return [] if served.name(ours) == name else [f"{where} is {served.name(ours)}, not {name}"]
    return _differences(where, theirs, ours, served)


def _own_differences(where: str, want: Flat, got: Flat) -> list[str]:
    differences = []
    for word in ("type", "format", "enum", "union", "read_only"):
        wanted, found = getattr(want, word), getattr(got, word)
        told = wanted or word in ("format", "union", "read_only")
        if told and wanted != found and WIDER.get((where, word)) != (wanted, found):
            differences.append(f"{where}: {word} is {found!r}, not {wanted!r}")
    if want.required != got.required - ({TAG} - want.required):
        differences.append(f"{where}: required is {sorted(got.required)}, not {sorted(want.required)}")
    return differences
