"""A connection to a server's own API, `/api/v1`: JSON in, JSON out."""

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import httpx

API = "/api/v1"
SECONDS = 30.0


class CannotReach(Exception):
    """No server answered, or something that is none of ours did."""


class Refused(Exception):
    """The server answered, and said no: `status` is HTTP's, `message` what it says."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Connection:
    """`url` is the server's, a path prefix and `/p/{project}` included. Prove who you are by a token, or by a name and a password.

    Every method raises `CannotReach` and `Refused`. `path` is below `/api/v1`, and its parts are quoted already.
    """

    def __init__(self, url: str, *, token: str | None = None, password: tuple[str, str] | None = None) -> None:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        auth = None if password is None else httpx.BasicAuth(*password)
        # Redirects are not followed: where to, nobody knows, and the token would go along.
        self._http = httpx.Client(base_url=url.rstrip("/") + API, headers=headers, auth=auth, timeout=SECONDS)
        self._url = url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.close()

    def get(self, path: str, **query: str | int | None) -> Any:
        return self._call("GET", path, params={name: value for name, value in query.items() if value is not None})

    def every(self, path: str, items: str, **query: str | int | None) -> Iterator[Any]:
        """Each thing of a list, page after page; `items` is the field that has them."""
        after: str | None = None
        while True:
            page = self.get(path, after=after, **query)
            yield from page[items]
            after = page["next"]
            if after is None:
                return

    def post(self, path: str, body: Any) -> Any:
        return self._call("POST", path, json=body)

    def patch(self, path: str, body: Any) -> Any:
        return self._call("PATCH", path, json=body)

    def delete(self, path: str) -> None:
        self._call("DELETE", path)

    def _call(self, method: str, path: str, **request: Any) -> Any:
        try:
            answer = self._http.request(method, path, **request)
        except httpx.HTTPError as error:
            raise CannotReach(f"no server answers at {self._url}: {error}") from error
        if answer.is_success:
            return self._json(answer) if answer.content else None
        raise Refused(answer.status_code, self._reason(answer))

    def _json(self, answer: httpx.Response) -> Any:
        try:
            return answer.json()
        except ValueError as error:
            raise CannotReach(f"what answers at {self._url} is no Modelyard server: it does not send JSON") from error

    @staticmethod
    def _reason(answer: httpx.Response) -> str:
        """What a problem document tells, or what else the answer says."""
        try:
            told = answer.json()
        except ValueError:
            told = None
        if isinstance(told, dict) and isinstance(told.get("detail"), str):
            return str(told["detail"])
        said = f"{answer.request.url} answers {answer.status_code} {answer.reason_phrase}: {answer.text[:200].strip()}"
        return f"{said}; is the server's own URL right, without `{API}`?" if answer.status_code == 404 else said
