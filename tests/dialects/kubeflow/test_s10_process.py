"""Reference §10: health, the landing page, what the process answers beside the API."""

import httpx
import pytest

from tests.dialects.registry import V1, V1ALPHA3, Registry

PREFIXES = ["", "/", "/anything/at/all", V1ALPHA3, V1]


@pytest.fixture
def root(registry: Registry) -> Registry:
    return registry.under("")


@pytest.mark.parametrize("probe", ["isDirty", "health"])
@pytest.mark.parametrize("prefix", PREFIXES)
def test_probes_answer_under_any_prefix(root: Registry, prefix: str, probe: str) -> None:
    response = root.get(f"{prefix.rstrip('/')}/readyz/{probe}")
    assert (response.status_code, response.text) == (200, "OK")


@pytest.mark.parametrize(("probe", "checks"), [("isDirty", {"database", "meta"}), ("health", {"database", "model-registry", "meta"})])
def test_probes_in_json(root: Registry, probe: str, checks: set[str]) -> None:
    response = root.get(f"{V1ALPHA3}/readyz/{probe}", format="json")
    assert response.status_code == 200
    body = response.json()
    assert body["status"] == "pass"
    assert body["checks"].keys() >= checks
    for check in body["checks"].values():
        assert {"Name", "Status", "Message", "Details"} >= check.keys() >= {"Name", "Status"}
    assert body["checks"]["database"]["Status"] == "pass"
    assert body["checks"]["database"]["Details"]["schema_dirty"] is False
    assert "schema_version" in body["checks"]["database"]["Details"]
    assert body["checks"]["meta"]["Details"].keys() >= {"check_duration_ms", "timestamp"}
    if probe == "health":
        assert body["checks"]["model-registry"]["Details"]["total_resources_checked"] >= 5


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
@pytest.mark.parametrize("probe", ["isDirty", "health"])
def test_probes_are_for_reading(root: Registry, probe: str, method: str) -> None:
    answer = root.raw(method, f"/readyz/{probe}")
    assert (answer.status, answer.body) == (405, b"method not allowed\n")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_our_own_probes(root: Registry, path: str) -> None:
    assert root.get(path).status_code == 200


@pytest.mark.parametrize("accept", [None, "*/*", "application/json"])
def test_the_landing_page_is_a_plain_404_to_a_program(root: Registry, accept: str | None) -> None:
    answer = root.raw("GET", "/", headers={} if accept is None else {"Accept": accept})
    assert (answer.status, answer.body) == (404, b"404 page not found\n")
    assert answer.lines("content-type") == ["text/plain; charset=utf-8"]


def test_the_landing_page_is_html_to_a_browser(root: Registry) -> None:
    response = root.get_with({"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, "/")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(
    "path", ["/nothing", "/api", "/api/model_registry", "/api/model_registry/v1alpha2/registered_models", "/readyz/nothing"]
)
def test_other_paths_are_the_plain_404(root: Registry, path: str) -> None:
    response = root.get(path)
    assert (response.status_code, response.text) == (404, "404 page not found\n")


def test_the_document_is_served(root: Registry) -> None:
    document = root.get("/openapi/kubeflow.json").json()
    operations = [
        operation for path in document["paths"].values() for method, operation in path.items() if method in {"get", "post", "patch"}
    ]
    assert len(operations) == 56
    assert document["openapi"].startswith("3.")


def test_the_docs_page_needs_nothing_from_outside(root: Registry) -> None:
    page = root.get("/docs").text
    assert "<html" in page
    for attribute in ('src="http', "src='http", 'src="//', 'href="http', 'href="//', "@import"):
        assert attribute not in page


def test_every_answer_has_a_request_id(root: Registry) -> None:
    ids = {root.get(f"{V1ALPHA3}/registered_models", pageSize="1").headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3


def test_a_server_answers_many_connections(registry: Registry) -> None:
    limits = httpx.Limits(max_connections=50)
    with httpx.Client(limits=limits, timeout=30) as client:
        assert client.get(registry.base_url + V1ALPHA3 + "/registered_models", params={"pageSize": "1"}).status_code == 200
