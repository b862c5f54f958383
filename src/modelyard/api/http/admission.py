"""How many requests are worked on at a time. One more is refused at once: a queue would only make all of them late."""

from types import TracebackType

from modelyard.errors import Unavailable

CROWDED = "modelyard.crowded"
"""A key of the ASGI scope: the request came on a connection too many, so it is turned away (see `connections`)."""


class Admission:
    """A context manager around the work on one request, once its body is there: waiting for a slow client takes no place.

    Entering raises `Unavailable` when `most` requests are being worked on.
    """

    __slots__ = ("_most", "running")

    def __init__(self, most: int) -> None:
        self._most = most
        self.running = 0

    def __enter__(self) -> None:
        if self.running >= self._most:
            raise Unavailable(
                f"the server is at work on {self._most} requests, the most that it takes at a time (max_concurrent_requests); try again",
                retry_after=1,
            )
        self.running += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.running -= 1


def too_many_connections() -> Unavailable:
    return Unavailable("the server has as many connections as it takes (max_connections); try again", retry_after=1)
