"""Reference §1.1: what holds on every route."""

import pytest

from tests.dialects.registry import Registry, accepted, refused, string, unique

# ------------------------------------------------------------------------------------------------------------------ bodies


def test_a_success_is_json_with_a_newline_and_varies_by_origin(registry: Registry) -> None:
    response = registry.get(f"/registered_models/{registry.model()['id']}")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json; charset=UTF-8"
    assert response.headers["vary"] == "Origin"
    assert response.content.endswith(b"}\n")
    assert not response.content.endswith(b"\n\n")


def test_the_keys_of_an_entity_are_in_alphabetical_order(registry: Registry) -> None:
    model = registry.model(owner="me", description="d", tasks=["t"], customProperties={"b": string("1")})
    assert list(model) == sorted(model)
    artifact = registry.artifact("model-artifact", uri="s3://b", modelFormatName="onnx")
    assert list(artifact) == sorted(artifact)


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/xml", "", "nonsense"])
def test_the_content_type_of_a_request_is_ignored(registry: Registry, content_type: str) -> None:
    body = f'{{"name": "{unique()}"}}'.encode()
    assert registry.post("/registered_models", content=body, headers={"Content-Type": content_type}).status_code == 201


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*", "image/png;q=0.1"])
def test_accept_is_ignored(registry: Registry, accept: str) -> None:
    response = registry.get_with({"Accept": accept}, "/registered_models", pageSize="1")
    assert response.headers["content-type"] == "application/json; charset=UTF-8"


def test_credentials_that_are_not_good_are_refused_even_where_none_are_asked(registry: Registry) -> None:
    answer = registry.get_with({"Authorization": "Bearer nobody"}, "/registered_models", pageSize="1")
    refused(answer, 401, "the token is not known here")
    assert answer.headers["www-authenticate"] == "Bearer, Basic"


def test_an_error_says_the_reason_phrase_and_a_message(registry: Registry) -> None:
    refused(registry.get("/registered_models/2147483647"), 404, "no registered model found for id 2147483647: not found")
    refused(registry.get("/registered_models/abc"), 400, ": bad request")
    name = unique()
    registry.model(name=name)
    refused(registry.post("/registered_models", {"name": name}), 409, ": conflict")


def test_a_missing_required_field_is_422_whose_code_says_bad_request(registry: Registry) -> None:
    message = refused(registry.post("/registered_models", {}), 422)
    assert message == "required field 'name' is zero value."


def test_a_large_text_is_accepted(registry: Registry) -> None:
    text = "x" * 5_000_000
    model = registry.model(description=text)
    assert registry.get(f"/registered_models/{model['id']}").json()["description"] == text


# ------------------------------------------------------------------------------------------------------------------ routing


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/registered_models/",
        "/registered_models/1/",
        "/registered_models/1/nothing",
        "/model_versions/1/versions",
        "/Registered_models",
        "/serves/1",
        "/serve_models",
        "",
        "/",
    ],
)
def test_an_unknown_route_is_plain_text(registry: Registry, path: str) -> None:
    response = registry.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.text == "404 page not found\n"


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/registered_models", {"GET", "POST"}),
        ("/registered_models/1", {"GET", "PATCH"}),
        ("/registered_model", {"GET"}),
        ("/artifacts/1", {"GET", "PATCH"}),
        ("/inference_services/1/version", {"GET"}),
        ("/inference_services/1/serves", {"GET", "POST"}),
    ],
)
@pytest.mark.parametrize("method", ["DELETE", "PUT", "HEAD", "OPTIONS"])
def test_a_wrong_method_is_an_empty_405_with_a_line_for_each_allowed_one(
    registry: Registry, path: str, allowed: set[str], method: str
) -> None:
    answer = registry.raw(method, path)
    assert answer.status == 405
    assert answer.body == b""
    lines = answer.lines("allow")
    assert set(lines) == allowed
    assert len(lines) == len(allowed)


@pytest.mark.parametrize("path", ["/registered_models/1/versions", "/model_versions/1"])
def test_there_is_no_delete(registry: Registry, path: str) -> None:
    assert registry.raw("DELETE", path).status == 405


@pytest.mark.parametrize(
    ("path", "parameter"),
    [
        ("/registered_models//versions", "registeredmodelId"),
        ("/model_versions//artifacts", "modelversionId"),
        ("/experiments//experiment_runs", "experimentId"),
        ("/experiment_runs//artifacts", "experimentrunId"),
        ("/experiment_runs//metric_history", "experimentrunId"),
        ("/serving_environments//inference_services", "servingenvironmentId"),
        ("/inference_services//serves", "inferenceserviceId"),
    ],
)
def test_an_empty_path_segment_is_a_missing_field(registry: Registry, path: str, parameter: str) -> None:
    assert refused(registry.get(path), 422) == f"required field '{parameter}' is zero value."


