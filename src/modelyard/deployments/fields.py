"""What environments, inference services and serve records can be filtered by."""

from modelyard.search.fields import COMMON_INTEGER, COMMON_TEXT, fields

ENVIRONMENT_FIELDS = fields(text=COMMON_TEXT, integer=COMMON_INTEGER)
SERVICE_FIELDS = fields(
    text=(*COMMON_TEXT, "runtime", "desired_state", "cpu", "memory", "message"),
    integer=(*COMMON_INTEGER, "environment_id", "model_id", "version_id", "replicas", "gpu"),
)
SERVE_FIELDS = fields(text=(*COMMON_TEXT, "last_known_state"), integer=(*COMMON_INTEGER, "service_id", "version_id"), link=("model_id",))
