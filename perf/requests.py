"""The requests, as the bytes that go over the wire."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any
from urllib.parse import urlencode

import msgspec

API = "/api/model_registry/v1alpha3"
FRAMEWORKS = ("onnx", "xgboost", "lightgbm", "pytorch", "sklearn")
TEAMS = 50
DESCRIPTION = "Predicts what somebody is about to do, from what they did before; retrained every night."


NATIVE = "/api/v1"
JFROG = "/ml/api/v1"


def get(path: str, *, api: str = API, **query: object) -> bytes:
    target = api + path + ("?" + urlencode(query) if query else "")
    return f"GET {target} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()


def post(path: str, body: Mapping[str, Any] | Sequence[Any], *, api: str = API) -> bytes:
    return _with_body("POST", api + path, body)


def patch(path: str, body: Mapping[str, Any]) -> bytes:
    return _with_body("PATCH", API + path, body)


def delete(path: str, *, api: str) -> bytes:
    return f"DELETE {api}{path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()


def _with_body(method: str, target: str, body: Mapping[str, Any] | Sequence[Any]) -> bytes:
    return _sent(method, target, "application/json", msgspec.json.encode(body))


def _sent(method: str, target: str, media_type: str, content: bytes) -> bytes:
    head = f"{method} {target} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: {media_type}\r\ncontent-length: {len(content)}\r\n\r\n"
    return head.encode() + content


def five_properties(random: Random) -> dict[str, Any]:
    """A float, an integer, a boolean and two texts; values are spread evenly."""
    return {
        "accuracy": {"metadataType": "MetadataDoubleValue", "double_value": random.random()},
        "epochs": {"metadataType": "MetadataIntValue", "int_value": str(random.randrange(1, 200))},
        "gpu": {"metadataType": "MetadataBoolValue", "bool_value": random.random() < 0.5},
        "framework": {"metadataType": "MetadataStringValue", "string_value": random.choice(FRAMEWORKS)},
        "team": {"metadataType": "MetadataStringValue", "string_value": f"team-{random.randrange(TEAMS)}"},
    }


def new_model(name: str, random: Random) -> bytes:
    body = {"name": name, "owner": "ann", "description": DESCRIPTION, "customProperties": five_properties(random)}
    return post("/registered_models", {**body, "tasks": ["classification"], "language": ["en"], "maturity": "beta"})


def new_jfrog_model(name: str, random: Random) -> bytes:
    """As much of the same as JFrog has words for: labels instead of properties."""
    tags = [f"team-{random.randrange(TEAMS)}", random.choice(FRAMEWORKS)]
    body = {"name": name, "description": DESCRIPTION, "framework": random.choice(FRAMEWORKS), "task_type": "classification", "tags": tags}
    return post("/models", body, api=JFROG)


def new_version(model_id: str, name: str, random: Random) -> bytes:
    body = {"name": name, "author": "ann", "registeredModelId": model_id, "customProperties": five_properties(random)}
    return post("/model_versions", body)


def metric(parent: str, name: str, value: float, **more: object) -> bytes:
    """`parent` is `/model_versions/7` or `/experiment_runs/7`."""
    return post(parent + "/artifacts", {"artifactType": "metric", "name": name, "value": value, **more})


def points(run: str, name: str, first: int, count: int, random: Random) -> bytes:
    """A batch of points of one metric, whose steps are counted from `first`."""
    lines = [
        {"name": name, "value": random.random(), "step": step, "timestamp": 1_700_000_000_000 + step}
        for step in range(first, first + count)
    ]
    return _sent("POST", f"{NATIVE}/runs/{run}/metrics", "application/x-ndjson", msgspec.json.Encoder().encode_lines(lines))
