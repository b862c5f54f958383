"""The domain's errors in the dialect's words: statuses, the error body, and texts that its clients know."""

from http import HTTPStatus

import msgspec

from modelyard.api.http.message import BadQuery, Request, Response
from modelyard.api.http.problems import headers_of
from modelyard.api.kubeflow.refusals import BadRequest, NothingFound, Unprocessable
from modelyard.api.kubeflow.vocabulary import ARTIFACT_LABELS, NOUNS
from modelyard.api.kubeflow.wire import Error
from modelyard.artifacts.entities import ArtifactType
from modelyard.errors import AlreadyExists, Code, ModelyardError, NotFound
from modelyard.records.kinds import Kind

STATUSES = {
    Code.INVALID: 400,
    Code.MISSING: 422,
    Code.NOT_FOUND: 404,
    Code.AMBIGUOUS: 404,
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
SUFFIXES = {400: ": bad request", 404: ": not found", 409: ": conflict"}
"""The original ends the texts of errors that its services raise so. Those of its decoder have none."""


def render_error(request: Request, error: Exception) -> Response:
    """Any exception as an answer. One that nobody foresaw is a 500 that gives nothing away; the edge logs it."""
    if isinstance(error, Unprocessable):
        return failure(422, str(error))
    if isinstance(error, NothingFound):
        return failure(404, str(error))
    if isinstance(error, (BadRequest, BadQuery)):
        return failure(400, str(error))
    if isinstance(error, ModelyardError):
        status = STATUSES[error.code]
        return failure(status, text_of(error), headers_of(error))
    return failure(500, f"internal error; the server's log has the details under request id {request.caller.request_id}")


def failure(status: int, message: str, headers: tuple[tuple[bytes, bytes], ...] = ()) -> Response:
    """An error body. The original says `Bad Request` in those of status 422 too."""
    code = HTTPStatus.BAD_REQUEST if status == HTTPStatus.UNPROCESSABLE_ENTITY else HTTPStatus(status)
    return Response(status, msgspec.json.encode(Error(code.phrase, message)) + b"\n", headers=headers)


def text_of(error: ModelyardError | BadRequest) -> str:
    """What the original says where it says something; else the domain's message."""
    if isinstance(error, BadRequest):
        return error.message
    details = error.details
    kind = details.get("kind")
    if isinstance(kind, int):
        noun = NOUNS[Kind(kind)]
        if isinstance(error, NotFound) and "id" in details:
            return noun.missing(details["id"])
        if isinstance(error, AlreadyExists):
            label = ARTIFACT_LABELS[ArtifactType(str(details["type"]))] if details.get("type") else noun.label
            clash = "" if details["field"] == "name" else f"its externalId {details['value']!r} is taken"
            return msgspec.structs.replace(noun, label=label).taken(str(details["name"]), clash)
    return error.message.replace("external_id", "externalId") + SUFFIXES.get(STATUSES[error.code], "")
