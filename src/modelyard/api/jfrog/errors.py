"""The domain's errors as problem details (RFC 9457), in this dialect's words."""

from http import HTTPStatus

import msgspec

from modelyard.api.http.message import BadQuery, Header, Request, Response
from modelyard.api.http.problems import PROBLEM, headers_of
from modelyard.api.jfrog.refusals import Refused
from modelyard.api.jfrog.wire import Fault, Problem
from modelyard.errors import Code, ModelyardError
from modelyard.records.kinds import Kind

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

NOUNS = {Kind.VERSION: "version", Kind.RUN: "experiment", Kind.SERVICE: "deployment"}
"""Nouns of the domain that are called otherwise here."""
FIELDS = {(None, "version_id"): "model_version_id", (Kind.VERSION, "name"): "version"}
"""Likewise fields, by the noun."""


def render_error(request: Request, error: Exception) -> Response:
    """Any exception as an answer. One that nobody foresaw is a 500 that gives nothing away; the edge logs it."""
    if isinstance(error, Refused):
        return _problem(request, error.status, error.detail, error.faults)
    if isinstance(error, ModelyardError):
        return _problem(request, STATUSES[error.code], text_of(error), _faults(error), headers_of(error))
    if isinstance(error, BadQuery):
        return _problem(request, 400, str(error))
    return _problem(request, 500, "internal error; the server's log has the details under this request id")


def render_no_route(request: Request, allowed: tuple[str, ...]) -> Response:
    """For a path that there is not, or not with this method."""
    if not allowed:
        return _problem(request, 404, f"there is no {request.path[:200]}")
    allow = ", ".join(allowed)
    return _problem(request, 405, f"{request.method[:20]} is not for this path: use {allow}", headers=((b"allow", allow.encode()),))


def text_of(error: ModelyardError) -> str:
    """The domain's message, with the thing called as it is called here."""
    kind = _kind(error)
    return error.message.replace(kind.label, NOUNS[kind], 1) if kind in NOUNS else error.message


def _kind(error: ModelyardError) -> Kind | None:
    kind = error.details.get("kind")
    return Kind(kind) if isinstance(kind, int) else None


def _problem(request: Request, status: int, detail: str, faults: list[Fault] | None = None, headers: tuple[Header, ...] = ()) -> Response:
    problem = Problem("about:blank", HTTPStatus(status).phrase, status, detail, request.caller.request_id, faults or [])
    return Response(status, msgspec.json.encode(problem) + b"\n", PROBLEM.encode(), headers)


def _faults(error: ModelyardError) -> list[Fault]:
    """The field of the body that is to blame, where one is."""
    field = error.details.get("field")
    if STATUSES[error.code] not in (409, 422) or not isinstance(field, str):
        return []
    return [Fault(FIELDS.get((_kind(error), field), field), text_of(error))]
