"""Metrics of runs: many points in, few points out."""

from modelyard.api.http.message import Request, Response, json_response
from modelyard.api.native.decode import path_id, path_text, points, query_integer
from modelyard.api.native.wire import LoggedPoints, Metric, MetricList, MetricSeries, SeriesPoint
from modelyard.experiments.blocks import FEWEST
from modelyard.experiments.entities import Sample, Steps
from modelyard.experiments.metrics import MAX_POINTS, MetricService
from modelyard.records.properties import INT64_MAX, INT64_MIN

SHOWN = 2_000
"""Points of a series, unless asked for another number."""


class MetricHandlers:
    def __init__(self, service: MetricService) -> None:
        self._service = service

    async def log(self, request: Request) -> Response:
        logged = await self._service.log(request.caller, path_id(request, "id"), points(request.body))
        return json_response(200, LoggedPoints(logged.points, logged.metrics))

    async def list_all(self, request: Request) -> Response:
        found = await self._service.summaries(request.caller, path_id(request, "id"))
        return json_response(200, MetricList([Metric(one.name, one.count, one.low, one.high, _shown(one.last)) for one in found]))

    async def read(self, request: Request) -> Response:
        run_id, name = path_id(request, "id"), path_text(request, "name")
        most = query_integer(request, "points", SHOWN, FEWEST, MAX_POINTS)
        reading = await self._service.read(request.caller, run_id, name, _steps(request), most)
        return json_response(200, MetricSeries(name, reading.count, [_shown(sample) for sample in reading.samples]))


def _steps(request: Request) -> Steps | None:
    if "from_step" not in request.query and "to_step" not in request.query:
        return None
    first = query_integer(request, "from_step", INT64_MIN, INT64_MIN, INT64_MAX)
    return Steps(first, query_integer(request, "to_step", INT64_MAX, INT64_MIN, INT64_MAX))


def _shown(sample: Sample) -> SeriesPoint:
    return SeriesPoint(sample.value, sample.step, sample.timestamp)
