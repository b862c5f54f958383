"""An HTTP client that many threads may use at once."""

import ssl

import httpx

_LIMITS = httpx.Limits(max_connections=1, keepalive_expiry=3)
"""What is idle for three seconds goes before the server ends it, which it does after five."""


class PoolPerRequest(httpx.BaseTransport):
    """Gives each request under way a connection pool to itself. Answers are read whole, so it is not for streams without an end.

    Of one pool that threads share, httpcore may close an idle connection that another thread is just beginning to use ("Bad file
    descriptor"): because there are too many of them, or because its time is up.
    """

    def __init__(self) -> None:
        self._idle: list[httpx.HTTPTransport] = []
        self._context = ssl.create_default_context()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            pool = self._idle.pop()
        except IndexError:
            pool = httpx.HTTPTransport(verify=self._context, limits=_LIMITS)
        try:
            response = pool.handle_request(request)
            response.read()
        finally:
            self._idle.append(pool)
        return response

    def close(self) -> None:
        for pool in self._idle:
            pool.close()
