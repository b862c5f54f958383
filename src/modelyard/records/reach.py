"""Which records of a kind belong to the models and experiments that a caller reaches, who does not reach the whole project."""

from collections.abc import Mapping

from modelyard.context import Reach
from modelyard.records.kinds import Kind
from modelyard.search.tree import Expr, Field, In, Or

OF_MODEL: Mapping[Kind, str] = {
    Kind.MODEL: "id",
    Kind.VERSION: "model_id",
    Kind.SERVICE: "model_id",
    Kind.SERVE: "model_id",
    Kind.ARTIFACT: "model_id",
}
"""The fields that hold the id of the model that a record belongs to. Serve records and artifacts have it through their owners."""
OF_EXPERIMENT: Mapping[Kind, str] = {
    Kind.EXPERIMENT: "id",
    Kind.RUN: "experiment_id",
    Kind.METRIC_POINT: "experiment_id",
    Kind.ARTIFACT: "owner_experiment_id",
}
"""Likewise of the experiment. An artifact's own `experiment_id` is that of the run that it was put under last."""

ALONE = frozenset({Kind.MODEL, Kind.EXPERIMENT, Kind.ENVIRONMENT})
"""What belongs to nothing but the project: to make one, the whole project must be reached."""
THROUGH_OWNERS = frozenset({Kind.SERVE, Kind.ARTIFACT})
"""Kinds whose records do not say themselves what they belong to: only their table does."""


def scope(kind: Kind, reach: Reach) -> Expr:
    """The condition that only the records within the reach satisfy: none does of a kind that belongs to neither, such as environments."""
    terms: list[Expr] = []
    if reach.models and kind in OF_MODEL:
        terms.append(In(Field(OF_MODEL[kind]), tuple(sorted(reach.models))))
    if reach.experiments and kind in OF_EXPERIMENT:
        terms.append(In(Field(OF_EXPERIMENT[kind]), tuple(sorted(reach.experiments))))
    return terms[0] if len(terms) == 1 else Or(tuple(terms)) if terms else In(Field("id"), ())


def place(kind: Kind, reach: Reach) -> tuple[str, frozenset[int]]:
    """For a kind that belongs to models, or else to experiments, and says so itself: the field that says it, and the ids it may have."""
    return (OF_MODEL[kind], reach.models) if kind in OF_MODEL else (OF_EXPERIMENT[kind], reach.experiments)


def holds(kind: Kind, record: object, reach: Reach) -> bool:
    """Whether a record, or a part of one, of a kind that is not `THROUGH_OWNERS`, is within the reach."""
    if kind not in OF_MODEL and kind not in OF_EXPERIMENT:
        return False
    field, ids = place(kind, reach)
    return getattr(record, field) in ids
