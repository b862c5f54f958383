"""Where models and versions are kept."""

from modelyard.models.entities import Model, ModelVersion
from modelyard.models.fields import MODEL_FIELDS, VERSION_FIELDS
from modelyard.models.tables import MODEL, MODEL_VERSION
from modelyard.records.kinds import Kind
from modelyard.records.sql import SqlRecords


def models() -> SqlRecords[Model]:
    return SqlRecords(Kind.MODEL, Model, MODEL, MODEL_FIELDS)


def versions() -> SqlRecords[ModelVersion]:
    return SqlRecords(Kind.VERSION, ModelVersion, MODEL_VERSION, VERSION_FIELDS)
