"""What experiments, runs and metric points can be filtered by."""

from modelyard.search.fields import COMMON_INTEGER, COMMON_TEXT, fields

EXPERIMENT_FIELDS = fields(text=(*COMMON_TEXT, "owner", "state"), integer=COMMON_INTEGER)
RUN_FIELDS = fields(
    text=(*COMMON_TEXT, "owner", "state", "status"),
    integer=(*COMMON_INTEGER, "experiment_id", "started_at", "ended_at", "model_id"),
)
POINT_FIELDS = fields(
    text=(*COMMON_TEXT, "state", "timestamp"),
    integer=(*COMMON_INTEGER, "experiment_id", "run_id", "step", "recorded_at"),
    number=("value",),
)
