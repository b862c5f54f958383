"""Where environments, inference services and serve records are kept."""

from modelyard.deployments.entities import Environment, InferenceService, ServeRecord
from modelyard.deployments.fields import ENVIRONMENT_FIELDS, SERVE_FIELDS, SERVICE_FIELDS
from modelyard.deployments.tables import ENVIRONMENT, INFERENCE_SERVICE, MODEL_SERVE, SERVE_RECORD
from modelyard.records.kinds import Kind
from modelyard.records.sql import SqlRecords


def environments() -> SqlRecords[Environment]:
    return SqlRecords(Kind.ENVIRONMENT, Environment, ENVIRONMENT, ENVIRONMENT_FIELDS)


def services() -> SqlRecords[InferenceService]:
    return SqlRecords(Kind.SERVICE, InferenceService, INFERENCE_SERVICE, SERVICE_FIELDS)


def serve_records() -> SqlRecords[ServeRecord]:
    return SqlRecords(Kind.SERVE, ServeRecord, SERVE_RECORD, SERVE_FIELDS, links={"model_id": MODEL_SERVE})
