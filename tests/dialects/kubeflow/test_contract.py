"""The served OpenAPI documents against the published contract: nothing of the contract is missing or says another thing.

The contract is not part of this repository; the tests skip where it is not beside it. The successor's own contract is not there either:
its document is held against this one, and the differences that remain are listed.

Where we may say more than the contract: operations, statuses, parameters, properties, closed objects (requests whose unknown keys are
refused), the one value of an `artifactType`. `default`, `format`, `minLength` and `readOnly` must be the same both ways.

Not compared: descriptions, examples, titles, links and tags, which clients are not made of; `style` and `explode` of parameters, which
the contract gives the values they have anyway; security schemes, as ours are other ones; `nullable`, as the contract never says it and
we take null wherever a property may be left out; whether a union is `oneOf` or `anyOf`, as ours is the latter where a member
takes any `artifactType`; the `pattern` of properties, as ours may have larger numbers than the nine digits it allows.
"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from modelyard.api.kubeflow.vocabulary import V1_PATH_PARAMETERS
from tests.dialects.kubeflow.contract import Contract, Flat
from tests.dialects.registry import Registry

CONTRACT = Path(__file__).parents[4] / "shared" / "contracts" / "kubeflow-model-registry-v1alpha3.yaml"

pytestmark = pytest.mark.skipif(not CONTRACT.exists(), reason="the published contract is not in the folder beside this repository")

published = Contract(yaml.safe_load(CONTRACT.read_text())) if CONTRACT.exists() else Contract({"paths": {}, "components": {"schemas": {}}})

STATUSES_SENT = {("createInferenceService", "200"): "201"}
"""Where the original sends another status than its document says: clients saw this one."""

OTHERWISE = {
    ("MetadataIntValue.int_value", "format"): ("int32", "int64"),  # we take all 64 bits
    ("ParameterType", "default"): (None, "string"),  # the contract has it beside each reference
}
"""Where we say another thing than the contract: what it says, and what we do."""

TAG = "artifactType"
"""The contract gives the tag of an artifact a default; the original refuses a body without it, and so the document says it is needed."""

FREE_TAG = ("ModelArtifactCreate", "ModelArtifactUpdate")
"""Also bodies of `/model_artifacts`, where it is not needed."""

V1_ABSENT = ("Experiment", "MetricList")
"""The successor has no schemas whose names begin so."""

V1_OTHERWISE = [
    *(f"{name}.{field} is missing" for name in ("DataSet", "DocArtifact", "Metric", "ModelArtifact", "Parameter")
      for field in ("experimentId", "experimentRunId")),
    *(f"{name}.step: type is 'string', not 'integer'" for name in ("Metric", "MetricCreate", "MetricUpdate")),
]  # fmt: skip
"""What else its document says otherwise."""

BOTH_WAYS = ("format", "union", "read_only", "default", "min_length")
"""What we must not say where the contract does not."""


@pytest.fixture(scope="module")
def served(sqlite_registry: Registry) -> Contract:
    return _served(sqlite_registry, "kubeflow")


@pytest.fixture(scope="module")
def successor(sqlite_registry: Registry) -> Contract:
    return _served(sqlite_registry, "kubeflow-v1")


def _served(registry: Registry, name: str) -> Contract:
    answer = registry.http.get(f"{registry.base_url}/openapi/{name}.json")
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


def test_the_successor_differs_in_steps_and_experiments_only(successor: Contract) -> None:
    assert {name for name in published.schemas.keys() - successor.schemas.keys() if not name.startswith(V1_ABSENT)} == set()
    shared = published.schemas.keys() & successor.schemas.keys()
    differences = [line for name in shared for line in _differences(name, published.schemas[name], successor.schemas[name], successor)]
    assert sorted(differences) == sorted(V1_OTHERWISE)


def test_the_successor_renames_ids_in_paths_and_no_other_parameter(successor: Contract) -> None:
    theirs = published.operations()
    differences = [
        line
        for operation_id in theirs.keys() & successor.operations().keys()
        for (name, place), parameter in theirs[operation_id].parameters.items()
        for line in _parameter_differences(
            name, parameter, successor.operations()[operation_id].parameters[_v1_name(name, place), place], successor
        )
    ]
    assert not differences


def _v1_name(name: str, place: str) -> str:
    return V1_PATH_PARAMETERS.get(name, name) if place == "path" else name


def test_there_are_56_operations() -> None:
    assert len(published.operations()) == 56


def _parameter_differences(name: str, theirs: Any, ours: Any, served: Contract) -> list[str]:
    differences = _differences(name, theirs["schema"], ours["schema"], served)
    wanted, found = published.flat(theirs["schema"]).pattern, served.flat(ours["schema"]).pattern
    if wanted != found:
        differences.append(f"{name}: pattern is {found!r}, not {wanted!r}")
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
    for word in ("type", "enum", "discriminator", "closed", *BOTH_WAYS):
        wanted, found = getattr(want, word), getattr(got, word)
        told = wanted or word in BOTH_WAYS
        if told and wanted != found and OTHERWISE.get((where, word)) != (wanted, found):
            differences.append(f"{where}: {word} is {found!r}, not {wanted!r}")
    if want.required != got.required - (set() if where in FREE_TAG else {TAG} - want.required):
        differences.append(f"{where}: required is {sorted(got.required)}, not {sorted(want.required)}")
    return differences
