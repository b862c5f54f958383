"""The tables of environments, inference services and serve records."""

from sqlalchemy import Index, select

from modelyard.records.table import record_table
from modelyard.store import columns as c

ENVIRONMENT = record_table("environment")
INFERENCE_SERVICE = record_table(
    "inference_service",
    c.reference("environment_id", "environment.id"),
    # Not foreign keys: a service may name a model that this registry does not have (its serving system knows it by that id).
    c.whole("model_id"),
    c.whole("version_id", nullable=True),
    c.long("runtime"),
    c.short("desired_state"),
    c.whole("replicas", nullable=True),
    c.short("cpu"),
    c.short("memory"),
    c.whole("gpu", nullable=True),
    c.long("message"),
    Index("ix_inference_service_environment", "environment_id", "id"),
    Index("ix_inference_service_model", "model_id", "id"),
    scope=("environment_id",),
)
SERVE_RECORD = record_table(
    "serve_record",
    c.reference("service_id", "inference_service.id"),
    c.reference("version_id", "model_version.id"),
    c.short("last_known_state"),
    Index("ix_serve_record_service", "service_id", "id"),
    Index("ix_serve_record_version", "version_id", "id"),
    scope=("service_id",),
)
MODEL_SERVE = (
    select(INFERENCE_SERVICE.c.model_id, SERVE_RECORD.c.id)
    .where(INFERENCE_SERVICE.c.id == SERVE_RECORD.c.service_id)
    .subquery("model_serve")
)
"""Which serve records are of services of a model: read like a link table."""
