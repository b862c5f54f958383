"""The domain's errors as problem details (RFC 9457), in this dialect's words."""

from http import HTTPStatus

import msgspec

from modelyard.api.http.message import BadQuery, Header, Request, Response
from modelyard.api.http.problems import PROBLEM, headers_of
from modelyard.api.jfrog.refusals import Refused
from modelyard.api.jfrog.wire import Fault, Problem
from modelyard.errors import Code, ModelyardError

STATUSES = {
    Code.INVALID: 422,
    Code.MISSING: 422,
    Code.NOT_FOUND: 404,
    Code.AMBIGUOUS: 409,
    Code.ALREADY_EXISTS: 409,
    Code.STALE: 412,
    Code.REUSED_KEY: 422,
    Code.IN_USE: 409,
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.TOO_MANY: 429,
    Code.TOO_LARGE: 413,
    Code.UNAVAILABLE: 503,
}

FIELDS = {"version_id": "model_version_id", "library_name": "framework", "tasks": "task_type"}
"""Fields of the domain that are called otherwise here."""


def render_error(request: Request, error: Exception) -> Response:
    """Any exception as an answer. One that nobody foresaw is a 500 that gives nothing away; the edge logs it."""
    if isinstance(error, Refused):
        return _problem(request, error.status, error.detail, error.faults)
    if isinstance(error, ModelyardError):
        return _problem(request, STATUSES[error.code], error.message, _faults(error), headers_of(error))
    if isinstance(error, BadQuery):
        return _problem(request, 400, str(error))
    return _problem(request, 500, "internal error; the server's log has the details under this request id")


def render_no_route(request: Request, allowed: tuple[str, ...]) -> Response:
    """For a path that there is not, or not with this method."""
    if not allowed:
        return _problem(request, 404, f"there is no {request.path[:200]}")
    allow = ", ".join(allowed)
    return _problem(request, 405, f"{request.method[:20]} is not for this path: use {allow}", headers=((b"allow", allow.encode()),))


def _problem(request: Request, status: int, detail: str, faults: list[Fault] | None = None, headers: tuple[Header, ...] = ()) -> Response:
    problem = Problem("about:blank", HTTPStatus(status).phrase, status, detail, request.caller.request_id, faults or [])
    return Response(status, msgspec.json.encode(problem) + b"\n", PROBLEM.encode(), headers)


def _faults(error: ModelyardError) -> list[Fault]:
    """The field of the body that is to blame, where one is."""
    field = error.details.get("field")
    if STATUSES[error.code] not in (409, 422) or not isinstance(field, str):
        return []
    return [Fault(FIELDS.get(field, field), error.message)]
