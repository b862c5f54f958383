from collections.abc import Mapping

import pytest

from modelyard import errors
from modelyard.api.ops.health import health_routes
from modelyard.context import Millis
from modelyard.overview.health import SchemaState
from tests.unit.api.http.toy import PREFIX, Toys

DIRTY = [f"{PREFIX}/readyz/isDirty", "/readyz/isDirty"]
HEALTH = ["/readyz/health", "/any/prefix/at/all/readyz/health"]


class Store:
    """In the state it is told."""

    def __init__(self, *, dirty: bool = False, down: bool = False, unreadable: bool = False) -> None:
        self.dirty = dirty
        self.down = down
        self.unreadable = unreadable

    async def database(self) -> SchemaState:
        if self.down:
            raise errors.Unavailable("the database does not answer", retry_after=1)
        return SchemaState(version=3, dirty=self.dirty)

    async def probe_resources(self) -> Mapping[str, int]:
        if self.unreadable:
            raise errors.Unavailable("registered_models cannot be read")
        return {"registered_models": 2, "artifacts": 0}


def toys(store: Store) -> Toys:
    return Toys(routes=health_routes(store, lambda: Millis(1_900_000_000_123)))


WELL = toys(Store())


async def test_alive_says_nothing_of_the_store() -> None:
    answer = await toys(Store(down=True)).call("GET", "/healthz")
    assert (answer.status, answer.json) == (200, {"status": "ok"})


async def test_ready_when_the_database_is() -> None:
    assert (await WELL.call("GET", "/readyz")).json == {"status": "ready"}
    answer = await toys(Store(down=True)).call("GET", "/readyz")
    assert (answer.status, answer.header("retry-after")) == (503, "1")
    assert answer.json == {"status": "unavailable", "reason": "the database does not answer"}
    assert (await toys(Store(dirty=True)).call("GET", "/readyz")).status == 503


@pytest.mark.parametrize("path", DIRTY + HEALTH)
async def test_the_originals_probes_answer_ok_under_any_prefix_and_name(path: str) -> None:
    answer = await WELL.call("GET", path, {"Host": "10.1.2.3:8080"})
    assert (answer.status, answer.text) == (200, "OK")
    assert answer.header("content-type") == "text/plain; charset=utf-8"


@pytest.mark.parametrize("path", DIRTY + HEALTH)
@pytest.mark.parametrize("method", ["POST", "HEAD", "DELETE"])
async def test_other_methods_are_not_allowed(path: str, method: str) -> None:
    answer = await WELL.call(method, path)
    assert (answer.status, answer.text) == (405, "method not allowed\n")


@pytest.mark.parametrize("path", DIRTY + HEALTH)
async def test_a_failing_check_is_said_in_text(path: str) -> None:
    answer = await toys(Store(down=True)).call("GET", path)
    assert (answer.status, answer.text) == (503, "the database does not answer\n")
    answer = await toys(Store(dirty=True)).call("GET", path)
    assert (answer.status, answer.text) == (503, "the database schema is dirty: migration 3 is not complete\n")


async def test_only_health_reads_resources() -> None:
    unreadable = toys(Store(unreadable=True))
    assert (await unreadable.call("GET", DIRTY[0])).status == 200
    answer = await unreadable.call("GET", HEALTH[0])
    assert (answer.status, answer.text) == (503, "registered_models cannot be read\n")


async def test_the_report_of_is_dirty() -> None:
    answer = await WELL.call("GET", f"{DIRTY[0]}?format=json")
    assert answer.status == 200
    assert list(answer.json["checks"]) == ["database", "meta"]


async def test_the_report_of_health_has_the_originals_keys() -> None:
    report = (await WELL.call("GET", f"{HEALTH[0]}?format=json")).json
    assert report["status"] == "pass"
    assert list(report["checks"]) == ["database", "model-registry", "meta"]
    for name, check in report["checks"].items():
        assert list(check) == ["Name", "Status", "Message", "Details"]
        assert (check["Name"], check["Status"]) == (name, "pass")
    assert report["checks"]["database"]["Details"] == {"schema_version": 3, "schema_dirty": False}
    assert report["checks"]["model-registry"]["Details"] == {
        "total_resources_checked": 2,
        "registered_models_accessible": True,
        "registered_models_count": 2,
        "artifacts_accessible": True,
        "artifacts_count": 0,
    }
    meta = report["checks"]["meta"]["Details"]
    assert meta["timestamp"] == "2030-03-17T17:46:40+00:00"
    assert meta["check_duration_ms"] >= 0


async def test_the_report_of_a_failure() -> None:
    answer = await toys(Store(down=True)).call("GET", f"{HEALTH[0]}?format=json")
    assert answer.status == 503
    assert answer.json["status"] == "fail"
    assert {name: check["Status"] for name, check in answer.json["checks"].items()} == {
        "database": "fail",
        "model-registry": "pass",
        "meta": "pass",
    }


@pytest.mark.parametrize("query", ["format=text", "format=", "format=json%zz", "x;format=json"])
async def test_any_other_format_is_text(query: str) -> None:
    assert (await WELL.call("GET", f"{DIRTY[0]}?{query}")).text == "OK"
