"""The served OpenAPI document against the published contract: nothing of the contract is missing or says another thing.

The contract is not part of this repository; the tests skip where it is not beside it.

Where we may say more than the contract: operations (each says that it is an extension), statuses, parameters, fields of answers, closed
requests, and the limits of values (`minLength` and its kin). Not compared: descriptions, summaries, and security schemes.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from tests.dialects.jfrog.registry import CONTRACT
from tests.dialects.kubeflow.contract import Contract, Flat
from tests.dialects.registry import Registry

pytestmark = pytest.mark.skipif(not CONTRACT.exists(), reason="the published contract is not in the folder beside this repository")

METHODS = ("get", "put", "post", "patch", "delete")
PREFIX = "/ml/api"
"""What the contract's server URL has before its paths."""

MORE_FIELDS = {"Deployment": {"message"}}
"""Fields that are ours alone."""
MORE_BODIES = {("updateModel", "200")}
"""Answers that have a body where the contract says of none."""

Node = Mapping[str, Any]
Found = dict[str, tuple[str, str, Node]]

published: Node = yaml.safe_load(CONTRACT.read_text()) if CONTRACT.exists() else {"paths": {}, "components": {"schemas": {}}}
theirs = Contract(published)


def operations(document: Node) -> Found:
    """Method, path and node by id."""
    nodes = ((method, path, node) for path, item in document["paths"].items() for method, node in item.items())
    return {node["operationId"]: (method, path, node) for method, path, node in nodes if method in METHODS}


THEIRS = operations(published)


@pytest.fixture(scope="module")
def document(sqlite_registry: Registry) -> Node:
    answer = sqlite_registry.http.get(f"{sqlite_registry.base_url}/openapi/jfrog.json")
    assert answer.status_code == 200
    found: Node = answer.json()
    return found


@pytest.fixture(scope="module")
def ours(document: Node) -> Contract:
    return Contract(document)


def test_there_are_17_operations_in_openapi_31(document: Node) -> None:
    assert len(THEIRS) == 17
    assert str(document["openapi"]).startswith("3.1.")


def test_what_is_not_in_the_contract_says_so(document: Node) -> None:
    for name, (_, _, node) in operations(document).items():
        assert node.get("x-extension", False) is (name not in THEIRS)


@pytest.mark.parametrize("name", THEIRS)
def test_operation(name: str, document: Node, ours: Contract) -> None:
    method, path, want = THEIRS[name]
    our_method, our_path, got = operations(document)[name]

    assert (our_method, our_path, got["tags"]) == (method, PREFIX + path, want["tags"])
    assert list(parameter_differences(want, got, ours)) == []
    assert ("requestBody" in got, required_body(got)) == ("requestBody" in want, required_body(want))
    assert list(differences("body", schema(want.get("requestBody")), schema(got.get("requestBody")), ours)) == []
    for status, answer in want["responses"].items():
        if (name, status) not in MORE_BODIES:
            assert list(differences(status, schema(answer), schema(got["responses"][status]), ours)) == []


@pytest.mark.parametrize("name", theirs.schemas)
def test_schema(name: str, ours: Contract) -> None:
    assert list(differences(name, theirs.schemas[name], ours.schemas[name], ours)) == []


@pytest.mark.parametrize("name", theirs.schemas)
def test_no_schema_has_fields_that_nobody_knows_of(name: str, ours: Contract) -> None:
    assert ours.schemas[name]["properties"].keys() - theirs.schemas[name]["properties"].keys() == MORE_FIELDS.get(name, set())


def required_body(node: Node) -> bool:
    return bool(node.get("requestBody", {}).get("required", False))


def schema(node: Node | None) -> Node | None:
    """Of a body, where it has one."""
    found: Node | None = (node or {}).get("content", {}).get("application/json", {}).get("schema")
    return found


def parameter_differences(want: Node, got: Node, ours: Contract) -> Iterator[str]:
    found = {(one["in"], one["name"]): one for one in got.get("parameters", ())}
    for one in want.get("parameters", ()):
        other = found.get((one["in"], one["name"]))
        if other is None:
            yield f"parameter {one['name']} is missing"
            continue
        if other.get("required", False) != one.get("required", False):
            yield f"parameter {one['name']}: required is {other.get('required', False)}"
        wanted = one["schema"].get("default")
        if wanted is not None and other["schema"].get("default") != wanted:
            yield f"parameter {one['name']}: default is {other['schema'].get('default')}"
        yield from differences(f"parameter {one['name']}", one["schema"], other["schema"], ours)
    yield from (f"parameter {name} is required" for (place, name), one in found.items() if place != "path" and one.get("required"))


def differences(where: str, want: Node | None, got: Node | None, ours: Contract) -> Iterator[str]:
    """What is said otherwise, in lines of text."""
    if want is None or got is None:
        if want is not got:
            yield f"{where}: {'has no body' if got is None else 'has a body'}"
        return
    wanted, found = theirs.flat(want), ours.flat(got)
    yield from own_differences(where, wanted, found)
    for name, field in wanted.fields.items():
        if name in found.fields:
            yield from differences(f"{where}.{name}", field, found.fields[name], ours)
        else:
            yield f"{where}.{name} is missing"
    for part in ("items", "values"):
        yield from differences(f"{where}.{part}", getattr(wanted, part), getattr(found, part), ours)


def own_differences(where: str, want: Flat, got: Flat) -> Iterator[str]:
    for word in ("type", "format", "enum", "required"):
        if getattr(want, word) != getattr(got, word):
            yield f"{where}: {word} is {getattr(got, word)!r}, not {getattr(want, word)!r}"
    if want.default is not None and want.default != got.default:
        yield f"{where}: default is {got.default!r}, not {want.default!r}"
