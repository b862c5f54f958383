"""What the edge knows of tracing: that a request may be followed. Who does it is chosen where the parts are put together."""

from typing import Protocol

from modelyard.api.http.asgi import Scope
from modelyard.api.http.message import Request


class Span(Protocol):
    trace_id: str
    """32 hex digits, for log lines."""

    def end(self, request: Request, status: int, seconds: float) -> None:
        """The request is answered, or, with a status of 0, whoever asked is gone early. To be called once, in the task that began it."""
        ...


class Tracer(Protocol):
    def begin(self, request: Request, scope: Scope) -> Span: ...
