"""An OpenTelemetry collector in the test's own process: takes OTLP over HTTP and remembers it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


class Collector:
    """`stalled` makes it take everything and answer nothing, until it is cleared."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.spans: list[Any] = []
        self.metrics: list[Any] = []
        self.resources: list[dict[str, Any]] = []
        self.answering = threading.Event()
        self.answering.set()
        self.asked = threading.Event()
        self._news = threading.Condition()
        self.url = ""

    def take(self, path: str, body: bytes) -> None:
        with self._news:
            self.bodies.append(body)
            if path == "/v1/traces":
                traces = ExportTraceServiceRequest.FromString(body)
                for resource in traces.resource_spans:
                    self.resources.append(attributes(resource.resource))
                    self.spans += [span for scope in resource.scope_spans for span in scope.spans]
            elif path == "/v1/metrics":
                figures = ExportMetricsServiceRequest.FromString(body)
                self.metrics += [metric for one in figures.resource_metrics for scope in one.scope_metrics for metric in scope.metrics]
            self._news.notify_all()

    def wait_until(self, ready: Callable[[], bool], *, seconds: float = 30) -> None:
        with self._news:
            assert self._news.wait_for(ready, seconds), f"of spans it got {[span.name for span in self.spans]}"


def attributes(of: Any) -> dict[str, Any]:
    """The attributes of a span, a resource or a point, as plain values."""
    return {one.key: _plain(one.value) for one in of.attributes}


def _plain(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return [_plain(one) for one in value.array_value.values] if kind == "array_value" else getattr(value, kind)


@contextmanager
def collecting() -> Iterator[Collector]:
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            collector.asked.set()
            collector.answering.wait()
            collector.take(self.path, body)
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield collector
    finally:
        collector.answering.set()
        server.shutdown()
        thread.join()
        server.server_close()
