"""The metrics' values: gathered from what this process has counted, put together with those of others, shown as Prometheus reads them."""

import itertools
import platform
from collections.abc import Iterable, Iterator

from prometheus_client import ProcessCollector, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from modelyard import __version__
from modelyard.api.ops import families
from modelyard.api.ops.families import FAMILIES, Family, Kind
from modelyard.api.ops.traffic import Traffic
from modelyard.store.meter import Cause, Meter, PoolState, Retried
from modelyard.tally import Histogram

Labels = tuple[str, ...]
Series = dict[Labels, list[float]]
"""By its labels' values, a metric's one number or, for a histogram, the count of each bucket and at last the sum."""
Figures = dict[str, Series]
"""By the metric's name."""

_process = ProcessCollector(registry=None)


def gather(traffic: Traffic, meter: Meter) -> Figures:
    """The figures of this process, as they are now."""
    figures = _of_requests(traffic) | _of_database(meter) | (_of_sqlite(meter) if meter.pool is None else _of_server(meter.pool))
    figures |= {sample.name: {(): [sample.value]} for metric in _process.collect() for sample in metric.samples}
    figures[families.BUILD.name] = {(__version__, platform.python_version(), meter.flavour): [1]}
    figures[families.WORKERS.name] = {(): [1]}
    return figures


def lasting(figures: Figures) -> Figures:
    """What stays true when the process is gone: all but the gauges."""
    return {name: series for name, series in figures.items() if FAMILIES[name].kind is not Kind.GAUGE}


def together(parts: Iterable[Figures]) -> Figures:
    """The figures of several processes as those of one."""
    result: Figures = {}
    for part in parts:
        for name, series in part.items():
            for labels, numbers in series.items():
                _add(FAMILIES[name], result.setdefault(name, {}), labels, numbers)
    return result


def exposition(figures: Figures) -> bytes:
    """In Prometheus' text format, version 0.0.4."""
    return generate_latest(_Exposed(figures))


def _add(family: Family, series: Series, labels: Labels, numbers: list[float]) -> None:
    before = series.get(labels)
    series[labels] = numbers if before is None else list(map(family.together, before, numbers))


def _of_requests(traffic: Traffic) -> Figures:
    requests, durations, seconds, statements = Series(), Series(), Series(), Series()
    for (dialect, operation, method), served in traffic.served.items():
        labels = (dialect, operation)
        for status, count in served.statuses.items():
            requests[*labels, method, str(status)] = [count]
        _add(families.DURATION, durations, labels, _numbers(served.durations))
        _add(families.REQUEST_DATABASE, seconds, labels, [served.database_seconds])
        _add(families.REQUEST_STATEMENTS, statements, labels, [served.statements])
    return {
        families.REQUESTS.name: requests,
        families.DURATION.name: durations,
        families.REQUEST_DATABASE.name: seconds,
        families.REQUEST_STATEMENTS.name: statements,
    }


def _of_database(meter: Meter) -> Figures:
    return {
        families.STATEMENTS.name: {(name,): [cost.count] for name, cost in meter.statements.items()},
        families.STATEMENT_SECONDS.name: {(name,): [cost.seconds] for name, cost in meter.statements.items()},
        families.RETRIES.name: {(what, cause): [meter.retries[what, cause]] for what in Retried for cause in Cause},
    }


def _of_sqlite(meter: Meter) -> Figures:
    return {
        families.WRITERS_WAITING.name: {(): [meter.writers.waiting if meter.writers else 0]},
        families.COMMIT_UNITS.name: {(): _numbers(meter.commit_units)},
        families.COMMIT_SECONDS.name: {(): _numbers(meter.commit_seconds)},
    }


def _of_server(pool: PoolState) -> Figures:
    return {
        families.POOL_SIZE.name: {(): [pool.size]},
        families.POOL_IN_USE.name: {(): [pool.in_use]},
        families.POOL_WAITING.name: {(): [pool.waiting]},
    }


def _numbers(histogram: Histogram) -> list[float]:
    return [*histogram.counts, histogram.total]


class _Exposed(Collector):
    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        for name, family in FAMILIES.items():
            if name in self._figures:
                yield _metric(family, self._figures[name])


def _metric(family: Family, series: Series) -> Metric:
    if family.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(family.name, family.help, labels=family.labels)
        bounds = [*(str(float(bound)) for bound in family.bounds), "+Inf"]
        for labels, (*counts, total) in series.items():
            histogram.add_metric(labels, list(zip(bounds, itertools.accumulate(counts), strict=True)), total)
        return histogram
    plain = (CounterMetricFamily if family.kind is Kind.COUNTER else GaugeMetricFamily)(family.name, family.help, labels=family.labels)
    for labels, (number,) in series.items():
        plain.add_metric(labels, number)
    return plain
