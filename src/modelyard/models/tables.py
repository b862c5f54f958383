"""The tables of models and versions."""

from sqlalchemy import Index

from modelyard.records.table import record_table
from modelyard.store import columns as c

# `versions` is how many the model has that are not in the trash, and `latest` the name of the one that was created last of those not
# archived; of a model in the trash, of those that went there with it.
MODEL = record_table(
    "model",
    c.long("owner"),
    c.short("state"),
    c.long("readme"),
    c.long("maturity"),
    c.long("provider"),
    c.long("logo"),
    c.long("license"),
    c.long("license_link"),
    c.long("library_name"),
    c.long("language"),
    c.long("tasks"),
    c.whole("versions", default="0"),
    c.short("latest"),
)
MODEL_VERSION = record_table(
    "model_version",
    c.reference("model_id", "model.id"),
    c.long("author"),
    c.short("state"),
    Index("ix_model_version_model", "model_id", "id"),
    scope=("model_id",),
)
