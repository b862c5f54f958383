from collections.abc import Mapping

from prometheus_client.parser import text_string_to_metric_families

from modelyard.api.http.message import Request
from modelyard.api.ops.families import FAMILIES, Kind
from modelyard.api.ops.figures import Figures, exposition, gather, lasting, together
from modelyard.api.ops.traffic import Traffic
from modelyard.context import Caller
from modelyard.store.meter import Cause, Meter, Retried
from modelyard.store.statements import Flavour
from modelyard.tally import Tally


class Pool:
    size, in_use, waiting = 10, 3, 2


def counted(*, on_a_server: bool) -> Figures:
    """Of a process that has answered two requests in 0.25 s each, on SQLite with one commit for two units."""
    traffic, meter = Traffic(), Meter(Flavour.POSTGRESQL if on_a_server else Flavour.SQLITE)
    request = Request("GET", "/toys", caller=Caller(dialect="toys", request_id="1"))
    request.operation = "listToys"
    for _ in range(2):
        traffic.observe(request, 200, 0.25, Tally("1"))
    meter.ran("list toy", 0.125, None)
    if on_a_server:
        meter.pool = Pool()
        meter.retries[Retried.UNIT, Cause.CONFLICT] += 1
    else:
        meter.committed(2, 0.01)
    return gather(traffic, meter)


ON_SQLITE, ON_A_SERVER = counted(on_a_server=False), counted(on_a_server=True)
DURATION = "modelyard_http_request_duration_seconds"


def shown(figures: Figures) -> Mapping[str, Mapping[tuple[str, ...], float]]:
    """The samples that Prometheus would read: by name, and by the values of their labels, sorted by the labels' names."""
    samples: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(exposition(figures).decode()):
        for sample in family.samples:
            samples.setdefault(sample.name, {})[tuple(value for _, value in sorted(sample.labels.items()))] = sample.value
    return samples


def test_every_metric_is_shown_somewhere_with_its_kind_and_labels() -> None:
    assert {*ON_SQLITE, *ON_A_SERVER} == set(FAMILIES)
    text = exposition(together([ON_SQLITE, ON_A_SERVER])).decode()
    for name, family in FAMILIES.items():
        assert f"# TYPE {name} {family.kind}\n" in text
        assert f"# HELP {name} {family.help}\n" in text


def test_what_was_counted_is_shown() -> None:
    samples = shown(ON_SQLITE)
    assert samples["modelyard_http_requests_total"] == {("toys", "GET", "listToys", "200"): 2}
    assert samples["modelyard_database_statement_seconds_total"] == {("list toy",): 0.125}
    assert samples["modelyard_sqlite_commit_units_sum"] == {(): 2}
    assert "modelyard_database_pool_size" not in samples
    assert shown(ON_A_SERVER)["modelyard_database_pool_in_use"] == {(): 3}
    assert shown(ON_A_SERVER)["modelyard_database_retries_total"][("conflict", "unit")] == 1


def test_buckets_are_cumulative_as_prometheus_wants_them() -> None:
    buckets = {le: count for (_, le, _), count in shown(ON_SQLITE)[f"{DURATION}_bucket"].items()}
    assert (buckets["0.0005"], buckets["0.1"], buckets["0.25"], buckets["10.0"], buckets["+Inf"]) == (0, 0, 2, 2, 2)
    assert shown(ON_SQLITE)[f"{DURATION}_count"] == {("toys", "listToys"): 2}
    assert shown(ON_SQLITE)[f"{DURATION}_sum"] == {("toys", "listToys"): 0.5}


def test_the_figures_of_two_processes_are_sums_where_sums_make_sense() -> None:
    samples = shown(together([ON_SQLITE, counted(on_a_server=False)]))
    assert samples["modelyard_http_requests_total"] == {("toys", "GET", "listToys", "200"): 4}
    assert samples[f"{DURATION}_sum"] == {("toys", "listToys"): 1}
    assert samples["modelyard_workers"] == {(): 2}
    assert [*samples["modelyard_build_info"].values()] == [1]
    assert samples["process_start_time_seconds"] == shown(ON_SQLITE)["process_start_time_seconds"]


def test_gauges_do_not_outlast_their_process() -> None:
    kept = set(lasting(ON_A_SERVER))
    assert kept == {name for name in ON_A_SERVER if FAMILIES[name].kind is not Kind.GAUGE}
    assert "process_cpu_seconds_total" in kept


def test_the_process_is_measured() -> None:
    samples = shown(ON_SQLITE)
    assert samples["process_open_fds"][()] > 0
    assert samples["process_resident_memory_bytes"][()] > 1_000_000
