"""A span and a measurement for each request."""

from collections.abc import Iterable, Mapping
from contextvars import Token

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.metrics import Meter
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from modelyard.api.http.asgi import Scope
from modelyard.api.http.cold import ColdRoute
from modelyard.api.http.message import Request
from modelyard.api.http.operation import Dialect

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY"})
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Those that the semantic conventions give for `http.server.request.duration`."""

Routes = Mapping[str, tuple[tuple[str, str], ...]]
"""By an operation's id, the prefixes that its paths may have, each with its route."""


class RequestTracer:
    """The edge's `Tracer`."""

    def __init__(self, tracer: trace.Tracer, meter: Meter, routes: Routes) -> None:
        self._tracer = tracer
        self._routes = routes
        self._propagator = TraceContextTextMapPropagator()
        self._duration = meter.create_histogram(
            "http.server.request.duration",
            unit="s",
            description="Duration of HTTP server requests.",
            explicit_bucket_boundaries_advisory=_BUCKETS,
        )

    def begin(self, request: Request, scope: Scope) -> "RequestSpan":
        """Continues the caller's trace if the request says which (W3C Trace Context), and is the task's current span until it ends."""
        attributes: dict[str, str | int] = {
            "url.scheme": scope.get("scheme", "http"),
            "http.request.method": request.method if request.method in _METHODS else "_OTHER",
        }
        span = self._tracer.start_span(
            request.method,
            context=self._parent(request),
            kind=SpanKind.SERVER,
            attributes={**attributes, "url.path": request.path[:1000], "client.address": request.client},
        )
        return RequestSpan(self, span, attributes)

    def route(self, request: Request) -> str:
        """The operation's path with names for what varies; empty when nothing answers there."""
        return next((route for prefix, route in self._routes.get(request.operation, ()) if request.path.startswith(prefix)), "")

    def measure(self, seconds: float, attributes: Mapping[str, str | int]) -> None:
        self._duration.record(seconds, attributes)

    def _parent(self, request: Request) -> Context:
        given = {name: request.header(name.encode()) for name in ("traceparent", "tracestate")}
        return self._propagator.extract({name: value for name, value in given.items() if value}, Context())


class RequestSpan:
    def __init__(self, tracer: RequestTracer, span: trace.Span, attributes: dict[str, str | int]) -> None:
        self._tracer = tracer
        self._span = span
        self._attributes = attributes
        self._token: Token[Context] = context.attach(trace.set_span_in_context(span))
        self.trace_id = f"{span.get_span_context().trace_id:032x}"

    def end(self, request: Request, status: int, seconds: float) -> None:
        span, attributes = self._span, self._attributes
        if route := self._tracer.route(request):
            attributes["http.route"] = route
            span.update_name(f"{attributes['http.request.method']} {route}")
        if status:
            attributes["http.response.status_code"] = status
        if not status or status >= 500:
            attributes["error.type"] = str(status) if status else "disconnected"
            span.set_status(StatusCode.ERROR)
        self._tracer.measure(seconds, attributes)
        span.set_attributes({**attributes, "modelyard.operation": request.operation, "modelyard.dialect": request.caller.dialect})
        span.end()
        context.detach(self._token)


def routes(dialects: Iterable[Dialect], cold: Iterable[ColdRoute]) -> Routes:
    """Where each operation answers. Dialects may share ids: two versions of one do."""
    found: dict[str, tuple[tuple[str, str], ...]] = {}
    for dialect in dialects:
        for operation in dialect.operations:
            found[operation.id] = (*found.get(operation.id, ()), (f"{dialect.prefix}/", dialect.prefix + operation.path))
    for route in cold:
        found[route.id] = (*found.get(route.id, ()), ("", route.path or f"*{route.suffix}"))
    return found
