"""How this dialect says no to a request before any service is asked."""


class BadRequest(Exception):
    """400. `message` is the whole text for the caller."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadId(BadRequest):
    """A 400 for an id that is no number."""


class LateBadRequest(BadRequest):
    """A 400 that the original finds only after it looked up the record or the parent: where those do not exist, the 404 wins."""


class UnknownArtifactType(LateBadRequest):
    """`artifactType` is missing or none of the five. On a PATCH the text is another one: the type cannot be changed."""

    def __init__(self) -> None:
        super().__init__("invalid artifact type, must be either ModelArtifact, DocArtifact, DataSet, Metric, or Parameter: bad request")


class Unprocessable(Exception):
    """422: a required value is missing or empty. `field` is its name on the wire."""

    def __init__(self, field: str) -> None:
        self.message = f"required field '{field}' is zero value."
        super().__init__(self.message)
        self.field = field


class NothingFound(Exception):
    """404 of a search: nothing matches, or more than one thing does. Its text is the whole message."""
