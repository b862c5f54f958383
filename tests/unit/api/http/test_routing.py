import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.api.http.routing import NoRoute, Router
from tests.unit.api.http.toy import echo, operation

ROUTER = Router(
    operation(method, path, echo)
    for method, path in [
        ("GET", "/runs"),
        ("POST", "/runs"),
        ("GET", "/runs/metric_history"),
        ("GET", "/runs/{runId}"),
        ("PATCH", "/runs/{runId}"),
        ("GET", "/runs/{runId}/artifacts"),
        ("GET", "/runs/{runId}/artifacts/{artifactId}"),
        ("GET", "/{kind}/latest"),
    ]
)


def found(method: str, path: str) -> tuple[str, dict[str, str]]:
    found_operation, params = ROUTER.find(method, path)
    return found_operation.id, params


def allowed(method: str, path: str) -> tuple[str, ...]:
    with pytest.raises(NoRoute) as caught:
        ROUTER.find(method, path)
    return caught.value.allowed


def test_written_and_variable_segments() -> None:
    assert found("GET", "/runs") == ("GET /runs", {})
    assert found("POST", "/runs") == ("POST /runs", {})
    assert found("PATCH", "/runs/7") == ("PATCH /runs/{runId}", {"runId": "7"})
    assert found("GET", "/runs/7/artifacts/8") == ("GET /runs/{runId}/artifacts/{artifactId}", {"runId": "7", "artifactId": "8"})


def test_a_written_segment_wins() -> None:
    assert found("GET", "/runs/metric_history") == ("GET /runs/metric_history", {})
    assert found("GET", "/runs/latest") == ("GET /runs/{runId}", {"runId": "latest"})
    assert found("GET", "/toys/latest") == ("GET /{kind}/latest", {"kind": "toys"})


def test_a_written_segment_that_leads_nowhere_gives_way() -> None:
    assert found("GET", "/runs/metric_history/artifacts")[1] == {"runId": "metric_history"}
    assert found("PATCH", "/runs/metric_history") == ("PATCH /runs/{runId}", {"runId": "metric_history"})


def test_an_empty_segment_is_an_empty_value() -> None:
    assert found("GET", "/runs//artifacts")[1] == {"runId": ""}


@pytest.mark.parametrize("path", ["/runs/", "/runs/7/", "/runs/metric_history/", "", "/", "//", "/run", "/runs/7/artifacts/8/9", "runs"])
def test_other_paths_are_unknown_a_trailing_slash_too(path: str) -> None:
    assert allowed("GET", path) == ()


def test_a_wrong_method_is_told_the_right_ones() -> None:
    assert allowed("DELETE", "/runs") == ("GET", "POST")
    assert allowed("DELETE", "/runs/metric_history") == ("GET", "PATCH")
    assert allowed("HEAD", "/runs/7/artifacts") == ("GET",)


def test_segments_are_decoded_after_they_are_told_apart() -> None:
    assert found("GET", "/runs/a%2Fb%20%C3%A9/artifacts")[1] == {"runId": "a/b é"}
    assert found("GET", "/run%73") == ("GET /runs", {})


def test_two_operations_cannot_have_one_place() -> None:
    with pytest.raises(ValueError, match=r"^b: GET /runs/\{id\} is already a$"):
        Router([operation("GET", "/runs/{runId}", echo, "a"), operation("GET", "/runs/{id}", echo, "b")])


@given(st.text("/runs%2{}é"))
def test_any_path_is_found_or_not(path: str) -> None:
    with contextlib.suppress(NoRoute):
        _, params = ROUTER.find("GET", path)
        assert len(params) <= 2
