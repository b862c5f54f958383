"""Traces and metrics by OpenTelemetry, sent over OTLP/HTTP: the extra `modelyard[otel]`. Imported only where an endpoint is set.

The names of attributes are OpenTelemetry's semantic conventions for HTTP and databases, beside a few of ours (`modelyard.*`).
"""
