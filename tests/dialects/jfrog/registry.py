"""A registry over HTTP as JFrog ML's clients see it, and the same one as Kubeflow's do."""

from collections.abc import Mapping
from pathlib import Path

import httpx

from tests.dialects.registry import Json, Registry, accepted, unique

PREFIX = "/ml/api/v1"
CONTRACT = Path(__file__).parents[4] / "shared" / "contracts" / "jfrog-ml-v1.yaml"
"""What JFrog publishes. It is not part of this repository."""


class Jfrog:
    """Paths are relative to `/ml/api/v1`. The methods named after things create one, with a unique name unless given one, assert that
    it was created, and return what the server answered; keyword arguments are further body fields.
    """

    def __init__(self, registry: Registry) -> None:
        self.kubeflow = registry
        self._there = registry.under(PREFIX)

    # ---------------------------------------------------------------------------------------------------- requests
    def get(self, path: str, /, **query: object) -> httpx.Response:
        return self._there.get(path, **{name: str(value) for name, value in query.items()})

    def post(
        self, path: str, body: object = None, *, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        return self._there.post(path, body, content=content, headers=headers)

    def put(self, path: str, body: object, *, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self._there.http.put(self._url(path), json=body, headers=headers)

    def patch(self, path: str, body: object, *, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self._there.patch(path, body, headers=headers)

    def delete(self, path: str, *, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self._there.http.delete(self._url(path), headers=headers)

    def read(self, path: str, /, **query: object) -> Json:
        return accepted(self.get(path, **query), 200)

    def gone(self, path: str) -> None:
        """Delete it, as must be possible."""
        answer = self.delete(path)
        assert (answer.status_code, answer.content) == (204, b"")

    # ------------------------------------------------------------------------------------------------------ things
    def model(self, **fields: object) -> Json:
        return self.created("/models", {"name": unique("model"), **fields})

    def version(self, model: Json | None = None, **fields: object) -> Json:
        parent = (model or self.model())["id"]
        return self.created(f"/models/{parent}/versions", {"version": unique("version"), **fields})

    def experiment(self, **fields: object) -> Json:
        return self.created("/experiments", {"name": unique("experiment"), **fields})

    def deployment(self, version: Json | None = None, **fields: object) -> Json:
        served = version or self.version()
        parts = {"model_id": served["model_id"], "model_version_id": served["id"]}
        return self.created("/deployments", {"name": unique("deployment"), **parts, **fields})

    def created(self, path: str, body: Json) -> Json:
        return accepted(self.post(path, body), 201)

    def _url(self, path: str) -> str:
        return self._there.base_url + PREFIX + path


def of_version(version: Json) -> str:
    """Its path."""
    return f"/models/{version['model_id']}/versions/{version['id']}"


def refused(response: httpx.Response, status: int, *fields: str) -> Json:
    """Assert a problem of this status that blames exactly these fields; returns it."""
    assert response.status_code == status, f"{response.status_code} {response.text[:500]}"
    assert response.headers["content-type"] == "application/problem+json"
    problem: Json = response.json()
    assert problem.keys() - {"errors"} == {"type", "title", "status", "detail", "instance"}
    assert (problem["status"], problem["instance"]) == (status, response.headers["x-request-id"])
    assert [error["field"] for error in problem.get("errors", [])] == list(fields)
    return problem
