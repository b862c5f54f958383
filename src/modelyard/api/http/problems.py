"""What dialects share of their errors: problem details (RFC 9457), and the headers that come with some."""

from modelyard.api.http.message import CHALLENGE, Header
from modelyard.errors import ModelyardError, TooMany, Unauthenticated, Unavailable

PROBLEM = "application/problem+json"


def headers_of(error: ModelyardError) -> tuple[Header, ...]:
    """When to come again, or how to say who is asking."""
    if isinstance(error, Unavailable | TooMany):
        return ((b"retry-after", str(error.details.get("retry_after") or 1).encode()),)
    return (CHALLENGE,) if isinstance(error, Unauthenticated) else ()
