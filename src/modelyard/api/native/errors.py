"""The domain's errors as problem details (RFC 9457)."""

from http import HTTPStatus

import msgspec

from modelyard.api.http.message import BadQuery, Header, Request, Response
from modelyard.api.http.problems import PROBLEM, headers_of
from modelyard.api.native.wire import Problem
from modelyard.errors import Code, ModelyardError

STATUSES = {
    Code.INVALID: 400,
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
_INTERNAL = "internal"
"""The code of what nobody foresaw."""
_METHOD = "method_not_allowed"
"""The code of a path that answers other methods."""


def render_error(request: Request, error: Exception) -> Response:
    """Any exception as an answer. One that nobody foresaw is a 500 that gives nothing away; the edge logs it."""
    if isinstance(error, ModelyardError):
        return _problem(request, STATUSES[error.code], error.code, error.message, headers_of(error))
    if isinstance(error, BadQuery):
        return _problem(request, STATUSES[Code.INVALID], Code.INVALID, str(error))
    return _problem(request, 500, _INTERNAL, "internal error; the server's log has the details under this request_id")


def render_no_route(request: Request, allowed: tuple[str, ...]) -> Response:
    """For a path that there is not, or not with this method."""
    if not allowed:
        return _problem(request, 404, Code.NOT_FOUND, f"there is no {request.path[:200]}")
    allow = ", ".join(allowed)
    return _problem(request, 405, _METHOD, f"{request.method[:20]} is not for this path: use {allow}", ((b"allow", allow.encode()),))


def _problem(request: Request, status: int, code: str, detail: str, headers: tuple[Header, ...] = ()) -> Response:
    problem = Problem(HTTPStatus(status).phrase, status, detail, code, request.caller.request_id)
    return Response(status, msgspec.json.encode(problem) + b"\n", PROBLEM.encode(), headers)
