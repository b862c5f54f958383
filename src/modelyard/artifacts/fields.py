"""What artifacts can be filtered by."""

from modelyard.search.fields import COMMON_INTEGER, COMMON_TEXT, fields

ARTIFACT_FIELDS = fields(
    text=(
        *COMMON_TEXT,
        "type",
        "state",
        "uri",
        "model_format_name",
        "model_format_version",
        "storage_key",
        "storage_path",
        "service_account_name",
        "model_source_kind",
        "model_source_class",
        "model_source_group",
        "model_source_id",
        "model_source_name",
        "digest",
        "source_type",
        "source",
        "schema",
        "profile",
        "timestamp",
        "text_value",
        "parameter_type",
    ),
    integer=(*COMMON_INTEGER, "experiment_id", "run_id", "step", "recorded_at"),
    number=("value",),
    # Of its parents: the models of versions, the experiments of runs.
    link=("parent_id", "model_id", "owner_experiment_id"),
)
