import msgspec
import pytest

from modelyard import errors
from modelyard.api.http.message import BadQuery, Request, Response
from modelyard.api.jfrog.errors import STATUSES, render_error, render_no_route
from modelyard.api.jfrog.refusals import Refused
from modelyard.api.jfrog.wire import Fault
from modelyard.errors import Code, ModelyardError
from modelyard.records.kinds import Kind
from tests.unit.api.native.test_errors import KINDS
from tests.unit.world import ANN

REQUEST = Request("GET", "/ml/api/v1/models", caller=ANN)


def problem(response: Response) -> dict[str, object]:
    assert response.content_type == b"application/problem+json"
    found: dict[str, object] = msgspec.json.decode(response.body)
    assert (found["status"], found["instance"]) == (response.status, ANN.request_id)
    return found


@pytest.mark.parametrize("code", Code)
def test_every_error_is_a_problem_of_its_own_status(code: Code) -> None:
    response = render_error(REQUEST, KINDS[code]("what, which, and what to do"))

    assert response.status == STATUSES[code]
    assert problem(response).items() >= {"type": "about:blank", "detail": "what, which, and what to do"}.items()


@pytest.mark.parametrize(
    ("error", "header"),
    [
        (errors.Unavailable("busy", retry_after=7), (b"retry-after", b"7")),
        (errors.TooMany("wait", retry_after=2), (b"retry-after", b"2")),
        (errors.Unauthenticated("who?"), (b"www-authenticate", b"Bearer, Basic")),
    ],
)
def test_what_to_do_next_is_in_a_header(error: ModelyardError, header: tuple[bytes, bytes]) -> None:
    assert render_error(REQUEST, error).headers == (header,)


@pytest.mark.parametrize(
    ("error", "detail", "field"),
    [
        (
            errors.AlreadyExists("model version with name 1", kind=Kind.VERSION, field="name"),
            "version with name 1",
            "version",
        ),
        (errors.AlreadyExists("run with name 1 exists", kind=Kind.RUN, field="name"), "experiment with name 1 exists", "name"),
        (errors.Invalid("version_id is 7: no", field="version_id"), "version_id is 7: no", "model_version_id"),
    ],
)
def test_things_are_called_as_this_dialect_calls_them(error: ModelyardError, detail: str, field: str) -> None:
    found = problem(render_error(REQUEST, error))

    assert (found["detail"], found["errors"]) == (detail, [{"field": field, "message": detail}])


def test_a_refusal_lists_its_faults() -> None:
    found = problem(render_error(REQUEST, Refused(422, "name is missing", [Fault("name", "is missing")])))

    assert (found["detail"], found["errors"]) == ("name is missing", [{"field": "name", "message": "is missing"}])


def test_a_bad_query_is_the_callers_fault() -> None:
    assert problem(render_error(REQUEST, BadQuery("invalid URL escape")))["status"] == 400


def test_what_nobody_foresaw_gives_nothing_away() -> None:
    response = render_error(REQUEST, RuntimeError("password=hunter2"))
    assert problem(response)["status"] == 500
    assert b"hunter2" not in response.body


def test_paths_and_methods_that_are_none() -> None:
    assert problem(render_no_route(REQUEST, ()))["status"] == 404
    response = render_no_route(REQUEST, ("GET", "POST"))
    assert (problem(response)["status"], response.headers) == (405, ((b"allow", b"GET, POST"),))
