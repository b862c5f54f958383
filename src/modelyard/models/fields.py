"""What models and versions can be filtered by."""

from modelyard.search.fields import COMMON_INTEGER, COMMON_TEXT, fields

MODEL_FIELDS = fields(
    text=(*COMMON_TEXT, "owner", "state", "readme", "maturity", "provider", "logo", "license", "license_link", "library_name"),
    integer=COMMON_INTEGER,
    text_list=("language", "tasks"),
)
VERSION_FIELDS = fields(text=(*COMMON_TEXT, "author", "state"), integer=(*COMMON_INTEGER, "model_id"))
