"""Reference §1.2: how bodies are read, strictly and leniently."""

import pytest

from tests.dialects.registry import Json, Registry, accepted, refused, string, unique

STRICT_CREATES = ["/registered_models", "/experiments", "/serving_environments"]


def parents(registry: Registry) -> Json:
    return {"model": registry.model()["id"], "experiment": registry.experiment()["id"], "environment": registry.environment()["id"]}


# --------------------------------------------------------------------------------------------------------------- whole body


@pytest.mark.parametrize("path", STRICT_CREATES)
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "EOF"),
        (b"   ", "EOF"),
        (b'{"name": ', "unexpected EOF"),
        (b'{"name": "a"', "unexpected EOF"),
        (b"{bad}", ""),
        (b"{'name': 'a'}", ""),
        (b'{"name": "a",}', ""),
        (b"nonsense", ""),
        (b'\xef\xbb\xbf{"name": "a"}', ""),
        (b"[" * 10_001 + b"]" * 10_001, ""),
        (b'{"name": "a", "x": ' + b"[" * 10_001 + b"]" * 10_001 + b"}", ""),
    ],
)
def test_a_body_that_is_no_json_is_refused(registry: Registry, path: str, content: bytes, message: str) -> None:
    refused(registry.post(path, content=content), 400, message)


@pytest.mark.parametrize(("content", "kind"), [(b"[]", "array"), (b'"text"', "string"), (b"7", "number"), (b"true", "bool")])
def test_a_body_that_is_no_object_is_refused(registry: Registry, content: bytes, kind: str) -> None:
    message = f"json: cannot unmarshal {kind} into Go value of type openapi.RegisteredModelCreate"
    refused(registry.post("/registered_models", content=content), 400, message)
    refused(registry.post("/artifacts", content=content), 400, "failed to unmarshal JSON into map for the discriminator lookup")


def test_a_null_body_is_an_empty_object(registry: Registry) -> None:
    refused(registry.post("/registered_models", content=b"null"), 422, "required field 'name' is zero value.")
    model = registry.model(owner="me")
    assert accepted(registry.patch(f"/registered_models/{model['id']}", content=b"null"), 200)["owner"] == "me"
    refused(registry.post("/artifacts", content=b"null"), 400, "invalid artifact type")


@pytest.mark.parametrize("rest", [b" junk", b"{}", b"]", b"\n1"])
def test_data_after_the_value_is_refused(registry: Registry, rest: bytes) -> None:
    name = unique()
    refused(registry.post("/registered_models", content=f'{{"name": "{name}"}}'.encode() + rest), 400)
    refused(registry.get("/registered_model", name=name), 404)


def test_space_around_the_value_is_fine(registry: Registry) -> None:
    assert registry.post("/registered_models", content=f' \n\t{{"name": "{unique()}"}}\r\n '.encode()).status_code == 201


def test_the_last_of_a_duplicate_key_counts(registry: Registry) -> None:
    name = unique()
    response = registry.post("/registered_models", content=f'{{"name": "a", "name": "{name}"}}'.encode())
    assert accepted(response, 201)["name"] == name


@pytest.mark.parametrize("key", ["NAME", "Name", "nAme"])
def test_keys_are_case_sensitive(registry: Registry, key: str) -> None:
    refused(registry.post("/registered_models", {key: unique()}), 400, f'unknown field "{key}"')


# ------------------------------------------------------------------------------------------------- strict: unknown, missing


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/registered_models", {"name": "x"}),
        ("/experiments", {"name": "x"}),
        ("/serving_environments", {"name": "x"}),
        ("/model_versions", {"name": "x", "registeredModelId": "{model}"}),
        ("/registered_models/{model}/versions", {"name": "x", "registeredModelId": "{model}"}),
        ("/experiment_runs", {"experimentId": "{experiment}"}),
        ("/experiments/{experiment}/experiment_runs", {"experimentId": "{experiment}"}),
        ("/inference_services", {"servingEnvironmentId": "{environment}", "registeredModelId": "{model}"}),
        (
            "/serving_environments/{environment}/inference_services",
            {"servingEnvironmentId": "{environment}", "registeredModelId": "{model}"},
        ),
        ("/model_artifacts", {"name": "x"}),
    ],
)
def test_plain_schemas_refuse_unknown_fields(registry: Registry, path: str, body: Json) -> None:
    ids = parents(registry)
    filled = {key: value.format(**ids) for key, value in body.items()}
    refused(registry.post(path.format(**ids), {**filled, "foo": 1}), 400, 'json: unknown field "foo"')


def test_a_serve_record_refuses_unknown_fields(registry: Registry) -> None:
    body = {"modelVersionId": registry.version()["id"], "foo": None}
    refused(registry.post(f"/inference_services/{registry.service()['id']}/serves", body), 400, 'json: unknown field "foo"')


