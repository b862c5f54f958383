"""A registry over HTTP, as a test sees it: requests as they are, and one line for each thing a test needs to exist."""

import http.client
import itertools
import json
import secrets
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest

Json = dict[str, Any]

V1ALPHA3 = "/api/model_registry/v1alpha3"
V1 = "/api/model_registry/v1"
REASONS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    412: "Precondition Failed",
    422: "Bad Request",
}
"""What an error body's `code` says for a status."""

on_every_database = pytest.mark.parametrize(
    "registry",
    [
        pytest.param("sqlite", id="sqlite"),
        pytest.param("postgresql", id="postgresql", marks=pytest.mark.servers),
        pytest.param("mysql", id="mariadb", marks=pytest.mark.servers),
    ],
    indirect=True,
)
"""For modules whose rules a database could break: `pytestmark = on_every_database`. Other modules run on SQLite alone."""

on_pairs_too = pytest.mark.parametrize(
    "registry",
    [
        *on_every_database.args[1],
        pytest.param("sqlite_pair", id="sqlite-pair"),
        pytest.param("postgresql_pair", id="postgresql-pair", marks=pytest.mark.servers),
        pytest.param("mysql_pair", id="mariadb-pair", marks=pytest.mark.servers),
    ],
    indirect=True,
)
"""For modules whose rules two servers on one database could break as well. `pytest --pairs` runs every module on them."""

_RUN = secrets.token_hex(3)
_NUMBERS = itertools.count(1)


def unique(stem: str = "x") -> str:
    """A text that nothing else in this test run has."""
    return f"{stem}-{_RUN}-{next(_NUMBERS)}"


def string(value: str) -> Json:
    return {"metadataType": "MetadataStringValue", "string_value": value}


def integer(value: int) -> Json:
    return {"metadataType": "MetadataIntValue", "int_value": str(value)}


def double(value: float) -> Json:
    return {"metadataType": "MetadataDoubleValue", "double_value": value}


TRUE: Json = {"metadataType": "MetadataBoolValue", "bool_value": True}
FALSE: Json = {"metadataType": "MetadataBoolValue", "bool_value": False}


def refused(response: httpx.Response, status: int, message: str = "") -> str:
    """Assert a JSON error of this status whose message contains this text; returns the whole message."""
    assert response.status_code == status, f"{response.status_code} {response.text[:500]}"
    assert response.headers["content-type"] == "application/json; charset=UTF-8"
    body = response.json()
    assert body.keys() == {"code", "message"}
    assert body["code"] == REASONS[status]
    assert isinstance(body["message"], str)
    assert message in body["message"]
    said: str = body["message"]
    return said


def accepted(response: httpx.Response, status: int) -> Json:
    """Assert a success of exactly this status; returns the body."""
    assert response.status_code == status, f"{response.status_code} {response.text[:500]}"
    body: Json = response.json()
    return body


class RawAnswer(msgspec.Struct, frozen=True):
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def lines(self, name: str) -> list[str]:
        """The values of every header line of this name, in order."""
        return [value for key, value in self.headers if key.lower() == name]


