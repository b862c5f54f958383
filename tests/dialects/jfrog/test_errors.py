"""The shape and status of every refusal that does not depend on what is stored."""

import json

import pytest

from tests.dialects.jfrog.registry import PREFIX, Jfrog, refused
from tests.dialects.registry import accepted, unique

JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize("content", [b"", b"{", b'{"name": "x"} x', b'{"name": "\xff"}', b'{"name": NaN, }'])
def test_what_is_no_json_is_400(jfrog: Jfrog, content: bytes) -> None:
    assert "no JSON" in refused(jfrog.post("/models", content=content), 400)["detail"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "the body"),
        ({"name": None}, "name"),
        ({"name": 5}, "name"),
        ({"name": "x", "description": None}, "description"),
        ({"name": "x", "tags": "a"}, "tags"),
        ({"name": "x", "tags": [1]}, "tags[0]"),
        ({"name": "x", "framework": {}}, "framework"),
    ],
)
def test_a_wrong_type_is_400(jfrog: Jfrog, body: object, field: str) -> None:
    refused(jfrog.post("/models", body), 400, field)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"name": "x\0"}, "name"),
        ({"name": "x", "owner": "ann"}, "owner"),
        ({"name": "x", "created_by": "ann"}, "created_by"),
        ({"name": "x", "tags": [""]}, "tags[0]"),
        ({"name": "x", "tags": [str(number) for number in range(101)]}, "tags"),
    ],
)
def test_what_cannot_be_accepted_is_422(jfrog: Jfrog, body: object, field: str) -> None:
    refused(jfrog.post("/models", body), 422, field)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"status": "live"}, "status"),
        ({"metrics": {"a": "1"}}, "metrics.a"),
        ({"metrics": {"a": None}}, "metrics.a"),
        ({"metrics": {"a": True}}, "metrics.a"),
        ({"parameters": {"a": 1}}, "parameters.a"),
        ({"parameters": {"": "1"}}, 'parameters: the name ""'),
    ],
)
def test_what_a_version_cannot_be_is_422(jfrog: Jfrog, fields: dict[str, object], field: str) -> None:
    refused(jfrog.post("/models/1/versions", {"version": "1", **fields}), 422, field)


@pytest.mark.parametrize("number", ["1e999", "NaN", "-Infinity"])
def test_metrics_are_finite(jfrog: Jfrog, number: str) -> None:
    content = b'{"version": "1", "metrics": {"a": %s}}' % number.encode()
    refused(jfrog.post("/models/1/versions", content=content), 422, "metrics.a")


def test_every_fault_is_told(jfrog: Jfrog) -> None:
    problem = refused(jfrog.post("/models", {"owner": "x", "tags": [""]}), 422, "owner", "name", "tags[0]")
    assert problem["detail"].endswith("(and 2 more)")
    assert problem["errors"][1] == {"field": "name", "message": "is missing, and needed"}


@pytest.mark.parametrize("query", [{"limit": 0}, {"limit": 1001}, {"limit": -1}, {"offset": -1}, {"offset": 2**63}])
@pytest.mark.parametrize("path", ["/models", "/models/1/versions", "/experiments", "/deployments"])
def test_a_page_outside_of_its_bounds_is_422(jfrog: Jfrog, path: str, query: dict[str, int]) -> None:
    refused(jfrog.get(path, **query), 422, *query)


@pytest.mark.parametrize("query", [{"limit": "x"}, {"limit": "1.5"}, {"offset": "1e3"}, {"offset": "٣"}])
def test_a_page_that_is_no_number_is_400(jfrog: Jfrog, query: dict[str, str]) -> None:
    refused(jfrog.get("/models", **query), 400)


@pytest.mark.parametrize("query", ["limit=%zz", "limit=1;offset=2"])
def test_a_query_that_cannot_be_read_is_400(jfrog: Jfrog, query: str) -> None:
    refused(jfrog.kubeflow.http.get(f"{jfrog.kubeflow.base_url}{PREFIX}/models?{query}"), 400)


@pytest.mark.parametrize("path", ["/", "/model", "/models/", "/models/1/version", "/models/1/versions/1/x"])
def test_a_path_that_is_none_is_404(jfrog: Jfrog, path: str) -> None:
    refused(jfrog.get(path), 404)


def test_a_method_that_is_none_is_405(jfrog: Jfrog) -> None:
    answer = jfrog.delete("/models")
    refused(answer, 405)
    assert answer.headers["allow"] == "GET, POST"


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", "multipart/form-data; a=b"])
def test_a_body_that_says_it_is_no_json_is_415(jfrog: Jfrog, media_type: str) -> None:
    refused(jfrog.post("/models", {"name": "x"}, headers={"Content-Type": media_type}), 415)


@pytest.mark.parametrize("media_type", ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"])
def test_json_is_json_by_any_name(jfrog: Jfrog, media_type: str) -> None:
    accepted(jfrog.post("/models", {"name": unique()}, headers={"Content-Type": media_type}), 201)


def test_too_large_a_body_is_413(jfrog: Jfrog) -> None:
    refused(jfrog.post("/models", content=json.dumps({"name": "x" * 40_000_000}).encode()), 413)


def test_too_deep_a_body_is_422(jfrog: Jfrog) -> None:
    refused(jfrog.post("/models", content=b'{"name":' + b"[" * 5000 + b"]" * 5000 + b"}"), 422)


def test_a_bad_key_is_422(jfrog: Jfrog) -> None:
    refused(jfrog.post("/models", {"name": "x"}, headers={**JSON, "Idempotency-Key": "a b"}), 422, "Idempotency-Key")
