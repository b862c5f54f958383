"""The filters whose cost is published: one of each sort, over what `perf.bulk` fills a registry with."""

from collections.abc import Mapping

from perf import requests as r
from perf.bulk import Filled

PAGE = 20
MODELS = "/registered_models"
_OF_MODELS = {
    "selective number": "accuracy > 0.9999",
    "common number": "accuracy > 0.5",
    "two properties": "accuracy > 0.95 AND framework = 'onnx'",
    "selective and common": "accuracy > 0.9995 AND framework = 'onnx'",
    "rare team, high accuracy": "team = 'team-7' AND accuracy > 0.99",
    "between two near bounds": "accuracy BETWEEN 0.5 AND 0.5005",
    "absent text": "framework = 'nothing'",
    "empty: two texts at once": "framework = 'onnx' AND framework = 'sklearn'",
    "empty: two ranges apart": "accuracy > 0.5 AND accuracy < 0.4",
    "empty: a contradiction": "accuracy > 0.5 AND NOT accuracy > 0.4",
    "external id": "externalId = 'ext-5'",
    "LIKE, prefix of names": "name LIKE 'model-00012%'",
    "LIKE, common prefix, and a number": "name LIKE 'model-%' AND accuracy > 0.9999",
    "LIKE, middle of names": "name LIKE '%7777%'",
    "LIKE, no description has it": "description LIKE '%never%'",
    "LIKE, prefix of a property, and a number": "team LIKE 'team-1%' AND epochs = 5",
    "ILIKE, no prefix": "name ILIKE '%ODEL-00077%'",
    "ILIKE beyond ASCII, and a number": "owner ILIKE 'ç%' AND accuracy > 0.999",
    "IN, a property": "team IN ('team-3', 'team-4')",
    "IN, names": "name IN ('model-0000005', 'model-0000777', 'nobody')",
    "OR, both common": "framework = 'onnx' OR team = 'team-3'",
    "OR, both selective": "accuracy > 0.9999 OR accuracy < 0.0001",
    "NOT twice": "NOT framework = 'onnx' AND NOT accuracy < 0.99",
    "list field, and a number": "language = 'sw' AND accuracy > 0.995",
    "seven conditions": "(team = 'team-7' OR team = 'team-8') AND framework != 'onnx' AND epochs < 20 AND gpu = true "
    "AND NOT (accuracy < 0.98 OR name LIKE '%9')",
}


def published(filled: Filled) -> Mapping[str, bytes]:
    """Requests by what is asked. The models are asked for once in order of ids and once, less kindly, in order of creation."""
    asked = {f"models: {name}": r.get(MODELS, filterQuery=filter_, pageSize=PAGE) for name, filter_ in _OF_MODELS.items()}
    by_time = {
        f"models by time: {name}": r.get(MODELS, filterQuery=filter_, pageSize=PAGE, orderBy="CREATE_TIME", sortOrder="DESC")
        for name, filter_ in _OF_MODELS.items()
    }
    return {**asked, **by_time, **_of_children(filled)}


def _of_children(filled: Filled) -> Mapping[str, bytes]:
    crowded, lonely = (f"{MODELS}/{model}/versions" for model in (filled.crowded_model, filled.lonely_model))
    artifacts = f"/model_versions/{filled.crowded_version}/artifacts"
    history = f"/experiment_runs/{filled.crowded_run}/metric_history"
    asked = {
        "versions of a crowded model: LIKE": (crowded, "name LIKE 'v%1'"),
        "versions of a crowded model: none match": (crowded, "author = 'bob'"),
        "versions of a lonely model": (lonely, "author = 'ann'"),
        "artifacts of a crowded version: LIKE": (artifacts, "uri LIKE '%99'"),
        "artifacts: one of all": ("/artifacts", "uri = 's3://bucket/77'"),
        "metric history of a crowded run": (history + "?name=loss", "value > 100"),
    }
    return {name: _get(path, filter_) for name, (path, filter_) in asked.items()}


def _get(path: str, filter_: str) -> bytes:
    path, _, query = path.partition("?")
    more = dict([query.split("=")]) if query else {}
    return r.get(path, filterQuery=filter_, pageSize=PAGE, **more)
