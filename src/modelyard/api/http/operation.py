"""The operation table: one entry is at once a route, a required permission and a piece of the OpenAPI document."""

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from modelyard.access.permissions import Permission
from modelyard.api.http.message import Request, Response

Handler = Callable[[Request], Awaitable[Response]]


class Place(StrEnum):
    QUERY = "query"
    PATH = "path"
    HEADER = "header"


class Parameter(msgspec.Struct, frozen=True):
    """For the document only: the handler itself reads and checks the value."""

    name: str
    place: Place
    schema: Mapping[str, Any]
    description: str = ""
    required: bool = False


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """`path` starts with a slash, is relative to the dialect's prefix and names its variable segments: `/models/{modelId}`."""

    id: str
    method: str
    path: str
    permission: Permission
    handler: Handler
    summary: str = ""
    description: str = ""
    tag: str = ""
    """Groups operations in the document and on its page; when empty, the first segment of the path does."""
    parameters: tuple[Parameter, ...] = ()
    body: Any = None
    """The wire type of the request's body; a union of tagged structs is one too."""
    line: Any = None
    """The wire type of a line, where the body may also be lines of JSON (`application/x-ndjson`)."""
    responses: Mapping[int, Any] = msgspec.field(default_factory=dict)
    """Every status it may answer, and the wire type of that body (None: no body, or not JSON)."""
    secret: bool = False
    """Its body or its answer has a secret in it: they are not kept under an idempotency key, and the key is ignored."""
    done: Callable[[], None] | None = None
    """Called when a request has been answered by it without an error, and whatever it changed is committed."""
    extension: bool = False
    """Not in the dialect's published contract: ours."""


class DocumentInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The head of a dialect's OpenAPI document and where it is served."""

    title: str
    version: str
    url: str
    """For example `/openapi/kubeflow.json`."""
    description: str = ""
    openapi: str = "3.0.3"
    license_name: str = "Apache 2.0"
    license_url: str = "https://www.apache.org/licenses/LICENSE-2.0"
    extra_schemas: tuple[Any, ...] = ()
    """Wire types to show as components though no operation names them, such as the bases of others."""
    unions: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """Unions of wire types that are components of their own, by name; wherever one occurs, the document refers to it."""
    keywords: Mapping[type, dict[str, Any]] = msgspec.field(default_factory=dict)
    """What the components of wire types say beside what their fields tell, such as the `default` of an enum. Types that the document
    does not have are passed over."""
    media_types: Mapping[Any, str] = msgspec.field(default_factory=dict)
    """What wire types are sent as, where that is not `application/json`."""
    free_tags: tuple[type, ...] = ()
    """Tagged structs whose schema also stands for bodies in which the tag is any text, null or missing."""


class Dialect(msgspec.Struct, frozen=True, kw_only=True):
    """A front door. `prefix` starts with a slash and does not end in one."""

    name: str
    prefix: str
    operations: tuple[Operation, ...]
    render_error: Callable[[Request, Exception], Response]
    """Turns whatever a handler, `before_routing` or the edge raised into an answer. An exception it does not know is a 500."""
    render_no_route: Callable[[Request, tuple[str, ...]], Response] | None = None
    """The answer for a path that there is not, or, when methods are given, not with this one; plain text unless it is said."""
    before_routing: Callable[[Request], None] | None = None
    """May raise. Runs for every path under the prefix, known or not, once the body is there."""
    document: DocumentInfo
