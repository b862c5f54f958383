"""The OpenAPI document of a dialect, made from its operation table and wire types."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from modelyard.access.permissions import Permission
from modelyard.api.http.operation import Dialect, Operation, Parameter, Place
from modelyard.api.http.schemas import Schema, components

_VARIABLE = re.compile(r"\{([^}]+)\}")

_KEY = Parameter(
    name="Idempotency-Key",
    place=Place.HEADER,
    schema={"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    description="Sent again with the same request, answers what was answered first instead of doing it twice.",
)

_SCHEMES = {"Bearer": {"type": "http", "scheme": "bearer"}, "Basic": {"type": "http", "scheme": "basic"}}
_GUARDED = (401, 403, 429)
"""What the doorkeeper may answer wherever somebody is asked."""


def document(dialect: Dialect) -> dict[str, Any]:
    """OpenAPI 3.0.3, or 3.1 when the dialect's `DocumentInfo.openapi` says so. Paths carry the dialect's prefix.

    Raises `ValueError` when two operations share an id or two wire types a name.
    """
    types = _Types(dialect)
    return {
        "openapi": dialect.document.openapi,
        "info": _info(dialect),
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(_tag(operation) for operation in dialect.operations)],
        "paths": _paths(dialect, types),
        "components": {"schemas": types.components, "securitySchemes": _SCHEMES},
        # Optional: a server without accounts asks for none.
        "security": [{}, *[{name: []} for name in _SCHEMES]],
    }


class _Types:
    """The wire types of a dialect: `components`, and the schema by which an operation refers to each."""

    def __init__(self, dialect: Dialect) -> None:
        info = dialect.document
        self._all: list[Any] = list(info.extra_schemas)
        self._media_types = info.media_types
        for operation in dialect.operations:
            for kind in (operation.body, operation.line, *operation.responses.values()):
                if kind is not None and kind not in self._all:
                    self._all.append(kind)
        self._shown, self.components = components(
            self._all, info.unions, old=info.openapi.startswith("3.0"), keywords=info.keywords, free_tags=info.free_tags
        )

    def content(self, kind: Any, media_type: str = "") -> dict[str, Any]:
        schema: Schema = self._shown[self._all.index(kind)]
        return {media_type or self._media_types.get(kind, "application/json"): {"schema": schema}}


def _info(dialect: Dialect) -> dict[str, Any]:
    info = dialect.document
    shown: dict[str, Any] = {"title": info.title, "version": info.version}
    if info.description:
        shown["description"] = info.description
    return {**shown, "license": {"name": info.license_name, "url": info.license_url}}


def _paths(dialect: Dialect, types: _Types) -> dict[str, dict[str, Any]]:
    paths: dict[str, dict[str, Any]] = {}
    ids: set[str] = set()
    for operation in dialect.operations:
        if operation.id in ids:
            raise ValueError(f"two operations of {dialect.name} are called {operation.id}")
        ids.add(operation.id)
        paths.setdefault(dialect.prefix + operation.path, {})[operation.method.lower()] = _operation(operation, types)
    return paths


def _operation(operation: Operation, types: _Types) -> dict[str, Any]:
    texts = {"summary": operation.summary, "description": operation.description}
    shown: dict[str, Any] = {"operationId": operation.id, "tags": [_tag(operation)]}
    shown |= {word: text for word, text in texts.items() if text}
    if parameters := [_parameter(parameter) for parameter in _parameters(operation)]:
        shown["parameters"] = parameters
    if operation.body is not None:
        content = types.content(operation.body)
        if operation.line is not None:
            content |= types.content(operation.line, "application/x-ndjson")
        shown["requestBody"] = {"required": True, "content": content}
    shown["responses"] = {str(status): _response(status, kind, types) for status, kind in sorted(_responses(operation).items())}
    if operation.permission is Permission.PUBLIC:
        shown["security"] = []
    if operation.extension:
        shown["x-extension"] = True
    return shown


def _responses(operation: Operation) -> Mapping[int, Any]:
    """The table's, and those it need not list: the refusals of who may not, in the body that its other failures have."""
    failure = next((kind for status, kind in sorted(operation.responses.items()) if status >= HTTPStatus.BAD_REQUEST), None)
    if failure is None or operation.permission is Permission.PUBLIC:
        return operation.responses
    return {**dict.fromkeys(_GUARDED, failure), **operation.responses}


def _parameters(operation: Operation) -> list[Parameter]:
    """The table's, and those it need not list: variable segments of any text, and the key that a POST takes."""
    parameters = list(operation.parameters)
    known = {(parameter.place, parameter.name.lower()) for parameter in parameters}
    implied = [Parameter(name, Place.PATH, {"type": "string"}, required=True) for name in _VARIABLE.findall(operation.path)]
    if operation.method == "POST" and not operation.secret:
        implied.append(_KEY)
    return parameters + [parameter for parameter in implied if (parameter.place, parameter.name.lower()) not in known]


def _parameter(parameter: Parameter) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": parameter.name, "in": str(parameter.place), "schema": dict(parameter.schema)}
    if parameter.description:
        shown["description"] = parameter.description
    if parameter.required or parameter.place is Place.PATH:
        shown["required"] = True
    return shown


def _response(status: int, kind: Any, types: _Types) -> dict[str, Any]:
    shown: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if kind is not None:
        shown["content"] = types.content(kind)
    return shown


def _tag(operation: Operation) -> str:
    return operation.tag or operation.path.split("/")[1]