@pytest.mark.parametrize("field", ["id", "createTimeSinceEpoch", "lastUpdateTimeSinceEpoch"])
def test_what_the_server_sets_is_an_unknown_field_in_a_create(registry: Registry, field: str) -> None:
    for path in STRICT_CREATES:
        refused(registry.post(path, {"name": unique(), field: "1"}), 400, f'unknown field "{field}"')


@pytest.mark.parametrize("value", ["", None])
@pytest.mark.parametrize(
    ("path", "complete", "field"),
    [
        ("/registered_models", {"name": "x"}, "name"),
        ("/experiments", {"name": "x"}, "name"),
        ("/serving_environments", {"name": "x"}, "name"),
        ("/model_versions", {"name": "x", "registeredModelId": "1"}, "name"),
        ("/model_versions", {"name": "x", "registeredModelId": "1"}, "registeredModelId"),
        ("/registered_models/{model}/versions", {"name": "x", "registeredModelId": "1"}, "name"),
        ("/registered_models/{model}/versions", {"name": "x", "registeredModelId": "1"}, "registeredModelId"),
        ("/experiment_runs", {"experimentId": "1"}, "experimentId"),
        ("/experiments/{experiment}/experiment_runs", {"experimentId": "1"}, "experimentId"),
        ("/inference_services", {"registeredModelId": "1", "servingEnvironmentId": "1"}, "registeredModelId"),
        ("/inference_services", {"registeredModelId": "1", "servingEnvironmentId": "1"}, "servingEnvironmentId"),
        (
            "/serving_environments/{environment}/inference_services",
            {"registeredModelId": "1", "servingEnvironmentId": "1"},
            "registeredModelId",
        ),
        ("/inference_services/1/serves", {"modelVersionId": "1"}, "modelVersionId"),
    ],
)
def test_a_required_text_that_is_empty_null_or_missing_is_422(
    registry: Registry, path: str, complete: Json, field: str, value: str | None
) -> None:
    target = path.format(**parents(registry))
    message = f"required field '{field}' is zero value."
    assert refused(registry.post(target, {**complete, field: value}), 422) == message
    assert refused(registry.post(target, {key: text for key, text in complete.items() if key != field}), 422) == message


def test_blanks_are_a_name(registry: Registry) -> None:
    model = registry.model()
    assert registry.version(model, name="   ")["name"] == "   "


# --------------------------------------------------------------------------------------------------------- strict: types


@pytest.mark.parametrize(("value", "kind"), [(7, "number"), (True, "bool"), ([], "array"), ({}, "object"), (1.5, "number")], ids=str)
def test_a_wrong_type_names_the_field_and_what_it_got(registry: Registry, value: object, kind: str) -> None:
    refused(
        registry.post("/registered_models", {"name": value}),
        400,
        f"json: cannot unmarshal {kind} into Go struct field RegisteredModelCreate.name of type string",
    )


@pytest.mark.parametrize(
    "body",
    [
        {"description": 1},
        {"externalId": 1},
        {"language": "en"},
        {"tasks": {"a": 1}},
        {"tasks": [1]},
        {"customProperties": []},
        {"customProperties": "x"},
        {"state": 1},
        {"state": ["LIVE"]},
        {"owner": False},
    ],
    ids=str,
)
def test_every_field_has_its_type(registry: Registry, body: Json) -> None:
    refused(registry.post("/registered_models", {"name": unique(), **body}), 400)


@pytest.mark.parametrize("number", [1, 1.0])
def test_an_id_in_a_body_is_a_string(registry: Registry, number: float) -> None:
    refused(registry.post("/model_versions", {"name": "x", "registeredModelId": number}), 400)
    refused(registry.post("/experiment_runs", {"name": "x", "experimentId": number}), 400)


@pytest.mark.parametrize(
    ("path", "field", "enum"),
    [
        ("/registered_models", "state", "RegisteredModelState"),
        ("/experiments", "state", "ExperimentState"),
    ],
)
@pytest.mark.parametrize("value", ["BAD", "", "live", " LIVE"])
def test_an_enum_takes_its_words_only(registry: Registry, path: str, field: str, enum: str, value: str) -> None:
    refused(registry.post(path, {"name": unique(), field: value}), 400, f"{value} is not a valid {enum}")


@pytest.mark.parametrize(
    ("body", "enum"),
    [({"state": "BAD"}, "ExperimentRunState"), ({"status": "BAD"}, "ExperimentRunStatus"), ({"status": ""}, "ExperimentRunStatus")],
)
def test_a_runs_enums(registry: Registry, body: Json, enum: str) -> None:
    run = registry.run()
    refused(registry.post("/experiment_runs", {"experimentId": run["experimentId"], **body}), 400, f"is not a valid {enum}")
    refused(registry.patch(f"/experiment_runs/{run['id']}", body), 400, f"is not a valid {enum}")


