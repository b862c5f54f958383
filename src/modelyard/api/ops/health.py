"""Whether the server lives and can serve: for supervisors and load balancers, at our paths and at the original's."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec

from modelyard import errors
from modelyard.access.permissions import Permission
from modelyard.api.http.cold import ColdRoute
from modelyard.api.http.message import BadQuery, Header, Request, Response, json_response, text_response
from modelyard.context import Clock
from modelyard.overview.health import SchemaState

PUBLIC = Permission.PUBLIC
"""Whoever probes has no account; a report counts records and names none."""


class Health(Protocol):
    """Both raise a `ModelyardError`, with a message for people, when the answer cannot be had."""

    async def database(self) -> SchemaState: ...

    async def probe_resources(self) -> Mapping[str, int]:
        """Read one of each kind of thing: how many there are, by the kind's name in the plural (`registered_models`)."""
        ...


class Check(msgspec.Struct, frozen=True, rename="pascal"):
    """One line of the original's JSON health report; its keys are capital there."""

    name: str
    status: str
    message: str
    details: Mapping[str, Any] = {}


PASS, FAIL = "pass", "fail"


def health_routes(health: Health, clock: Clock) -> tuple[ColdRoute, ...]:
    """`/healthz`, `/readyz`, and under any prefix `/readyz/isDirty` and `/readyz/health` as the original has them."""
    probes = Probes(health, clock)
    return (
        ColdRoute(id="healthz", path="/healthz", handler=probes.alive, permission=PUBLIC, any_host=True),
        ColdRoute(id="readyz", path="/readyz", handler=probes.ready, permission=PUBLIC, any_host=True),
        ColdRoute(
            id="isDirty", suffix="/readyz/isDirty", handler=probes.is_dirty, methods=None, permission=Permission.PUBLIC, any_host=True
        ),
        ColdRoute(
            id="health", suffix="/readyz/health", handler=probes.is_healthy, methods=None, permission=Permission.PUBLIC, any_host=True
        ),
    )


class Probes:
    def __init__(self, health: Health, clock: Clock) -> None:
        self._health = health
        self._clock = clock

    async def alive(self, _request: Request) -> Response:
        """The process answers; nothing is said of the store."""
        return json_response(200, {"status": "ok"})

    async def ready(self, _request: Request) -> Response:
        check = await self._database()
        if check.status == PASS:
            return json_response(200, {"status": "ready"})
        retry: Header = (b"retry-after", b"1")
        return json_response(503, {"status": "unavailable", "reason": check.message}, (retry,))

    async def is_dirty(self, request: Request) -> Response:
        return await self._report(request, self._database)

    async def is_healthy(self, request: Request) -> Response:
        return await self._report(request, self._database, self._resources)

    async def _report(self, request: Request, *checks: Callable[[], Any]) -> Response:
        if request.method != "GET":
            return text_response(405, "method not allowed\n")
        started = time.perf_counter()
        results: list[Check] = [await check() for check in checks]
        failing = next((result for result in results if result.status == FAIL), None)
        status = 200 if failing is None else 503
        if _wants_json(request):
            results.append(self._meta(started))
            report = {"status": PASS if failing is None else FAIL, "checks": {result.name: result for result in results}}
            return json_response(status, report)
        return text_response(status, "OK" if failing is None else f"{failing.message}\n")

    async def _database(self) -> Check:
        try:
            state = await self._health.database()
        except errors.ModelyardError as error:
            return Check("database", FAIL, error.message)
        details = {"schema_version": state.version, "schema_dirty": state.dirty}
        if state.dirty:
            return Check("database", FAIL, f"the database schema is dirty: migration {state.version} is not complete", details)
        return Check("database", PASS, "the database answers and its schema is complete", details)

    async def _resources(self) -> Check:
        try:
            counts = await self._health.probe_resources()
        except errors.ModelyardError as error:
            return Check("model-registry", FAIL, error.message)
        details: dict[str, Any] = {"total_resources_checked": len(counts)}
        for name, count in counts.items():
            details |= {f"{name}_accessible": True, f"{name}_count": count}
        return Check("model-registry", PASS, "every kind of resource can be read", details)

    def _meta(self, started: float) -> Check:
        now = datetime.fromtimestamp(self._clock() / 1000, UTC)
        details = {"check_duration_ms": round((time.perf_counter() - started) * 1000), "timestamp": now.isoformat(timespec="seconds")}
        return Check("meta", PASS, "the checks were made", details)


def _wants_json(request: Request) -> bool:
    try:
        return request.query.get("format") == "json"
    except BadQuery:
        return False
