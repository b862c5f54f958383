"""Starts OpenTelemetry's SDK, and stops it in bounded time.

What the SDK can be told by its own variables (`OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER`, ...) it reads by itself.
"""

import asyncio
import threading
import uuid
from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from modelyard import __version__
from modelyard.api.http.cold import ColdRoute
from modelyard.api.http.operation import Dialect
from modelyard.store.database import Database
from modelyard.telemetry.requests import RequestTracer, routes
from modelyard.telemetry.statements import TracedDatabase

FLUSH_SECONDS = 5.0
"""How long a server that stops waits for a collector to take what is left."""


class Telemetry:
    """Spans and measurements wait in memory, in a bounded queue, and threads of the SDK send them: a request never waits for that."""

    def __init__(self, endpoint: str) -> None:
        base = endpoint.rstrip("/")
        resource = Resource(
            # Each process counts for itself: without a name of its own, a backend would take one's figures for another's.
            {"service.name": "modelyard", "service.version": __version__, "service.instance.id": str(uuid.uuid4())}
        ).merge(OTELResourceDetector().detect())
        self._tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{base}/v1/traces")))
        reader = PeriodicExportingMetricReader(OTLPMetricExporter(f"{base}/v1/metrics"))
        self._meters = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
        self._tracer = self._tracers.get_tracer("modelyard", __version__)

    def traced(self, database: Database) -> Database:
        return TracedDatabase(database, self._tracer)

    def request_tracer(self, dialects: Sequence[Dialect], cold: Sequence[ColdRoute]) -> RequestTracer:
        return RequestTracer(self._tracer, self._meters.get_meter("modelyard", __version__), routes(dialects, cold))

    async def close(self) -> None:
        """Send what is left; what no collector has taken after `FLUSH_SECONDS` is lost."""
        # Threads that the program does not wait for at its end: the SDK's own patience is longer, and cannot be told.
        senders = [threading.Thread(target=provider.shutdown, daemon=True) for provider in (self._tracers, self._meters)]
        for sender in senders:
            sender.start()
        end = asyncio.get_running_loop().time() + FLUSH_SECONDS
        for sender in senders:
            await asyncio.to_thread(sender.join, max(0.0, end - asyncio.get_running_loop().time()))
