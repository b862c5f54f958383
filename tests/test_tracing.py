"""Traces and metrics of a real server, as a collector gets them; and what a collector that is gone can do to it: nothing."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from modelyard import __version__
from tests.conftest import NewDatabase
from tests.servers.collector import Collector, attributes, collecting
from tests.servers.modelyard import Serving, serving
from tests.servers.process import free_port

PREFIX = "/api/model_registry/v1alpha3"
MODELS = f"{PREFIX}/registered_models"

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = {"traceparent": f"00-{TRACE}-{PARENT}-01"}

AT_ONCE = {"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_METRIC_EXPORT_INTERVAL": "200"}
SERVER, CLIENT, ERROR = 2, 3, 2
"""As OTLP numbers kinds of spans, and statuses."""


def log_line(server: Serving, request_id: str) -> dict[str, Any]:
    server.child.wait_until(lambda: request_id in server.child.tail())
    fields: dict[str, Any] = json.loads(next(line for line in server.child.tail().splitlines() if request_id in line))
    return fields


def server_spans(collector: Collector) -> list[Any]:
    return [span for span in collector.spans if span.kind == SERVER]


def test_a_request_is_a_span_with_its_statements_below(database_url: str, tmp_path: Path) -> None:
    with collecting() as collector:
        with serving(database_url, home=tmp_path, env={"MODELYARD_OTLP_ENDPOINT": collector.url}) as server:
            body = {"name": "private name", "description": "private text"}
            made = httpx.post(
                f"{server.url}{MODELS}?private=query", json=body, headers={**TRACEPARENT, "X-Request-Id": "r1", "Idempotency-Key": "k"}
            )
            again = httpx.post(server.url + MODELS, json=body, headers=TRACEPARENT)
            read = httpx.get(f"{server.url}{MODELS}/{made.json()['id']}", headers=TRACEPARENT)
            changed = httpx.patch(f"{server.url}{MODELS}/{made.json()['id']}", json={"description": "private"}, headers=TRACEPARENT)
            assert (made.status_code, again.status_code, read.status_code, changed.status_code) == (201, 409, 200, 200)
            assert log_line(server, "r1")["trace_id"] == TRACE
        # The server has stopped, and sent what it had.
        spans = {span.span_id: span for span in collector.spans}
        assert {span.trace_id.hex() for span in spans.values()} == {TRACE}
        first, _, third, fourth = answered = server_spans(collector)
        one = f"{MODELS}/{{registeredmodelId}}"
        assert [span.name for span in answered] == [f"POST {MODELS}", f"POST {MODELS}", f"GET {one}", f"PATCH {one}"]
        assert first.parent_span_id.hex() == PARENT
        assert attributes(first) == {
            "http.request.method": "POST",
            "http.response.status_code": 201,
            "http.route": MODELS,
            "url.path": MODELS,
            "url.scheme": "http",
            "client.address": "127.0.0.1",
            "modelyard.operation": "createRegisteredModel",
            "modelyard.dialect": "kubeflow",
        }
        children = [span for span in spans.values() if span.parent_span_id == first.span_id]
        assert {span.kind for span in children} == {CLIENT}
        system = {"postgresql": "postgresql", "sqlite": "sqlite", "mysql": "mysql"}[database_url.partition(":")[0]]
        assert {attributes(span)["db.system.name"] for span in children} == {system}
        assert all(attributes(span)["db.operation.name"] == span.name for span in children)
        [commit] = [span for span in children if span.name == "commit"]
        done = {*(span.name for span in children), *attributes(commit)["modelyard.statements"]}
        assert {"next resource id", "insert model", "insert audit_event"} <= done
        for answer, statement in ((third, "get model"), (fourth, "lock model")):
            assert statement in {span.name for span in spans.values() if span.parent_span_id == answer.span_id}
        assert not any(b"private" in sent for sent in collector.bodies)
        assert {"service.name": "modelyard", "service.version": __version__}.items() <= collector.resources[0].items()
        assert collector.resources[0]["service.instance.id"]


def test_durations_are_measured_by_route_and_status(new_database: NewDatabase, tmp_path: Path) -> None:
    with collecting() as collector:
        env = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_SERVICE_NAME": "registry", **AT_ONCE}
        with serving(new_database("sqlite"), home=tmp_path, env=env) as server:
            for path in (f"{MODELS}/1", f"{MODELS}/2", "/api/model_registry/v1/registered_models/1"):
                assert httpx.get(server.url + path).status_code == 404
            httpx.request("PROPFIND", f"{server.url}/nowhere")
            collector.wait_until(lambda: sum(counted(collector).values()) == 4)
        assert counted(collector)[f"{MODELS}/{{registeredmodelId}}", 404] == 2
        assert counted(collector)["/api/model_registry/v1/registered_models/{registered_model_id}", 404] == 1
        [brewed] = [span for span in server_spans(collector) if attributes(span)["url.path"] == "/nowhere"]
        assert (brewed.name, attributes(brewed)["http.request.method"]) == ("PROPFIND", "_OTHER")
        assert collector.resources[0]["service.name"] == "registry"


def counted(collector: Collector) -> dict[tuple[str, int], int]:
    """How many requests the last measurements count, by route and status."""
    figures = [metric for metric in collector.metrics if metric.name == "http.server.request.duration"]
    if not figures:
        return {}
    assert figures[-1].unit == "s"
    points = [(attributes(point), point) for point in figures[-1].histogram.data_points]
    assert all(list(point.explicit_bounds)[:3] == [0.005, 0.01, 0.025] and point.sum > 0 for _, point in points)
    return {(told.get("http.route", ""), told["http.response.status_code"]): point.count for told, point in points}


def test_what_a_caller_does_not_sample_is_not_sent(new_database: NewDatabase, tmp_path: Path) -> None:
    with collecting() as collector:
        with serving(new_database("sqlite"), home=tmp_path, env={"MODELYARD_OTLP_ENDPOINT": collector.url}) as server:
            httpx.get(server.url + MODELS, headers={"traceparent": f"00-{TRACE}-{PARENT}-00", "X-Request-Id": "r1"})
            httpx.get(server.url + MODELS, headers={"traceparent": "nonsense"})
            assert log_line(server, "r1")["trace_id"] == TRACE
        [span] = server_spans(collector)
        assert span.trace_id.hex() != TRACE
        assert span.parent_span_id == b""


def test_a_stream_that_its_reader_leaves_is_no_error(new_database: NewDatabase, tmp_path: Path) -> None:
    with collecting() as collector:
        with serving(new_database("sqlite"), home=tmp_path, env={"MODELYARD_OTLP_ENDPOINT": collector.url}) as server:
            with httpx.stream("GET", f"{server.url}/api/v1/events/stream", headers={"X-Request-Id": "r1"}, timeout=30) as answer:
                next(answer.iter_bytes())
            assert log_line(server, "r1")["left"] is True
        [span] = server_spans(collector)
        assert attributes(span)["http.response.status_code"] == 200
        assert "error.type" not in attributes(span)
        assert span.status.code != ERROR


@pytest.mark.parametrize("state", ["stalled", "not there"])
def test_a_collector_that_is_gone_harms_nothing(state: str, new_database: NewDatabase, tmp_path: Path) -> None:
    with collecting() as collector:
        collector.answering.clear()
        endpoint = collector.url if state == "stalled" else f"http://127.0.0.1:{free_port()}"
        env = {"MODELYARD_OTLP_ENDPOINT": endpoint, "OTEL_BSP_MAX_QUEUE_SIZE": "64", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "16", **AT_ONCE}
        with serving(new_database("sqlite"), home=tmp_path, env=env) as server, httpx.Client(base_url=server.url) as client:
            for number in range(100):
                assert client.post(MODELS, json={"name": f"model {number}"}).status_code == 201
            if state == "stalled":
                assert collector.asked.wait(30)
            assert len(client.get(MODELS).json()["items"]) == 100
            os.kill(server.child.pid, signal.SIGTERM)
            server.child.wait_until_ended(seconds=30)
            assert server.child.exit_code == 0


def test_without_the_extra_the_server_works_and_says_what_is_missing(new_database: NewDatabase, tmp_path: Path) -> None:
    (tmp_path / "opentelemetry.py").write_text('raise ModuleNotFoundError("not installed", name="opentelemetry")')
    env = {"MODELYARD_OTLP_ENDPOINT": "http://127.0.0.1:4318", "PYTHONPATH": str(tmp_path)}
    with serving(new_database("sqlite"), home=tmp_path, env=env) as server:
        assert httpx.get(server.url + MODELS, headers={"X-Request-Id": "r1"}).status_code == 200
        assert "trace_id" not in log_line(server, "r1")
        assert "pip install '.[otel]'" in server.child.tail()
