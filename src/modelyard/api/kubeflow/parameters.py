"""Query and path parameters, as the document shows them."""

from collections.abc import Mapping
from typing import Any

from modelyard.api.http.operation import Parameter, Place

_ID = {"type": "string", "format": "int64", "pattern": "^[1-9][0-9]{0,8}$"}
_PRINTABLE = {"type": "string", "pattern": r"^[\x20-\x7E]+$"}


def _query(name: str, schema: Mapping[str, Any], description: str) -> Parameter:
    return Parameter(name, Place.QUERY, schema, description)


def path(name: str) -> Parameter:
    return Parameter(name, Place.PATH, _ID, "The registry's id.", required=True)


NAME = _query("name", _PRINTABLE, "The exact name to look for.")
EXTERNAL_ID = _query("externalId", _PRINTABLE, "The exact external id to look for; `name` wins where both are given.")
PARENT_ID = _query("parentResourceId", _ID, "The id of the parent that the name is looked for in.")
ARTIFACT_TYPE = _query("artifactType", {"$ref": "#/components/schemas/ArtifactTypeQueryParam"}, "Only artifacts of this type.")
STEP_IDS = _query(
    "stepIds", {"type": "string", "pattern": "^[0-9]{1,9}(,[0-9]{1,9})*$"}, "Only points of these steps, with commas between."
)
IF_MATCH = Parameter("If-Match", Place.HEADER, {"type": "string"}, "Change it only if this is still its ETag.")

PAGE = (
    _query("pageSize", {"type": "string", "format": "int32", "pattern": "^[1-9][0-9]{0,8}$"}, "How many to show; all of them by default."),
    _query("orderBy", {"$ref": "#/components/schemas/OrderByField"}, "What to sort by; the id by default."),
    _query("sortOrder", {"$ref": "#/components/schemas/SortOrder"}, "The direction; ascending by default."),
    _query("nextPageToken", {"type": "string"}, "The `nextPageToken` of the page before; the first page without."),
)
FILTER = _query(
    "filterQuery",
    {"type": "string", "pattern": r"^[\x20-\x7E]*$"},
    "Only what satisfies this condition, such as `accuracy > 0.9 AND framework = 'onnx'`. See the guide to the filter language.",
)
LIST = (FILTER, *PAGE)
CHILDREN = (FILTER, NAME, EXTERNAL_ID, *PAGE)