# ------------------------------------------------------------------------------------------------------------------ queries


def test_unknown_query_parameters_are_ignored(registry: Registry) -> None:
    assert registry.get("/registered_models", nothing="1", pageSize="1").status_code == 200


def test_parameter_names_are_case_sensitive(registry: Registry) -> None:
    assert accepted(registry.get("/registered_models", pagesize="nonsense", pageSize="1"), 200)["pageSize"] == 1


def test_the_first_of_a_repeated_parameter_counts(registry: Registry) -> None:
    assert accepted(registry.get("/registered_models?pageSize=1&pageSize=2"), 200)["pageSize"] == 1


@pytest.mark.parametrize("parameter", ["pageSize", "orderBy", "sortOrder", "nextPageToken", "filterQuery"])
def test_an_empty_parameter_is_absent(registry: Registry, parameter: str) -> None:
    model = registry.model()
    path = f"/registered_models/{model['id']}/versions"
    assert registry.get(path, **{parameter: ""}).json() == registry.get(path).json()


def test_a_bad_escape_in_the_query_is_refused(registry: Registry) -> None:
    answer = registry.raw("GET", "/registered_models?pageSize=%zz")
    assert answer.status == 400
    assert b'invalid URL escape \\"%zz\\"' in answer.body


def test_a_semicolon_in_the_query_is_refused(registry: Registry) -> None:
    answer = registry.raw("GET", "/registered_models?pageSize=1;orderBy=ID")
    assert answer.status == 400
    assert b"invalid semicolon separator in query" in answer.body


@pytest.mark.parametrize("query", ["x=%zz", "x=1;y=2"])
def test_a_route_that_reads_no_query_does_not_mind_a_bad_one(registry: Registry, query: str) -> None:
    assert registry.raw("GET", f"/registered_models/{registry.model()['id']}?{query}").status == 200


# --------------------------------------------------------------------------------------------------------------- null bytes

NULL_IN_BODY = "Request body contains null bytes which are not allowed"


@pytest.mark.parametrize("body", [b'{"name": "a\x00b"}', rb'{"name": "a\u0000b"}', b"\x00", b'{"name": "a"}\x00'])
def test_a_null_byte_in_the_body_is_refused(registry: Registry, body: bytes) -> None:
    assert refused(registry.post("/registered_models", content=body), 400) == NULL_IN_BODY


def test_an_escaped_backslash_makes_no_null_byte(registry: Registry) -> None:
    name = unique("C:\\u0000")
    assert registry.model(name=name)["name"] == name


@pytest.mark.parametrize("value", ["%00", "a%00b", "%5Cu0000"])
def test_a_null_byte_in_a_query_value_is_refused(registry: Registry, value: str) -> None:
    answer = registry.raw("GET", f"/registered_model?name={value}")
    assert answer.status == 400
    expected = b"Invalid name query parameter: invalid name parameter: contains null bytes which are not allowed"
    assert expected in answer.body


def test_null_bytes_are_looked_for_before_the_route(registry: Registry) -> None:
    assert registry.raw("GET", "/nothing?x=%00").status == 400
    assert registry.raw("POST", "/nothing", body=b"\x00").status == 400


def test_a_null_byte_in_a_query_name_is_not_looked_for(registry: Registry) -> None:
    assert registry.raw("GET", "/registered_models?a%00b=1&pageSize=1").status == 200


# ---------------------------------------------------------------------------------------------------------------------- ids


@pytest.mark.parametrize("spelling", ["{}", "0{}", "000{}", "+{}"])
def test_an_id_may_have_a_sign_and_leading_zeros(registry: Registry, spelling: str) -> None:
    model = registry.model()
    answer = registry.raw("GET", "/registered_models/" + spelling.format(model["id"]))
    assert answer.status == 200
    assert f'"id":"{model["id"]}"'.encode() in answer.body.replace(b": ", b":")


@pytest.mark.parametrize("spelling", ["0", "-1", "-0", "2147483647", "-2147483648"])
def test_an_id_that_nothing_has_is_404(registry: Registry, spelling: str) -> None:
    refused(registry.get(f"/registered_models/{spelling}"), 404, "no registered model found for id ")


