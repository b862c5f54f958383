"""Reference §6.3 and §6.1: what can be named in the filter of each list, and that every list has one."""

import pytest

from tests.dialects.registry import FALSE, TRUE, Registry, on_every_database, refused, string, unique

pytestmark = on_every_database


def models_found(registry: Registry, tag: str, query: str) -> list[str]:
    return registry.ids("/registered_models", filterQuery=f"tag = '{tag}' AND ({query})")


def test_every_public_field_of_a_model_resolves(registry: Registry) -> None:
    tag = unique("tag")
    texts = ["owner", "readme", "maturity", "provider", "logo", "license", "licenseLink", "libraryName", "description"]
    model = registry.model(**{field: f"the {field}" for field in texts}, tasks=["rank", "sort"], customProperties={"tag": string(tag)})
    registry.model(customProperties={"tag": string(tag)})
    for field in texts:
        assert models_found(registry, tag, f"{field} = 'the {field}'") == [model["id"]], field
    for internal in ("license_link = 'the licenseLink'", "library_name = 'the libraryName'"):
        assert models_found(registry, tag, internal) == []
    assert models_found(registry, tag, "tasks = 'rank'") == [model["id"]]


def test_fields_of_a_run(registry: Registry) -> None:
    experiment = registry.experiment()
    path = f"/experiments/{experiment['id']}/experiment_runs"
    late = registry.run(experiment, startTimeSinceEpoch="1000", endTimeSinceEpoch="2000", status="FINISHED", owner="me")["id"]
    early = registry.run(experiment, startTimeSinceEpoch="999")["id"]
    table: list[tuple[str, list[str]]] = [
        ("startTimeSinceEpoch > 999", [late]),
        ("startTimeSinceEpoch < 1000", [early]),
        ("startTimeSinceEpoch <= '999'", [early]),
        ("endTimeSinceEpoch = 2000", [late]),
        ("status = 'FINISHED'", [late]),
        ("status IN ('RUNNING', 'FINISHED') AND state = 'LIVE'", [late, early]),
        ("owner = 'me'", [late]),
        (f"experimentId = {experiment['id']}", [late, early]),
        (f"experimentId = '{experiment['id']}'", [late, early]),
    ]
    for query, ids in table:
        assert registry.ids(path, filterQuery=query) == ids, query


def test_fields_of_services_and_serve_records(registry: Registry) -> None:
    environment, model = registry.environment(), registry.model()
    version = registry.version(model)
    busy = registry.service(environment, model, runtime="ovms", modelVersionId=version["id"], desiredState="UNDEPLOYED")
    idle = registry.service(environment)
    path = f"/serving_environments/{environment['id']}/inference_services"
    table: list[tuple[str, list[str]]] = [
        ("runtime = 'ovms'", [busy["id"]]),
        ("desiredState = 'DEPLOYED'", [idle["id"]]),
        (f"registeredModelId = {model['id']}", [busy["id"]]),
        (f"modelVersionId = {version['id']}", [busy["id"]]),
        (f"servingEnvironmentId = {environment['id']}", [busy["id"], idle["id"]]),
    ]
    for query, ids in table:
        assert registry.ids(path, filterQuery=query) == ids, query
    first = registry.serve_model(busy, version, lastKnownState="RUNNING")["id"]
    second = registry.serve_model(busy, version)["id"]
    for query, ids in [
        ("lastKnownState = 'RUNNING'", [first]),
        ("lastKnownState != 'RUNNING'", [second]),
        (f"modelVersionId = {version['id']}", [first, second]),
        (f"inferenceServiceId = {busy['id']}", [first, second]),
    ]:
        assert registry.ids(f"/inference_services/{busy['id']}/serves", filterQuery=query) == ids, query


def test_fields_of_artifacts(registry: Registry) -> None:
    run = registry.run()
    path = f"/experiment_runs/{run['id']}"
    model = registry.artifact("model-artifact", path, uri="s3://m", state="LIVE", modelFormatName="onnx", storageKey="key")["id"]
    data = registry.artifact("dataset-artifact", path, uri="s3://d", digest="sha", sourceType="local", schema="{}")["id"]
    metric = registry.artifact("metric", path, value=0.75, step=3, timestamp="1700000000000", state="DELETED")["id"]
    parameter = registry.artifact("parameter", path, value="0.1", parameterType="number")["id"]
    table: list[tuple[str, list[str]]] = [
        ("uri = 's3://m'", [model]),
        ("uri LIKE 's3://%'", [model, data]),
        ("state = 'LIVE'", [model]),
        ("state != 'LIVE'", [metric]),
        ("state IN ('LIVE', 'DELETED')", [model, metric]),
        ("state LIKE 'L%'", [model]),
        ("state = 'NONSENSE'", []),
        ("modelFormatName = 'onnx'", [model]),
        ("storageKey = 'key'", [model]),
        ("digest = 'sha'", [data]),
        ("sourceType = 'local'", [data]),
        ("schema = '{}'", [data]),
        ("value > 0.5", [metric]),
        ("value = '0.1'", [parameter]),
        ("step = 3", [metric]),
        ("timestamp = '1700000000000'", [metric]),
        ("parameterType = 'number'", [parameter]),
        (f"experimentRunId = {run['id']}", [model, data, metric, parameter]),
        (f"experimentId = {run['experimentId']}", [model, data, metric, parameter]),
        ("experimentRunId = 2147483646", []),
    ]
    for query, ids in table:
        assert registry.ids(f"{path}/artifacts", filterQuery=query) == ids, query
        scoped = f"experimentRunId = '{run['id']}' AND ({query})"
        assert registry.ids("/artifacts", filterQuery=scoped) == ids, query
    for artifact_type, query, ids in [
        ("metric", "value >= 0.75", [metric]),
        ("parameter", "value = '0.1'", [parameter]),
        ("parameter", "value.string_value = '0.1'", [parameter]),
        ("metric", "timestamp.string_value = '1700000000000'", [metric]),
        ("dataset-artifact", "sourceType = 'local'", [data]),
        ("model-artifact", "sourceType = 'local'", []),
    ]:
        assert registry.ids(f"{path}/artifacts", artifactType=artifact_type, filterQuery=query) == ids, query


