"""Reference §2.1 and §2.2: how values look on the wire, and the fields of every entity."""

import re
from typing import Literal

import pytest

from tests.dialects.registry import Json, Registry, accepted, refused, string, unique

# ----------------------------------------------------------------------------------------------------------------- fields

COMMON: Json = {"description": "some text", "externalId": "<unique>", "customProperties": {"k": string("v")}}
OUTPUT = {"id", "name", "customProperties", "createTimeSinceEpoch", "lastUpdateTimeSinceEpoch"}
MODEL_FIELDS: Json = {
    "owner": "me",
    "state": "ARCHIVED",
    "readme": "# r",
    "maturity": "GA",
    "provider": "p",
    "logo": "no uri",
    "license": "mit",
    "licenseLink": "http://l",
    "libraryName": "lib",
    "language": ["en", "de"],
    "tasks": ["t"],
}
MODEL_ARTIFACT_FIELDS: Json = {
    "uri": "s3://b/k?a=b&c=d",
    "state": "LIVE",
    "modelFormatName": "onnx",
    "modelFormatVersion": "1",
    "storageKey": "key",
    "storagePath": "path",
    "serviceAccountName": "account",
    "modelSourceKind": "kind",
    "modelSourceClass": "class",
    "modelSourceGroup": "group",
    "modelSourceId": "source-id",
    "modelSourceName": "source-name",
}
DATA_SET_FIELDS: Json = {
    "uri": "s3://d",
    "state": "PENDING",
    "digest": "sha",
    "sourceType": "type",
    "source": "source",
    "schema": "{}",
    "profile": "{}",
}

Kind = Literal[
    "model",
    "version",
    "experiment",
    "run",
    "environment",
    "service",
    "model-artifact",
    "doc-artifact",
    "dataset-artifact",
    "metric",
    "parameter",
]
FIELDS: list[tuple[Kind, Json, Json]] = [
    # what is settable on create and by PATCH, and what is there by default
    ("model", MODEL_FIELDS, {"state": "LIVE"}),
    ("version", {"author": "ann", "state": "ARCHIVED"}, {"state": "LIVE"}),
    ("experiment", {"owner": "me", "state": "ARCHIVED"}, {"state": "LIVE"}),
    (
        "run",
        {"owner": "me", "state": "ARCHIVED", "status": "FINISHED", "endTimeSinceEpoch": "1700000000000"},
        {"state": "LIVE", "status": "RUNNING"},
    ),
    ("environment", {}, {}),
    ("service", {"runtime": "ovms", "modelVersionId": "<version>", "desiredState": "UNDEPLOYED"}, {"desiredState": "DEPLOYED"}),
    ("model-artifact", MODEL_ARTIFACT_FIELDS, {}),
    ("doc-artifact", {"uri": "s3://d", "state": "DELETED"}, {}),
    ("dataset-artifact", DATA_SET_FIELDS, {}),
    ("metric", {"value": -2.5, "timestamp": "1700000000000", "step": 7, "state": "REFERENCE"}, {}),
    ("parameter", {"value": "0.1", "parameterType": "number", "state": "ABANDONED"}, {}),
]
COLLECTIONS = {
    "model": "registered_models",
    "version": "model_versions",
    "experiment": "experiments",
    "run": "experiment_runs",
    "environment": "serving_environments",
    "service": "inference_services",
}
OWN_LINKS: dict[str, set[str]] = {
    "version": {"registeredModelId"},
    "run": {"experimentId"},
    "service": {"registeredModelId", "servingEnvironmentId"},
    "metric": {"value"},
}


def make(registry: Registry, kind: Kind, **fields: object) -> Json:
    if kind not in COLLECTIONS:
        return registry.artifact(kind, **fields)
    created: Json = getattr(registry, kind)(**fields)
    return created


def filled(registry: Registry, fields: Json) -> Json:
    """These fields with what stands for something fresh put in."""
    fresh = {"<unique>": unique("external"), "<version>": registry.version()["id"] if "<version>" in fields.values() else ""}
    return {key: fresh.get(value, value) if isinstance(value, str) else value for key, value in fields.items()}


