"""What our server promises for each step of a recorded walk, given what the original answered.

A recording (`../shared/data/kubeflow_walk_*.jsonl.gz`) holds requests and the original's answers, with ids as symbols. Where the original
has a quirk, its answer is not ours; and a quirk that changed something stored shows again in later answers. `Promises` turns each recorded
answer into ours by named rules, one a quirk, and carries the stored consequences along entity by entity and field by field. What it
returns is compared exactly: an answer that no rule explains is a difference.

The rules' names are the anchors of the sections in `docs/reference/kubeflow-differences.md`.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

Json = dict[str, Any]

CREATED_IS_201 = "created-is-201"
LINKS_ARE_NO_PROPERTIES = "links-are-no-properties"
PATCH_KEEPS_STATES = "patch-keeps-states"
LINKS_SURVIVE_A_PATCH = "links-survive-a-patch"
PROPERTIES_SURVIVE_AN_UPSERT = "properties-survive-an-upsert"
DATA_SETS_HAVE_NAMES = "data-sets-have-names"
ENVIRONMENT_FROM_THE_PATH = "environment-from-the-path"
DANGLING_MODEL_IS_404 = "dangling-model-is-404"
RULES = (
    CREATED_IS_201,
    LINKS_ARE_NO_PROPERTIES,
    PATCH_KEEPS_STATES,
    LINKS_SURVIVE_A_PATCH,
    PROPERTIES_SURVIVE_AN_UPSERT,
    DATA_SETS_HAVE_NAMES,
    ENVIRONMENT_FROM_THE_PATH,
    DANGLING_MODEL_IS_404,
)

LINKS = ("experimentId", "experimentRunId")
HIDDEN = {"experiment_id", "experiment_run_id"}
DEFAULTED = {
    "registered_models": ("state",),
    "model_versions": ("state",),
    "experiments": ("state",),
    "experiment_runs": ("state", "status"),
    "inference_services": ("desiredState",),
    "model_artifacts": ("state",),
}
"""Fields that the original's PATCH resets when they are left out, by collection."""
_NESTED_SERVICE = re.compile(r"/serving_environments/<\w+>/inference_services")
_UPSERT = re.compile(r"/(model_versions|experiment_runs)/<(\w+)>/artifacts")
_GONE = "<gone>"


class Promise(msgspec.Struct):
    """Our answer to one step. `rules` explain where it differs from the recorded one."""

    status: int
    body: Any
    rules: set[str]
    unsure: set[str]
    """Entities (symbols) whose place in this list a rule leaves open: stored properties differ and the list is filtered by them."""
    extra: set[str]
    """Names of entities that only our server has."""
    unordered: bool
    """Rows of one time come in any order in the original."""