def test_a_services_and_a_serve_records_enums(registry: Registry) -> None:
    service = registry.service()
    refused(
        registry.patch(f"/inference_services/{service['id']}", {"desiredState": "BAD"}), 400, "BAD is not a valid InferenceServiceState"
    )
    body = {"modelVersionId": registry.version()["id"], "lastKnownState": "BAD"}
    refused(registry.post(f"/inference_services/{service['id']}/serves", body), 400, "BAD is not a valid ExecutionState")


# ------------------------------------------------------------------------------------------------------------------- nulls


def test_null_is_absent_but_takes_no_default(registry: Registry) -> None:
    assert registry.model()["state"] == "LIVE"
    assert "state" not in registry.model(state=None)
    bare = registry.model(description=None, owner=None, tasks=None, customProperties=None, externalId=None)
    assert bare.keys() == {"id", "name", "state", "customProperties", "createTimeSinceEpoch", "lastUpdateTimeSinceEpoch"}
    assert bare["customProperties"] == {}
    run = registry.run(status=None, state=None)
    assert "status" not in run
    assert "state" not in run
    assert "desiredState" not in registry.service(desiredState=None)
    assert "lastKnownState" not in registry.serve_model(lastKnownState=None)


def test_a_null_in_a_list_of_texts_is_an_empty_text(registry: Registry) -> None:
    assert registry.model(tasks=["a", None, "b"])["tasks"] == ["a", "", "b"]


# -------------------------------------------------------------------------------------------------------------------- text


@pytest.mark.parametrize(
    "text", ["a:b", "it's", '"quoted"', "back\\slash", "100%", "Ünï", "日本語", "😀", "a/b", "<b>&", "  x  ", "\t", "a\nb"]
)
def test_any_unicode_is_stored_as_it_is(registry: Registry, text: str) -> None:
    name = unique(text)
    model = registry.model(name=name, description=text)
    assert (model["name"], model["description"]) == (name, text)
    assert registry.get(f"/registered_models/{model['id']}").json() == model


@pytest.mark.parametrize("garbage", [b"\xff", rb"\ud800", rb"\udc00"])
def test_broken_unicode_becomes_the_replacement_character(registry: Registry, garbage: bytes) -> None:
    name = unique()
    response = registry.post("/registered_models", content=f'{{"name": "{name}'.encode() + garbage + b'"}')
    assert accepted(response, 201)["name"] == name + "\ufffd"


def test_a_surrogate_pair_is_one_character(registry: Registry) -> None:
    name = unique()
    response = registry.post("/registered_models", content=f'{{"name": "{name}'.encode() + rb"\ud83d\ude00" + b'"}')
    assert accepted(response, 201)["name"] == name + "😀"


@pytest.mark.parametrize("field", ["name", "externalId"])
def test_255_characters_are_the_limit_whatever_the_parent(registry: Registry, field: str) -> None:
    limit, over = unique().ljust(255, "é"), unique().ljust(256, "é")
    model, environment, experiment = registry.model(), registry.environment(), registry.experiment()
    creates: list[tuple[str, Json]] = [
        ("/registered_models", {"name": unique()}),
        ("/experiments", {"name": unique()}),
        ("/serving_environments", {"name": unique()}),
        ("/model_versions", {"name": unique(), "registeredModelId": model["id"]}),
        ("/experiment_runs", {"experimentId": experiment["id"]}),
        ("/inference_services", {"servingEnvironmentId": environment["id"], "registeredModelId": model["id"]}),
        ("/artifacts", {"artifactType": "doc-artifact"}),
        ("/model_artifacts", {}),
        (f"/model_versions/{registry.version()['id']}/artifacts", {"artifactType": "model-artifact"}),
    ]
    for number, (path, body) in enumerate(creates):
        text = limit[:-1] + str(number)
        assert accepted(registry.post(path, {**body, field: text}), 201)[field] == text
        refused(registry.post(path, {**body, "name": unique(), field: over}), 400)


def test_a_property_key_has_255_characters_at_most(registry: Registry) -> None:
    key = "k" * 255
    assert registry.model(customProperties={key: string("v")})["customProperties"] == {key: string("v")}
    refused(registry.post("/registered_models", {"name": unique(), "customProperties": {key + "k": string("v")}}), 400)


# ----------------------------------------------------------------------------------------------------------------- lenient