def path_of(kind: Kind, thing: Json) -> str:
    return f"/{COLLECTIONS.get(kind, 'artifacts')}/{thing['id']}"


@pytest.mark.parametrize(("kind", "fields", "defaults"), FIELDS, ids=[row[0] for row in FIELDS])
def test_every_field_is_settable_on_create(registry: Registry, kind: Kind, fields: Json, defaults: Json) -> None:
    sent = filled(registry, COMMON | fields)
    thing = make(registry, kind, **sent)
    assert thing == thing | sent
    extra = {"artifactType"} if kind not in COLLECTIONS else set()
    assert thing.keys() == OUTPUT | sent.keys() | OWN_LINKS.get(kind, set()) | defaults.keys() | extra
    assert registry.get(path_of(kind, thing)).json() == thing


@pytest.mark.parametrize(("kind", "fields", "defaults"), FIELDS, ids=[row[0] for row in FIELDS])
def test_every_field_is_settable_by_patch(registry: Registry, kind: Kind, fields: Json, defaults: Json) -> None:
    thing = make(registry, kind)
    sent = filled(registry, COMMON | fields)
    tag = {} if kind in COLLECTIONS else {"artifactType": kind}
    patched = accepted(registry.patch(path_of(kind, thing), tag | sent), 200)
    expected = thing | defaults | sent
    assert {**patched, "lastUpdateTimeSinceEpoch": ""} == {**expected, "lastUpdateTimeSinceEpoch": ""}
    assert registry.get(path_of(kind, thing)).json() == patched


@pytest.mark.parametrize(("kind", "fields", "defaults"), FIELDS, ids=[row[0] for row in FIELDS])
def test_what_is_not_given_is_left_out_or_takes_its_default(registry: Registry, kind: Kind, fields: Json, defaults: Json) -> None:
    thing = make(registry, kind)
    assert not (thing.keys() & fields.keys()) - defaults.keys() - OWN_LINKS.get(kind, set())
    assert thing == thing | defaults
    assert None not in thing.values()
    assert thing["customProperties"] == {}


@pytest.mark.parametrize(("kind", "fields", "defaults"), FIELDS, ids=[row[0] for row in FIELDS])
def test_empty_texts_and_lists_are_values(registry: Registry, kind: Kind, fields: Json, defaults: Json) -> None:
    closed = {"state", "status", "desiredState", "parameterType", "modelVersionId", "endTimeSinceEpoch", "value", "step", "timestamp"}
    empty: Json = {key: type(value)() for key, value in fields.items() if key not in closed} | {"description": ""}
    thing = make(registry, kind, **empty)
    assert thing == thing | empty
    assert registry.get(path_of(kind, thing)).json() == thing
    assert "state" not in defaults or thing["state"] == defaults["state"]


@pytest.mark.parametrize(
    ("collection", "body", "field"),
    [
        ("registered_models", {}, "name"),
        ("model_versions", {}, "name"),
        ("model_versions", {}, "registeredModelId"),
        ("experiments", {}, "name"),
        ("experiment_runs", {}, "name"),
        ("experiment_runs", {}, "experimentId"),
        ("experiment_runs", {}, "startTimeSinceEpoch"),
        ("serving_environments", {}, "name"),
        ("inference_services", {}, "name"),
        ("inference_services", {}, "registeredModelId"),
        ("inference_services", {}, "servingEnvironmentId"),
        ("model_artifacts", {}, "name"),
        ("registered_models", {}, "id"),
        ("model_artifacts", {}, "id"),
        ("registered_models", {}, "createTimeSinceEpoch"),
    ],
)
def test_what_is_immutable_is_an_unknown_field_of_a_patch(registry: Registry, collection: str, body: Json, field: str) -> None:
    kinds = {path: kind for kind, path in COLLECTIONS.items()}
    thing = registry.artifact("model-artifact") if collection == "model_artifacts" else getattr(registry, kinds[collection])()
    refused(registry.patch(f"/{collection}/{thing['id']}", {**body, field: "1"}), 400, f'json: unknown field "{field}"')