class Promises:
    def __init__(self) -> None:
        self._known: dict[str, Json] = {}
        """What our server last promised to say of each entity, by its symbol."""
        self._differs: dict[str, dict[str, tuple[Any, str]]] = {}
        """Stored fields that differ from the original's: symbol, field, our value and the rule."""
        self._named: set[tuple[str, str, str]] = set()
        """Artifacts that have a name in a parent: parent's path, type, name."""
        self._lost: set[str] = set()
        """Symbols that only the original has."""
        self._extra: set[str] = set()

    def of(self, step: Json, status: int, body: Any) -> Promise:
        promise = Promise(status, body, set(), set(), set(self._extra), bool(step.get("unordered")))
        if self._mentions_lost(step):
            promise.rules.add(DATA_SETS_HAVE_NAMES)
            promise.status, promise.body = (200, body) if "items" in str(body) else (404, {"code": "Not Found"})
            return promise
        if step["m"] == "POST":
            self._post(step, promise)
        elif step["m"] == "PATCH":
            self._patch(step, promise)
        elif status == 500 and step["p"].endswith("/model"):
            promise.rules.add(DANGLING_MODEL_IS_404)
            promise.status, promise.body = 404, {"code": "Not Found"}
        promise.body = self._told(promise.body, promise)
        if "filterQuery" in step.get("q", {}):
            promise.unsure = {symbol for symbol, fields in self._differs.items() if "customProperties" in fields}
        return promise

    # ---------------------------------------------------------------------------------------------------------- writes
    def _post(self, step: Json, promise: Promise) -> None:
        sent = step.get("b")
        upsert = _UPSERT.fullmatch(step["p"])
        if (
            promise.status == 422
            and _NESTED_SERVICE.fullmatch(step["p"])
            and isinstance(sent, dict)
            and not sent.get("servingEnvironmentId")
        ):
            promise.rules.add(ENVIRONMENT_FROM_THE_PATH)
            promise.status, promise.body = 201, None
            self._extra.add(sent.get("name", ""))
        elif upsert and promise.status in {200, 201} and isinstance(sent, dict):
            self._upsert(step["p"], upsert[1], sent, promise)

    def _upsert(self, path: str, collection: str, sent: Json, promise: Promise) -> None:
        key = (path, sent["artifactType"], promise.body["name"])
        new = sent["artifactType"] in {"model-artifact", "doc-artifact"} or key not in self._named or key[2] == "<uuid>"
        if not new and sent["artifactType"] == "dataset-artifact":
            promise.rules.add(DATA_SETS_HAVE_NAMES)
            self._lost.add(promise.body["id"])
            promise.status, promise.body = 409, {"code": "Conflict"}
            return
        self._named.add(key)
        if new and promise.status == 200:
            promise.rules.add(CREATED_IS_201)
            promise.status = 201
        properties = promise.body["customProperties"]
        if HIDDEN & properties.keys():
            promise.rules.add(LINKS_ARE_NO_PROPERTIES)
            shown = {name: value for name, value in properties.items() if name not in HIDDEN}
            promise.body = promise.body | {"customProperties": shown}
        self._written(promise.body["id"], sent)
        if not new and collection == "experiment_runs" and sent.get("customProperties") is None:
            self._keep(promise, "customProperties", PROPERTIES_SURVIVE_AN_UPSERT)

    def _patch(self, step: Json, promise: Promise) -> None:
        if promise.status != 200:
            return
        sent = step.get("b") or {}
        collection = step["p"].split("/")[1]
        symbol = promise.body["id"]
        self._written(symbol, sent)
        for field in DEFAULTED.get(collection, ()):
            if field not in sent:
                self._keep(promise, field, PATCH_KEEPS_STATES)
        if collection in {"artifacts", "model_artifacts"}:
            for field in LINKS:
                self._keep(promise, field, LINKS_SURVIVE_A_PATCH)

    def _written(self, symbol: str, sent: Json) -> None:
        """Both servers now store what was sent."""
        for field, value in sent.items():
            if value is not None:
                self._differs.get(symbol, {}).pop(field, None)

    def _keep(self, promise: Promise, field: str, rule: str) -> None:
        """Our server leaves the field of the entity in this answer as it was."""
        symbol = promise.body["id"]
        before = self._known.get(symbol, {}).get(field, _GONE)
        if before != promise.body.get(field, _GONE):
            self._differs.setdefault(symbol, {})[field] = (before, rule)

    # ---------------------------------------------------------------------------------------------------------- answers
    def _told(self, body: Any, promise: Promise) -> Any:
        """The recorded answer with our values of what differs, and without what our server does not have."""
        if isinstance(body, dict) and "items" in body:
            items = [self._told(item, promise) for item in body["items"] if item["id"] not in self._lost]
            if len(items) < len(body["items"]):
                promise.rules.add(DATA_SETS_HAVE_NAMES)
            return body | {"items": items}
        if isinstance(body, dict) and "ids" in body:
            return body | {"ids": [symbol for symbol in body["ids"] if symbol not in self._lost]}
        if isinstance(body, dict) and "id" in body and body["id"] not in {"<?>", "<hist>"}:
            told = dict(body)
            for field, (value, rule) in self._differs.get(body["id"], {}).items():
                promise.rules.add(rule)
                if value == _GONE:
                    told.pop(field, None)
                else:
                    told[field] = value
            self._known[body["id"]] = told
            return told
        return body

    def _mentions_lost(self, step: Json) -> bool:
        return any(symbol in text for symbol in self._lost for text in _texts([step["p"], step.get("b"), step.get("q")]))


def agree(promise: Promise, status: int, body: Any) -> bool:
    """Whether our server answered as promised: status, error code and body exactly, error messages in their gist."""
    if status != promise.status:
        return False
    if promise.body is None:
        return True
    return bool(_comparable(body, promise) == _comparable(promise.body, promise))


def gist(message: str) -> tuple[str, str]:
    """A message up to its first value, and its last word: what a client may rely on."""
    return re.split(r" with name |[:\"'(<{0-9]", message)[0].strip(), message.rpartition(": ")[2] if message.endswith(_SENTINELS) else ""


_SENTINELS = (": bad request", ": not found", ": conflict")


def _comparable(body: Any, promise: Promise) -> Any:
    if isinstance(body, dict) and "code" in body:
        return {"code": body["code"]}
    if isinstance(body, dict) and "items" in body:
        items = [item for item in body["items"] if item["id"] not in promise.unsure and item.get("name") not in promise.extra]
        if promise.unordered:
            items.sort(key=lambda item: json.dumps(item, sort_keys=True))
        paged = bool(promise.unsure or promise.extra) or DATA_SETS_HAVE_NAMES in promise.rules
        return {"items": items} if paged else body | {"items": items}
    if isinstance(body, dict) and "ids" in body:
        ids = [symbol for symbol in body["ids"] if symbol not in promise.unsure]
        return ids if promise.unsure or promise.extra else body
    return body


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