def test_fields_of_metric_history(registry: Registry) -> None:
    run = registry.run()
    path = f"/experiment_runs/{run['id']}"
    for step, value in enumerate((0.9, 0.5, 0.1)):
        registry.post(f"{path}/artifacts", {"artifactType": "metric", "name": "loss", "value": value, "step": step, "timestamp": str(step)})
    registry.artifact("metric", path, name="val_loss", customProperties={"split": string("val")})
    table: list[tuple[str, list[float]]] = [
        ("name = 'loss'", [0.9, 0.5, 0.1]),
        ("name LIKE '%loss'", [0.9, 0.5, 0.1, 0.5]),
        ("name != 'loss'", [0.5]),
        ("value < 0.6 AND name = 'loss'", [0.5, 0.1]),
        ("step >= 1", [0.5, 0.1]),
        ("timestamp = '2'", [0.1]),
        ("split = 'val'", [0.5]),
        (f"experimentRunId IN ({run['id']}, 2147483646)", [0.9, 0.5, 0.1, 0.5]),
    ]
    for query, values in table:
        assert [record["value"] for record in registry.items(f"{path}/metric_history", filterQuery=query)] == values, query
        scoped = f"experimentRunId = {run['id']} AND ({query})"
        assert [record["value"] for record in registry.items("/experiment_runs/metric_history", filterQuery=scoped)] == values, query


# --------------------------------------------------------------------------------------------------------------- everywhere

LISTS = [
    *("/artifacts", "/experiments", "/experiment_runs", "/inference_services", "/model_artifacts", "/model_versions", "/registered_models"),
    *("/serving_environments", "/experiment_runs/metric_history"),
]
SUB_LISTS = [
    *("/model_versions/{mv}/artifacts", "/experiment_runs/{ru}/artifacts", "/experiment_runs/{ru}/metric_history"),
    *("/experiments/{ex}/experiment_runs", "/registered_models/{rm}/versions", "/inference_services/{is}/serves"),
    "/serving_environments/{se}/inference_services",
]


def test_a_filter_works_on_every_list(registry: Registry) -> None:
    tag = {"customProperties": {"tag": string(unique("tag"))}}
    query = f"tag = '{tag['customProperties']['tag']['string_value']}'"
    model = registry.model(**tag)
    version, experiment, environment = registry.version(model, **tag), registry.experiment(**tag), registry.environment(**tag)
    run, service = registry.run(experiment, **tag), registry.service(environment, model, **tag)
    registry.serve_model(service, version, **tag)
    registry.artifact("model-artifact", f"/model_versions/{version['id']}", **tag)
    registry.artifact("metric", f"/experiment_runs/{run['id']}", **tag)
    ids = {"mv": version, "ru": run, "ex": experiment, "rm": model, "is": service, "se": environment}
    paths = LISTS + [path.format(**{key: thing["id"] for key, thing in ids.items()}) for path in SUB_LISTS]
    assert len(paths) == 16
    for path in paths:
        assert len(registry.items(path, filterQuery=query)) == (2 if path == "/artifacts" else 1), path
        assert registry.items(path, filterQuery=query + " AND tag = 'other'") == [], path
        refused(registry.get(path, filterQuery="tag >"), 400, "invalid filter query syntax:")


def test_a_filter_holds_on_every_page(registry: Registry) -> None:
    model = registry.model()
    odd = [registry.version(model, customProperties={"odd": TRUE if number % 2 else FALSE})["id"] for number in range(21)][1::2]
    for direction, expected in (("ASC", odd), ("DESC", odd[::-1])):
        path = f"/registered_models/{model['id']}/versions"
        pages = list(registry.pages(path, filterQuery="odd = true", pageSize="3", sortOrder=direction))
        assert [item["id"] for page in pages for item in page] == expected
        assert [len(page) for page in pages] == [3, 3, 3, 1]


HOSTILE = [
    "' OR 1=1 --",
    '"; DROP TABLE x; --',
    "%27",
    "\\",
    "x' UNION SELECT password FROM users",
    "${7*7}",
    "😀",
    "\u202e",
    "\x01",
    ":v",
    "?",
    "$1",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_text_reaches_no_sql(registry: Registry, text: str) -> None:
    run = registry.run(customProperties={text: string(text)}, description=text)
    quoted = "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
    name = "`" + text.replace("\\", "\\\\").replace("`", "\\`").replace(".", "\\.") + "`"
    path = f"/experiments/{run['experimentId']}/experiment_runs"
    for query in (
        f"{name} = {quoted}",
        f"description = {quoted}",
        f"{name} IN ({quoted})",
        f"{name} = {quoted} AND description = {quoted}",
    ):
        assert registry.ids(path, filterQuery=query) == [run["id"]], query
    assert registry.ids(path, filterQuery=f"description = 'not {quoted[1:]}") == []