def test_a_serve_record(registry: Registry) -> None:
    version = registry.version()
    service = registry.service()
    bare = registry.serve_model(service, version)
    assert bare.keys() == OUTPUT | {"modelVersionId", "lastKnownState"}
    assert (bare["modelVersionId"], bare["lastKnownState"]) == (version["id"], "UNKNOWN")
    sent = filled(registry, COMMON | {"lastKnownState": "RUNNING"})
    full = registry.serve_model(service, version, **sent)
    assert full == full | sent
    assert registry.items(f"/inference_services/{service['id']}/serves") == [bare, full]


@pytest.mark.parametrize("state", ["UNKNOWN", "NEW", "RUNNING", "COMPLETE", "FAILED", "CACHED", "CANCELED"])
def test_every_state_of_a_serve_record(registry: Registry, state: str) -> None:
    assert registry.serve_model(lastKnownState=state)["lastKnownState"] == state


@pytest.mark.parametrize("status", ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"])
def test_every_status_of_a_run(registry: Registry, status: str) -> None:
    assert registry.run(status=status)["status"] == status


@pytest.mark.parametrize("state", ["UNKNOWN", "PENDING", "LIVE", "MARKED_FOR_DELETION", "DELETED", "ABANDONED", "REFERENCE"])
def test_every_state_of_an_artifact(registry: Registry, state: str) -> None:
    for artifact_type in ("model-artifact", "doc-artifact", "dataset-artifact", "metric", "parameter"):
        assert registry.artifact(artifact_type, state=state)["state"] == state


@pytest.mark.parametrize("parameter_type", ["string", "number", "boolean", "object"])
def test_a_parameters_value_is_text_whatever_its_type_says(registry: Registry, parameter_type: str) -> None:
    parameter = registry.artifact("parameter", value="not checked", parameterType=parameter_type)
    assert (parameter["value"], parameter["parameterType"]) == ("not checked", parameter_type)


UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


@pytest.mark.parametrize("body", [{}, {"name": None}, {"name": ""}], ids=str)
def test_a_name_left_out_where_it_may_be_becomes_a_uuid(registry: Registry, body: Json) -> None:
    version, run, service, environment = registry.version(), registry.run(), registry.service(), registry.environment()
    creates: list[tuple[str, Json]] = [
        ("/experiment_runs", {"experimentId": registry.experiment()["id"]}),
        ("/inference_services", {"servingEnvironmentId": environment["id"], "registeredModelId": registry.model()["id"]}),
        (f"/inference_services/{service['id']}/serves", {"modelVersionId": version["id"]}),
        ("/artifacts", {"artifactType": "metric", "value": 1}),
        ("/model_artifacts", {}),
        (f"/model_versions/{version['id']}/artifacts", {"artifactType": "doc-artifact"}),
        (f"/experiment_runs/{run['id']}/artifacts", {"artifactType": "parameter", "value": "x"}),
    ]
    for path, rest in creates:
        first = accepted(registry.post(path, {**rest, **body}), 201)["name"]
        second = accepted(registry.post(path, {**rest, **body}), 201)["name"]
        assert UUID4.fullmatch(first)
        assert UUID4.fullmatch(second)
        assert first != second


# -------------------------------------------------------------------------------------------------------------- wire types


def test_ids_and_times_are_texts_of_digits(registry: Registry) -> None:
    for thing in (registry.model(), registry.version(), registry.run(), registry.artifact("metric"), registry.serve_model()):
        for field in {"id", "createTimeSinceEpoch", "lastUpdateTimeSinceEpoch", "registeredModelId", "experimentId"} & thing.keys():
            assert re.fullmatch(r"[1-9][0-9]*", thing[field]), (field, thing[field])
        assert 1_700_000_000_000 < int(thing["createTimeSinceEpoch"]) < 4_000_000_000_000
        assert thing["createTimeSinceEpoch"] == thing["lastUpdateTimeSinceEpoch"]


@pytest.mark.parametrize("spelling", ["+{}", "0{}", "00{}"])
def test_ids_in_a_body_are_answered_in_their_plain_form(registry: Registry, spelling: str) -> None:
    model, experiment, environment = registry.model()["id"], registry.experiment()["id"], registry.environment()["id"]
    assert registry.version(registeredModelId=spelling.format(model))["registeredModelId"] == model
    assert registry.run(experimentId=spelling.format(experiment))["experimentId"] == experiment
    service = registry.service(servingEnvironmentId=spelling.format(environment), registeredModelId=spelling.format(model))
    assert (service["servingEnvironmentId"], service["registeredModelId"]) == (environment, model)


@pytest.mark.parametrize("value", [0, 0.0, -0.5, 1e300, 5e-324, 0.1, 123456789.125, 2**53])
def test_a_metrics_value_is_a_number(registry: Registry, value: float) -> None:
    answered = registry.artifact("metric", value=value)["value"]
    assert answered == value
    assert not isinstance(answered, str)


@pytest.mark.parametrize("step", [0, -1, 2147483647, 2147483648, 2**63 - 1, -(2**63)])
def test_a_step_is_an_integer_of_64_bits(registry: Registry, step: int) -> None:
    metric = registry.artifact("metric", step=step)
    assert metric["step"] == step
    assert registry.get(f"/artifacts/{metric['id']}").json()["step"] == step


@pytest.mark.parametrize("step", [2**63, -(2**63) - 1, 1.5, "1", True])
def test_a_step_beyond_that_is_refused(registry: Registry, step: object) -> None:
    refused(registry.post("/artifacts", {"artifactType": "metric", "value": 1, "step": step}), 400)


@pytest.mark.parametrize("number", [b"1e400", b"-1e400", b"NaN", b"Infinity"])
def test_a_metrics_value_is_finite(registry: Registry, number: bytes) -> None:
    refused(registry.post("/artifacts", content=b'{"artifactType": "metric", "value": ' + number + b"}"), 400)


@pytest.mark.parametrize("timestamp", ["1700000000000", "abc", "", "yesterday at ten"])
def test_a_metrics_timestamp_is_any_text(registry: Registry, timestamp: str) -> None:
    assert registry.artifact("metric", timestamp=timestamp)["timestamp"] == timestamp


def test_lists_have_four_keys_and_never_null(registry: Registry) -> None:
    version = registry.version()
    assert accepted(registry.get(f"/model_versions/{version['id']}/artifacts"), 200) == {
        "items": [],
        "nextPageToken": "",
        "pageSize": 0,
        "size": 0,
    }


def test_a_patch_moves_the_update_time_and_never_the_create_time(registry: Registry) -> None:
    model = registry.model()
    patched = accepted(registry.patch(f"/registered_models/{model['id']}", {}), 200)
    assert patched["createTimeSinceEpoch"] == model["createTimeSinceEpoch"]
    assert int(patched["lastUpdateTimeSinceEpoch"]) >= int(model["lastUpdateTimeSinceEpoch"])
    later = [accepted(registry.patch(f"/registered_models/{model['id']}", {}), 200)["lastUpdateTimeSinceEpoch"] for _ in range(200)]
    assert int(later[-1]) > int(model["lastUpdateTimeSinceEpoch"])
    assert later == sorted(later, key=int)


def test_client_values_for_an_artifacts_experiment_are_dropped(registry: Registry) -> None:
    version, run = registry.version(), registry.run()
    spoof = {"experimentId": "7", "experimentRunId": "8"}
    free = registry.artifact("doc-artifact", **spoof)
    under = registry.artifact("doc-artifact", f"/model_versions/{version['id']}", **spoof)
    logged = registry.artifact("doc-artifact", f"/experiment_runs/{run['id']}", **spoof)
    assert not spoof.keys() & free.keys()
    assert not spoof.keys() & under.keys()
    assert (logged["experimentId"], logged["experimentRunId"]) == (run["experimentId"], run["id"])
