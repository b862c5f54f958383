"""The dialect's operation table."""

from modelyard.access.permissions import Permission
from modelyard.api.http.operation import Dialect, DocumentInfo, Operation, Parameter, Place
from modelyard.api.http.problems import PROBLEM
from modelyard.api.native.errors import render_error, render_no_route
from modelyard.api.native.metrics import SHOWN, MetricHandlers
from modelyard.api.native.wire import LoggedPoints, MetricList, MetricSeries, Point, Problem
from modelyard.experiments.blocks import FEWEST
from modelyard.experiments.metrics import MAX_POINTS, MetricService

_READ_FAILURES = dict.fromkeys((400, 404, 500, 503), Problem)
_WRITE_FAILURES = dict.fromkeys((400, 404, 413, 422, 500, 503), Problem)

_STEP = {"type": "integer", "format": "int64"}
_RUN = Parameter("id", Place.PATH, {"type": "integer", "format": "int64"}, "The run's id.", required=True)
_NAME = Parameter("name", Place.PATH, {"type": "string"}, "The metric's name, exactly.", required=True)
_READING = (
    Parameter(
        "points",
        Place.QUERY,
        {"type": "integer", "minimum": FEWEST, "maximum": MAX_POINTS, "default": SHOWN},
        "How many points to show at most.",
    ),
    Parameter("from_step", Place.QUERY, _STEP, "Only points of this step or later ones."),
    Parameter("to_step", Place.QUERY, _STEP, "Only points of this step or earlier ones."),
)


def dialect(metrics: MetricService, *further: Operation) -> Dialect:
    """`further` operations are those of this folder's other modules."""
    return Dialect(
        name="native",
        prefix="/api/v1",
        operations=(*_metrics(MetricHandlers(metrics)), *further),
        render_error=render_error,
        render_no_route=render_no_route,
        document=DocumentInfo(
            title="Modelyard API",
            version="v1",
            url="/openapi/native.json",
            description="What other tools' APIs have no place for.",
            media_types={Problem: PROBLEM},
        ),
    )


def _metrics(handlers: MetricHandlers) -> tuple[Operation, ...]:
    path = "/runs/{id}/metrics"
    return (
        Operation(
            id="logPoints",
            method="POST",
            path=path,
            permission=Permission.EXPERIMENTS_WRITE,
            handler=handlers.log,
            summary="Log points of a run's metrics",
            description=f"All of them are stored or none, in the order sent. At most {MAX_POINTS} at once. The last point of each metric "
            "is the metric's value from then on.",
            parameters=(_RUN,),
            body=list[Point],
            line=Point,
            responses={200: LoggedPoints, **_WRITE_FAILURES},
        ),
        Operation(
            id="listMetrics",
            method="GET",
            path=path,
            permission=Permission.EXPERIMENTS_READ,
            handler=handlers.list_all,
            summary="List a run's metrics",
            parameters=(_RUN,),
            responses={200: MetricList, **_READ_FAILURES},
        ),
        Operation(
            id="readMetric",
            method="GET",
            path=path + "/{name}",
            permission=Permission.EXPERIMENTS_READ,
            handler=handlers.read,
            summary="Read a metric's points, thinned",
            description="The first and the last point are shown, and the lowest and the highest of each of as many stretches as there is "
            "room for; the order is that of arrival.",
            parameters=(_RUN, _NAME, *_READING),
            responses={200: MetricSeries, **_READ_FAILURES},
        ),
    )