class Registry:
    """One dialect prefix of one server, or of several on one database that get the requests in turn.

    Paths are relative to the prefix (`/registered_models`). The methods named after things create one with a unique name unless
    given one, assert that it was created, and return what the server answered; keyword arguments are further body fields.
    """

    def __init__(self, http_client: httpx.Client, base_url: str | Iterator[str], prefix: str = V1ALPHA3) -> None:
        self.http = http_client
        self._base_urls = itertools.repeat(base_url) if isinstance(base_url, str) else base_url
        self.prefix = prefix

    @property
    def base_url(self) -> str:
        """Of several servers, the next one's."""
        return next(self._base_urls)

    def under(self, prefix: str) -> "Registry":
        """The same, spoken to under another prefix."""
        return Registry(self.http, self._base_urls, prefix)

    # ---------------------------------------------------------------------------------------------------- requests
    def get(self, path: str, /, **query: str) -> httpx.Response:
        return self.http.get(self._url(path), params=query or None)

    def get_with(self, headers: Mapping[str, str], path: str, /, **query: str) -> httpx.Response:
        return self.http.get(self._url(path), params=query or None, headers=headers)

    def post(
        self, path: str, body: object = None, *, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Send `content` as it is, or else `body` as JSON."""
        return self._send("POST", path, body, content, headers)

    def patch(
        self, path: str, body: object = None, *, content: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        return self._send("PATCH", path, body, content, headers)

    def raw(self, method: str, target: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> RawAnswer:
        """Send this very path and query, unescaped and unrepaired; `target` is relative to the prefix."""
        connection = http.client.HTTPConnection(urlsplit(self.base_url).netloc, timeout=30)
        try:
            connection.request(method, self.prefix + target, body, dict(headers or {}))
            answer = connection.getresponse()
            return RawAnswer(answer.status, answer.getheaders(), answer.read())
        finally:
            connection.close()

    def items(self, path: str, **query: str) -> list[Json]:
        """The items of a list that must answer 200 in the shape every list has."""
        page = accepted(self.get(path, **query), 200)
        assert page.keys() == {"items", "nextPageToken", "pageSize", "size"}
        assert page["size"] == len(page["items"])
        items: list[Json] = page["items"]
        return items

    def names(self, path: str, **query: str) -> list[str]:
        return [item["name"] for item in self.items(path, **query)]

    def ids(self, path: str, **query: str) -> list[str]:
        return [item["id"] for item in self.items(path, **query)]

    def pages(self, path: str, **query: str) -> Iterator[list[Json]]:
        """Follow the tokens from the first page to the last."""
        token = ""
        while True:
            page = accepted(self.get(path, **query, **({"nextPageToken": token} if token else {})), 200)
            yield page["items"]
            token = page["nextPageToken"]
            if not token:
                return

    # ------------------------------------------------------------------------------------------------------ things
    def model(self, **fields: object) -> Json:
        return self.created("/registered_models", {"name": unique("model"), **fields})

    def version(self, model: Json | None = None, **fields: object) -> Json:
        parent = (model or self.model())["id"]
        return self.created("/model_versions", {"name": unique("version"), "registeredModelId": parent, **fields})

    def experiment(self, **fields: object) -> Json:
        return self.created("/experiments", {"name": unique("experiment"), **fields})

    def run(self, experiment: Json | None = None, **fields: object) -> Json:
        parent = (experiment or self.experiment())["id"]
        return self.created("/experiment_runs", {"name": unique("run"), "experimentId": parent, **fields})

    def environment(self, **fields: object) -> Json:
        return self.created("/serving_environments", {"name": unique("environment"), **fields})

    def service(self, environment: Json | None = None, model: Json | None = None, **fields: object) -> Json:
        parents = {"servingEnvironmentId": (environment or self.environment())["id"], "registeredModelId": (model or self.model())["id"]}
        return self.created("/inference_services", {"name": unique("service"), **parents, **fields})

    def serve_model(self, service: Json | None = None, version: Json | None = None, **fields: object) -> Json:
        parent = (service or self.service())["id"]
        body = {"name": unique("serve"), "modelVersionId": (version or self.version())["id"], **fields}
        return self.created(f"/inference_services/{parent}/serves", body)

    def artifact(self, artifact_type: str, under: str = "", /, **fields: object) -> Json:
        """A new artifact; `under` is the parent's path (`/model_versions/7`), or nothing for a free-standing one."""
        body = {"artifactType": artifact_type, "name": unique(artifact_type), **fields}
        if artifact_type == "metric":
            body = {"value": 0.5, **body}
        return self.created(f"{under}/artifacts", body)

    def created(self, path: str, body: Json) -> Json:
        return accepted(self.post(path, body), 201)

    def _url(self, path: str) -> str:
        return self.base_url + self.prefix + path

    def _send(self, method: str, path: str, body: object, content: bytes | None, headers: Mapping[str, str] | None) -> httpx.Response:
        sent = json.dumps(body).encode() if content is None else content
        return self.http.request(method, self._url(path), content=sent, headers={"Content-Type": "application/json", **(headers or {})})
