"""Remarks on a field for the OpenAPI document."""

from msgspec import Meta


def note(description: str, **schema: object) -> Meta:
    """Describe a field and add keywords to its schema, such as `format="int64"`.

    Only the document shows them. Constraints of msgspec itself (`pattern`, `min_length`) would refuse requests that the
    original accepts, so they have no place here.
    """
    return Meta(description=description or None, extra_json_schema=schema or None)
