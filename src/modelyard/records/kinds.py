"""The nouns of the registry, and which of them share an id sequence."""

from enum import IntEnum

from modelyard.store.database import IdSequence


class Kind(IntEnum):
    """One noun. The number is stored in the property index and in audit events: never reuse one."""

    MODEL = 1
    VERSION = 2
    EXPERIMENT = 3
    RUN = 4
    ENVIRONMENT = 5
    SERVICE = 6
    ARTIFACT = 7
    METRIC_POINT = 8
    SERVE = 9
    # Who may ask, and where: no records, but changing them leaves events, too.
    PRINCIPAL = 20
    TOKEN = 21
    GRANT = 22
    PROJECT = 23

    @property
    def sequence(self) -> IdSequence:
        """Kinds of one sequence also share one space of external ids."""
        return _SEQUENCES.get(self, IdSequence.RESOURCE)

    @property
    def label(self) -> str:
        return _LABELS[self]


_SEQUENCES = {
    Kind.ARTIFACT: IdSequence.ARTIFACT,
    Kind.METRIC_POINT: IdSequence.ARTIFACT,
    Kind.SERVE: IdSequence.SERVE,
    Kind.PRINCIPAL: IdSequence.ACCESS,
    Kind.TOKEN: IdSequence.ACCESS,
    Kind.GRANT: IdSequence.ACCESS,
    Kind.PROJECT: IdSequence.ACCESS,
}
_LABELS = {
    Kind.MODEL: "model",
    Kind.VERSION: "model version",
    Kind.EXPERIMENT: "experiment",
    Kind.RUN: "run",
    Kind.ENVIRONMENT: "environment",
    Kind.SERVICE: "inference service",
    Kind.ARTIFACT: "artifact",
    Kind.METRIC_POINT: "metric point",
    Kind.SERVE: "serve record",
    Kind.PRINCIPAL: "account",
    Kind.TOKEN: "token",
    Kind.GRANT: "grant",
    Kind.PROJECT: "project",
}