@pytest.mark.parametrize(
    ("spelling", "problem"),
    [
        ("abc", "invalid syntax"),
        ("1.0", "invalid syntax"),
        ("1e3", "invalid syntax"),
        ("%201", "invalid syntax"),
        ("1%20", "invalid syntax"),
        ("0x1", "invalid syntax"),
        ("1_000", "invalid syntax"),
        ("%C2%B2", "invalid syntax"),
        ("%D9%A1", "invalid syntax"),
        ("--1", "invalid syntax"),
        ("2147483648", "value out of range"),
        ("-2147483649", "value out of range"),
        ("9" * 40, "value out of range"),
    ],
)
def test_an_id_that_is_no_int32_is_400(registry: Registry, spelling: str, problem: str) -> None:
    answer = registry.raw("GET", f"/registered_models/{spelling}")
    assert answer.status == 400
    assert b"invalid registered model ID: strconv.ParseInt: parsing " in answer.body
    assert problem.encode() in answer.body
    assert b": bad request" in answer.body


def test_an_id_of_another_type_is_404_with_the_same_text(registry: Registry) -> None:
    others = [registry.version(), registry.experiment(), registry.run(), registry.environment(), registry.service()]
    for other in others:
        refused(registry.get(f"/registered_models/{other['id']}"), 404, f"no registered model found for id {other['id']}: not found")
    model = registry.model()["id"]
    for path in ("model_versions", "experiments", "experiment_runs", "serving_environments", "inference_services"):
        refused(registry.get(f"/{path}/{model}"), 404, f"found for id {model}")


# --------------------------------------------------------------------------------------------------------- order of checks


def test_json_is_read_before_the_entity_is_looked_for(registry: Registry) -> None:
    refused(registry.patch("/registered_models/2147483647", content=b'{"owner": '), 400)
    refused(registry.patch("/registered_models/2147483647", {"nothing": 1}), 400, 'unknown field "nothing"')
    refused(registry.patch("/registered_models/2147483647", {"owner": "me"}), 404)


def test_required_fields_are_looked_at_before_the_parent(registry: Registry) -> None:
    refused(registry.post("/model_versions", {"registeredModelId": "2147483647"}), 422, "required field 'name' is zero value.")
    refused(registry.post("/experiment_runs", {"name": "x"}), 422, "required field 'experimentId' is zero value.")


def test_the_query_is_read_before_the_path(registry: Registry) -> None:
    answer = registry.raw("GET", "/registered_models/abc/versions?pageSize=%zz")
    assert answer.status == 400
    assert b"invalid URL escape" in answer.body


# --------------------------------------------------------------------------------------------------------------------- CORS

PREFLIGHT = {"Access-Control-Request-Headers": "content-type"}


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
@pytest.mark.parametrize("origin", ["http://localhost:3000", "http://127.0.0.1:5173", "http://[::1]:8000", "https://localhost"])
def test_a_preflight_from_this_machine_is_allowed(registry: Registry, origin: str, method: str) -> None:
    answer = registry.raw(
        "OPTIONS", "/registered_models/1", headers={"Origin": origin, "Access-Control-Request-Method": method, **PREFLIGHT}
    )
    assert 200 <= answer.status < 300
    assert answer.lines("access-control-allow-origin") == [origin]
    assert method in answer.lines("access-control-allow-methods")[0]
    assert "content-type" in answer.lines("access-control-allow-headers")[0].lower()
    assert answer.lines("access-control-max-age") == ["300"]
    assert answer.lines("access-control-allow-credentials") == []


def test_an_answer_to_a_page_of_this_machine_is_readable_by_it(registry: Registry) -> None:
    response = registry.get_with({"Origin": "http://localhost:3000"}, "/registered_models", pageSize="1")
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "http://localhost:3000"
    assert "Link" in response.headers["access-control-expose-headers"]


def test_a_page_of_the_server_itself_may_write(registry: Registry) -> None:
    response = registry.post("/registered_models", {"name": unique()}, headers={"Origin": registry.base_url})
    assert response.status_code == 201


FOREIGN = ["http://evil.example", "https://evil.example:8080", "http://localhost.evil.example", "http://127.0.0.1.evil.example", "null"]


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_preflight_from_elsewhere_gets_no_permission(registry: Registry, origin: str) -> None:
    answer = registry.raw("OPTIONS", "/registered_models", headers={"Origin": origin, "Access-Control-Request-Method": "POST", **PREFLIGHT})
    assert answer.lines("access-control-allow-origin") == []
    assert answer.lines("access-control-allow-methods") == []


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_page_from_elsewhere_cannot_write_even_without_a_preflight(registry: Registry, origin: str) -> None:
    name = unique()
    response = registry.post("/registered_models", {"name": name}, headers={"Origin": origin, "Content-Type": "text/plain"})
    assert response.status_code == 403
    assert "access-control-allow-origin" not in response.headers
    refused(registry.get("/registered_model", name=name), 404)


def test_an_unknown_host_is_refused(registry: Registry) -> None:
    answer = registry.raw("GET", "/registered_models?pageSize=1", headers={"Host": "rebound.evil.example"})
    assert 400 <= answer.status < 500
    assert b'"items"' not in answer.body
