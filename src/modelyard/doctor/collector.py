"""OpenTelemetry's collector: whether something listens where traces and metrics are sent."""

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

from modelyard.doctor.findings import Finding, ok, warning
from modelyard.settings import Settings, redact_url, variable

_PATIENCE_SECONDS = 2.0


def look(settings: Settings) -> Iterator[Finding]:
    if not settings.otlp_endpoint:
        return
    shown = redact_url(settings.otlp_endpoint)
    try:
        parts = urlsplit(settings.otlp_endpoint)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        socket.create_connection((parts.hostname or "", port), timeout=_PATIENCE_SECONDS).close()
    except (OSError, ValueError) as error:
        remedy = f"start the collector, or correct its address by {variable('otlp_endpoint')}; until then, traces and metrics are lost"
        yield warning("collector", f"{shown} cannot be reached: {error}", remedy)
    else:
        yield ok("collector", f"{shown} takes connections")