def test_artifacts_ignore_unknown_fields(registry: Registry) -> None:
    artifact = registry.artifact("model-artifact", foo=1, id="7", createTimeSinceEpoch="nonsense", experimentId="5")
    assert "foo" not in artifact
    assert "experimentId" not in artifact
    patch = {"artifactType": "model-artifact", "name": "other", "id": "9", "foo": [], "uri": "s3://new"}
    patched = accepted(registry.patch(f"/artifacts/{artifact['id']}", patch), 200)
    assert (patched["name"], patched["id"], patched["uri"]) == (artifact["name"], artifact["id"], "s3://new")


@pytest.mark.parametrize("value", [None, "", "Model-Artifact", "MODEL-ARTIFACT", "model_artifact", "metric-history", "nothing"])
def test_the_artifact_type_must_match_exactly(registry: Registry, value: str | None) -> None:
    message = "invalid artifact type, must be either ModelArtifact, DocArtifact, DataSet, Metric, or Parameter: bad request"
    assert refused(registry.post("/artifacts", {"artifactType": value, "name": unique()}), 400) == message
    refused(registry.post("/artifacts", {"ArtifactType": "model-artifact", "name": unique()}), 400, message)


@pytest.mark.parametrize(
    ("body", "schema"),
    [
        ({"artifactType": "metric", "value": "0.5"}, "MetricCreate"),
        ({"artifactType": "metric", "value": 1, "step": 1.5}, "MetricCreate"),
        ({"artifactType": "metric", "value": 1, "step": "1"}, "MetricCreate"),
        ({"artifactType": "metric", "value": 1, "timestamp": 12}, "MetricCreate"),
        ({"artifactType": "parameter", "value": 5}, "ParameterCreate"),
        ({"artifactType": "model-artifact", "uri": 5}, "ModelArtifactCreate"),
        ({"artifactType": "doc-artifact", "name": 5}, "DocArtifactCreate"),
        ({"artifactType": "dataset-artifact", "digest": []}, "DataSetCreate"),
    ],
    ids=str,
)
def test_a_wrong_type_in_an_artifact_names_its_schema(registry: Registry, body: Json, schema: str) -> None:
    refused(registry.post("/artifacts", body), 400, f"failed to unmarshal ArtifactCreate as {schema}: json: cannot unmarshal ")


@pytest.mark.parametrize(
    "body",
    [
        {"artifactType": "model-artifact", "state": "BAD"},
        {"artifactType": "model-artifact", "state": ""},
        {"artifactType": "parameter", "value": "1", "parameterType": "int"},
    ],
    ids=str,
)
def test_an_artifacts_enums_take_their_words_only(registry: Registry, body: Json) -> None:
    refused(registry.post("/artifacts", body), 400, "is not a valid ")


def test_no_default_is_applied_to_artifacts(registry: Registry) -> None:
    for artifact_type in ("model-artifact", "doc-artifact", "dataset-artifact", "metric", "parameter"):
        artifact = registry.artifact(artifact_type)
        assert "state" not in artifact
        assert "parameterType" not in artifact


def test_the_plain_model_artifact_route_takes_defaults_and_any_type_text(registry: Registry) -> None:
    artifact = registry.created("/model_artifacts", {"artifactType": "whatever"})
    assert (artifact["artifactType"], artifact["state"]) == ("model-artifact", "UNKNOWN")


# -------------------------------------------------------------------------------- nested creates: the full schema is the body


@pytest.mark.parametrize("field", ["createTimeSinceEpoch", "lastUpdateTimeSinceEpoch"])
def test_times_in_a_nested_create_must_be_numbers_and_are_dropped(registry: Registry, field: str) -> None:
    model, experiment = registry.model(), registry.experiment()
    nested: list[tuple[str, Json]] = [
        (f"/registered_models/{model['id']}/versions", {"registeredModelId": model["id"]}),
        (f"/experiments/{experiment['id']}/experiment_runs", {"experimentId": experiment["id"]}),
    ]
    for path, body in nested:
        assert accepted(registry.post(path, {**body, "name": unique(), field: "1"}), 201)[field] != "1"
        refused(registry.post(path, {**body, "name": unique(), field: "soon"}), 400)


@pytest.mark.parametrize("value", ["1", "", "abc", "2147483647"])
def test_an_id_in_a_nested_create_is_refused(registry: Registry, value: str) -> None:
    version, run = registry.version(), registry.run()
    body = {"name": unique(), "registeredModelId": version["registeredModelId"]}
    for chosen in (value, version["id"]):
        refused(registry.post(f"/registered_models/{version['registeredModelId']}/versions", {**body, "id": chosen}), 400)
    body = {"name": unique(), "experimentId": run["experimentId"]}
    for chosen in (value, run["id"]):
        refused(registry.post(f"/experiments/{run['experimentId']}/experiment_runs", {**body, "id": chosen}), 400)
    assert registry.get(f"/model_versions/{version['id']}").json() == version
