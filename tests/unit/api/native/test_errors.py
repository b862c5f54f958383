import msgspec
import pytest

from modelyard import errors
from modelyard.api.http.message import BadQuery, Request
from modelyard.api.native.errors import STATUSES, render_error, render_no_route
from modelyard.errors import Code, ModelyardError
from tests.unit.world import ANN

REQUEST = Request("GET", "/api/v1/runs/1/metrics", caller=ANN)
KINDS = {
    kind.code: kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, ModelyardError) and hasattr(kind, "code")
}


@pytest.mark.parametrize("code", Code)
def test_every_error_is_a_problem_of_its_own_status(code: Code) -> None:
    response = render_error(REQUEST, KINDS[code]("what, which, and what to do"))

    problem = msgspec.json.decode(response.body)
    assert (response.status, response.content_type) == (STATUSES[code], b"application/problem+json")
    assert 400 <= response.status < 600
    assert problem.pop("title")
    assert problem == {
        "type": "about:blank",
        "status": response.status,
        "detail": "what, which, and what to do",
        "code": code.value,
        "request_id": ANN.request_id,
    }


def test_whoever_may_come_again_is_told_when() -> None:
    assert render_error(REQUEST, errors.Unavailable("busy", retry_after=7)).headers == ((b"retry-after", b"7"),)


def test_a_bad_query_is_the_callers_fault() -> None:
    assert render_error(REQUEST, BadQuery("invalid URL escape")).status == 400


def test_what_nobody_foresaw_gives_nothing_away() -> None:
    response = render_error(REQUEST, RuntimeError("password=hunter2"))
    assert response.status == 500
    assert b"hunter2" not in response.body
    assert msgspec.json.decode(response.body)["code"] == "internal"


def test_what_is_not_there_is_a_problem_too() -> None:
    assert msgspec.json.decode(render_no_route(REQUEST, ()).body)["code"] == "not_found"
    response = render_no_route(REQUEST, ("PATCH", "POST"))
    assert (response.status, response.headers) == (405, ((b"allow", b"PATCH, POST"),))
    assert msgspec.json.decode(response.body)["code"] == "method_not_allowed"
