"""What running servers tell of themselves: /metrics, the documents and the dashboard that lean on it, the log."""

import json
import os
import re
import signal
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import promql_parser
import pytest
from prometheus_client.parser import text_string_to_metric_families

from modelyard.api.ops.families import FAMILIES
from tests.conftest import NewDatabase, Serve
from tests.servers.modelyard import serving

ROOT = Path(__file__).parent.parent
MODELS = "/api/model_registry/v1alpha3/registered_models"
TARGET = {"job", "instance"}
"""Labels that Prometheus itself gives to what it collects from one server."""

Samples = Mapping[str, Mapping[frozenset[tuple[str, str]], float]]
"""What a scrape holds: by the sample's name, and by its labels."""


def scrape(url: str) -> str:
    answer = httpx.get(f"{url}/metrics", headers={"Host": "10.1.2.3:8080"})  # a scraper calls a server by its address
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return answer.text


def samples(text: str) -> Samples:
    found: dict[str, dict[frozenset[tuple[str, str]], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[frozenset(sample.labels.items())] = sample.value
    return found


def value(samples: Samples, name: str, **labels: str) -> float:
    """The sum over the samples that have these labels."""
    return sum(number for found, number in samples.get(name, {}).items() if found.issuperset(labels.items()))


def traffic(url: str) -> None:
    """One model, one refusal, a read, a list, a path of nobody's."""
    with httpx.Client(base_url=url) as client:
        assert client.post(MODELS, json={"name": "a secret"}).status_code == 201
        assert client.post(MODELS, json={"name": "a secret"}).status_code == 409
        assert client.get(f"{MODELS}/1").status_code == 200
        assert client.get(MODELS, params={"filterQuery": "name = 'a secret'"}).status_code == 200
        assert client.get("/a/secret").status_code == 404
        client.request("BREW", f"{MODELS}/secret")


@pytest.fixture(scope="session")
def texts(new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """What servers on SQLite and PostgreSQL show after traffic."""
    found = {}
    for flavour in ("sqlite", "postgresql"):
        with serving(new_database(flavour), home=tmp_path_factory.mktemp(flavour)) as server:
            traffic(server.url)
            found[flavour] = scrape(server.url)
    return found


@pytest.fixture(scope="session")
def served(texts: Mapping[str, str]) -> Mapping[str, set[str]]:
    """Every sample's name with the names of its labels."""
    return {name: {label for labels in series for label, _ in labels} for text in texts.values() for name, series in samples(text).items()}


# --------------------------------------------------------------------------------------------------------------------- /metrics


@pytest.mark.servers
@pytest.mark.parametrize("flavour", ["sqlite", "postgresql"])
def test_requests_and_what_they_cost_are_counted(flavour: str, texts: Mapping[str, str]) -> None:
    seen = samples(texts[flavour])
    create = {"dialect": "kubeflow", "operation": "createRegisteredModel"}
    requests = "modelyard_http_requests_total"
    assert value(seen, requests, **create, method="POST", status="201") == 1
    assert value(seen, requests, **create, method="POST", status="409") == 1
    assert value(seen, requests, dialect="kubeflow", operation="getRegisteredModel", method="GET", status="200") == 1
    assert value(seen, requests, dialect="ops", operation="none", status="404") == 1
    assert value(seen, "modelyard_http_request_duration_seconds_count", **create) == 2
    assert value(seen, "modelyard_http_request_statements_total", **create) >= 2  # PostgreSQL makes a model in one
    assert value(seen, "modelyard_http_request_database_seconds_total", **create) > 0
    assert value(seen, "modelyard_database_statements_total", statement="get model") == 1
    assert value(seen, "modelyard_build_info", database=flavour) == 1
    assert value(seen, "modelyard_workers") == 1
    assert value(seen, "process_cpu_seconds_total") > 0


@pytest.mark.servers
def test_clients_words_are_not_shown(texts: Mapping[str, str]) -> None:
    assert [word for text in texts.values() for word in ("secret", "BREW") if word in text] == []


@pytest.mark.servers
def test_every_metric_is_documented_as_it_is_served(texts: Mapping[str, str], served: Mapping[str, set[str]]) -> None:
    kinds = dict(line.split()[2:4] for text in texts.values() for line in text.splitlines() if line.startswith("# TYPE"))
    documented = {}
    for line in (ROOT / "docs/reference/metrics.md").read_text().splitlines():
        if line.startswith("| `"):
            name, kind, labels, _meaning = (cell.strip(" `") for cell in line.strip("|").split("|"))
            documented[name] = (kind, set(re.findall(r"\w+", labels)))
    assert documented == {name: (kind, served.get(name, served.get(f"{name}_count"))) for name, kind in kinds.items()}
    assert set(documented) == set(FAMILIES)


# --------------------------------------------------------------------------------------------------------- dashboard and guide


def dashboard_queries() -> Iterator[tuple[str, str]]:
    """Every query of the dashboard and, where its results are named by their labels, that name."""
    dashboard = json.loads((ROOT / "deploy/grafana/modelyard.json").read_text())
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield target["expr"], target["legendFormat"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["definition"]).groups()  # type: ignore[union-attr]  # else the test fails, as it should
            assert variable["query"]["query"] == variable["definition"]
            yield selector, f"{{{{{label}}}}}"


def guide_queries() -> list[str]:
    text = (ROOT / "docs/guides/observing.md").read_text()
    return re.findall(r"^\| .*\? \| `(.*)` \|$", text, re.MULTILINE)


QUERIES = sorted({*dashboard_queries(), *((query, "") for query in guide_queries())})


def unknown(query: str, legend: str, served: Mapping[str, set[str]]) -> list[str]:
    """The metrics and labels in a query, and in the name of its results, that no server serves. Raises ValueError when it is no PromQL."""
    expression = promql_parser.parse(query.replace("$__rate_interval", "5m"))
    problems: list[str] = []
    groups: set[str] = set()
    known: list[set[str]] = []

    def look(part: promql_parser.Expr) -> None:
        if isinstance(part, promql_parser.VectorSelector):
            labels = served.get(part.name or "")
            if labels is None:
                problems.append(f"metric {part.name}")
                return
            known.append(labels | TARGET)
            problems.extend(f"label {one.name} of {part.name}" for one in part.matchers.matchers if one.name not in labels | TARGET)
        elif isinstance(part, promql_parser.AggregateExpr) and part.modifier is not None:
            groups.update(part.modifier.labels)

    promql_parser.walk(expression, look)
    named = set(re.findall(r"{{(\w+)}}", legend))
    if groups:
        problems += [f"label {name} of the legend" for name in named - groups]
    for labels in known:
        problems += [f"label {name} to group by" for name in groups - labels]
    return problems


@pytest.mark.servers
@pytest.mark.parametrize(("query", "legend"), QUERIES)
def test_every_query_asks_for_what_is_served(query: str, legend: str, served: Mapping[str, set[str]]) -> None:
    assert unknown(query, legend, served) == []


def test_a_wrong_query_is_noticed() -> None:
    served = {"up_total": {"operation"}}
    assert unknown("sum by (operation) (rate(up_total[5m]))", "{{operation}}", served) == []
    assert unknown("sum by (colour) (rate(up_total[5m]))", "", served) == ["label colour to group by"]
    assert unknown("sum by (operation) (rate(up_total[5m]))", "{{colour}}", served) == ["label colour of the legend"]
    assert unknown('up_total{colour="red"} / down_total', "", served) == ["label colour of up_total", "metric down_total"]
    with pytest.raises(ValueError, match="parenthesis"):
        unknown("sum(up_total", "", served)


def test_the_dashboard_can_be_asked_of_any_prometheus() -> None:
    dashboard = json.loads((ROOT / "deploy/grafana/modelyard.json").read_text())
    assert "datasource" in {variable["name"] for variable in dashboard["templating"]["list"]}
    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert {panel["datasource"]["uid"] for panel in panels} == {"${datasource}"}
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


# ---------------------------------------------------------------------------------------------------------------------- workers


@pytest.mark.servers
def test_one_scrape_answers_for_all_workers_and_for_those_that_were_killed(new_database: NewDatabase, tmp_path: Path) -> None:
    with serving(new_database("postgresql"), "--workers", "2", home=tmp_path) as server:
        ask(server.url, 30)
        assert settled(server.url, 30)["modelyard_database_pool_size"][frozenset()] == 20
        [*_, killed] = workers = children(server.child.pid)
        os.kill(killed, signal.SIGKILL)
        server.child.wait_until(lambda: killed not in (now := children(server.child.pid)) and len(now) == len(workers))
        ask(server.url, 30)
        settled(server.url, 60)


def ask(url: str, times: int) -> None:
    """Each on a connection of its own, so that it may reach any worker."""
    for _ in range(times):
        httpx.get(url + MODELS).raise_for_status()


def settled(url: str, requests: int) -> Samples:
    """A scrape that knows of so many requests and of two workers. No scrape before it may know of more, or of fewer than the last."""
    last, deadline = 0.0, time.monotonic() + 60
    while True:
        seen = samples(scrape(url))
        count = value(seen, "modelyard_http_requests_total", operation="getRegisteredModels")
        assert last <= count <= requests
        if count == requests and value(seen, "modelyard_workers") == 2:
            return seen
        assert time.monotonic() < deadline, f"{count} of {requests} requests are known"
        last = count


def children(pid: int) -> list[int]:
    """The worker processes of a server."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split() if works(child)]


def works(process: str) -> bool:
    """Not so the process that multiprocessing has for itself, nor one that has ended."""
    try:
        return b"spawn_main" in Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return False


# -------------------------------------------------------------------------------------------------------------------------- log


def test_a_slow_statement_leads_to_its_request(new_database: NewDatabase, tmp_path: Path) -> None:
    with serving(new_database("sqlite"), home=tmp_path, env={"MODELYARD_SLOW_STATEMENT_MS": "0.0001"}) as server:
        httpx.get(f"{server.url}{MODELS}/1", headers={"X-Request-Id": "wanted"})
        server.child.wait_until(lambda: '"event":"request"' in server.child.tail())  # written once the answer is sent
        lines = [json.loads(line) for line in server.child.tail().splitlines() if line.startswith("{")]
    [slow] = [line for line in lines if line["event"] == "slow statement" and line["request_id"] == "wanted"]
    [request] = [line for line in lines if line["event"] == "request"]
    assert (slow["level"], slow["statement"], slow["database"]) == ("warning", "get model", "sqlite")
    assert request["statements"] == 1
    assert 0 < request["database_ms"] == slow["duration_ms"] <= request["duration_ms"]


def test_a_faster_statement_is_not_logged(new_database: NewDatabase, serve: Serve, tmp_path: Path) -> None:
    url = serve(new_database("sqlite"), env={"MODELYARD_SLOW_STATEMENT_MS": "60000"})
    traffic(url)
    assert "slow statement" not in (tmp_path / "server-1" / "server.log").read_text()
