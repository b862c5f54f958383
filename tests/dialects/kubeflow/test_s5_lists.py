"""Reference §5: pages, tokens, order, and what restricts a list."""

import base64
import random

import pytest

from tests.dialects.registry import Json, Registry, accepted, on_every_database, refused, string, unique

pytestmark = on_every_database

BAD_NUMBER = 'invalid numeric string: strconv.ParseInt: parsing "{}": {}: bad request'


def versions(registry: Registry, count: int) -> tuple[str, list[str]]:
    """The path of a list of this many versions that nobody else writes to, and their ids in the order of creation."""
    model = registry.model()
    return f"/registered_models/{model['id']}/versions", [registry.version(model)["id"] for _ in range(count)]


def token(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


# -------------------------------------------------------------------------------------------------------------- page size


@pytest.mark.parametrize(
    ("text", "echo", "size"), [("", 0, 5), ("0", 0, 5), ("-1", -1, 5), ("2", 2, 2), ("+3", 3, 3), ("03", 3, 3), ("5", 5, 5), ("9", 9, 5)]
)
def test_page_size(registry: Registry, text: str, echo: int, size: int) -> None:
    path, ids = versions(registry, 5)
    page = accepted(registry.get(path, pageSize=text), 200)
    assert (page["pageSize"], page["size"]) == (echo, size)
    assert [item["id"] for item in page["items"]] == ids[:size]
    assert bool(page["nextPageToken"]) == (size < 5)


def test_without_a_page_size_everything_comes(registry: Registry) -> None:
    path, ids = versions(registry, 130)
    page = accepted(registry.get(path), 200)
    assert (page["pageSize"], page["size"], page["nextPageToken"]) == (0, 130, "")
    assert [item["id"] for item in page["items"]] == ids


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("abc", "invalid syntax"),
        ("1.5", "invalid syntax"),
        (" 3", "invalid syntax"),
        ("3 ", "invalid syntax"),
        ("2147483648", "value out of range"),
    ],
)
def test_a_bad_page_size(registry: Registry, text: str, problem: str) -> None:
    for path in ("/registered_models", "/artifacts", "/inference_services", f"/model_versions/{registry.version()['id']}/artifacts"):
        assert refused(registry.get(path, pageSize=text), 400) == BAD_NUMBER.format(text, problem)


def test_size_is_of_this_page_and_not_of_all(registry: Registry) -> None:
    path, _ = versions(registry, 3)
    assert [len(page) for page in registry.pages(path, pageSize="2")] == [2, 1]


# ------------------------------------------------------------------------------------------------------------------ order


def test_the_default_order_is_the_order_of_creation(registry: Registry) -> None:
    path, ids = versions(registry, 4)
    assert registry.ids(path) == ids


@pytest.mark.parametrize("order", ["ID", "CREATE_TIME", "", "NAME", "name", "create_time", "bogus", "id"])
@pytest.mark.parametrize("direction", ["", "ASC", "DESC", "desc", "bogus"])
def test_orders_that_are_creations_order(registry: Registry, order: str, direction: str) -> None:
    path, ids = versions(registry, 4)
    assert registry.ids(path, orderBy=order, sortOrder=direction) == (ids[::-1] if direction == "DESC" else ids)


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
def test_order_by_last_update(registry: Registry, direction: str) -> None:
    path, ids = versions(registry, 5)
    for touched in (ids[1], ids[3]):
        accepted(registry.patch(f"/model_versions/{touched}", {"description": "touched"}), 200)
    items = registry.items(path, orderBy="LAST_UPDATE_TIME", sortOrder=direction)
    keys = [(int(item["lastUpdateTimeSinceEpoch"]), int(item["id"])) for item in items]
    assert keys == sorted(keys, reverse=direction == "DESC")
    assert {item["id"] for item in items} == set(ids)


# ----------------------------------------------------------------------------------------------------------------- tokens


def test_a_token_is_the_last_id_and_its_value(registry: Registry) -> None:
    path, ids = versions(registry, 3)
    page = accepted(registry.get(path, pageSize="2"), 200)
    assert base64.b64decode(page["nextPageToken"], validate=True).decode() == f"{ids[1]}:{ids[1]}"
    page = accepted(registry.get(path, pageSize="2", orderBy="CREATE_TIME"), 200)
    last = page["items"][-1]
    assert base64.b64decode(page["nextPageToken"], validate=True).decode() == f"{last['id']}:{last['createTimeSinceEpoch']}"


def test_a_token_is_the_same_each_time_for_the_same_page(registry: Registry) -> None:
    path, _ = versions(registry, 3)
    assert registry.get(path, pageSize="2").json() == registry.get(path, pageSize="2").json()
    assert registry.get(path, pageSize="2").json() == registry.get(path, pageSize="2", nextPageToken="").json()


@pytest.mark.parametrize("order", ["ID", "CREATE_TIME", "LAST_UPDATE_TIME"])
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize("size", [1, 3, 7, 12, 13])
def test_the_pages_give_every_row_once(registry: Registry, order: str, direction: str, size: int) -> None:
    path, ids = versions(registry, 12)
    query = {"orderBy": order, "sortOrder": direction}
    for touched in random.Random(1).sample(ids, 5):  # noqa: S311 - a fixed shuffle, the same in each run; nothing secret comes of it
        registry.patch(f"/model_versions/{touched}", {})
    walked = [item["id"] for page in registry.pages(path, pageSize=str(size), **query) for item in page]
    assert walked == registry.ids(path, **query)
    assert sorted(walked, key=int) == ids


def test_a_page_that_exhausts_the_rows_is_the_last(registry: Registry) -> None:
    path, _ = versions(registry, 4)
    assert [len(page) for page in registry.pages(path, pageSize="2")] == [2, 2]


def test_rows_inserted_meanwhile_shift_nothing(registry: Registry) -> None:
    model = registry.model()
    path = f"/registered_models/{model['id']}/versions"
    old = [registry.version(model)["id"] for _ in range(6)]
    for direction, expected in (("ASC", old), ("DESC", old[::-1])):
        seen: list[str] = []
        for page in registry.pages(path, pageSize="2", sortOrder=direction):
            seen += [item["id"] for item in page]
            if len(seen) == 2:
                registry.version(model)
        assert [identity for identity in seen if identity in old] == expected


def test_a_token_counts_without_a_page_size(registry: Registry) -> None:
    path, ids = versions(registry, 4)
    assert registry.ids(path, nextPageToken=token(f"{ids[1]}:{ids[1]}")) == ids[2:]


def test_a_token_carries_neither_order_nor_filter(registry: Registry) -> None:
    path, ids = versions(registry, 4)
    assert registry.ids(path, nextPageToken=token(f"{ids[2]}:{ids[2]}"), sortOrder="DESC") == ids[:2][::-1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("!!", "invalid nextPageToken: illegal base64 data at input byte 0: bad request"),
        ("NTo1=", "invalid nextPageToken: "),
        ("NTo", "invalid nextPageToken: "),
        (token("5:5")[:-1], "invalid nextPageToken: "),
        (token("nope"), "invalid nextPageToken: "),
        (token(""), None),
        (token("a:5"), "invalid nextPageToken: "),
        (token("2147483648:5"), "invalid nextPageToken: "),
        (token("5:abc"), ""),
        (token("5:"), ""),
        (token(":5"), ""),
        (token("5:99999999999999999999"), ""),
        (token("5:" + "1" * 1100), "invalid nextPageToken: "),
        (token("5:'; DROP TABLE x"), ""),
        ("\u00e9", "invalid nextPageToken: "),
    ],
)
def test_a_bad_token(registry: Registry, text: str, message: str | None) -> None:
    for path in ("/registered_models", "/artifacts", "/experiment_runs/metric_history", versions(registry, 1)[0]):
        for order in ("ID", "CREATE_TIME"):
            response = registry.get(path, nextPageToken=text, orderBy=order, pageSize="1")
            if message is None:
                assert response.status_code == 200
            else:
                refused(response, 400, message)


# ------------------------------------------------------------------------------------------------------ order of complaints


def test_which_complaint_comes_first(registry: Registry) -> None:
    bad = {"pageSize": "abc", "nextPageToken": "!!", "filterQuery": "((", "artifactType": "bad"}
    path = "/model_versions/abc/artifacts"
    assert "numeric string" in refused(registry.get(path, **bad), 400)
    del bad["pageSize"]
    assert "nextPageToken" in refused(registry.get(path, **bad), 400)
    del bad["nextPageToken"]
    assert "parent resource" in refused(registry.get(path, **bad), 400)
    path = f"/model_versions/{registry.version()['id']}/artifacts"
    assert "artifact type" in refused(registry.get(path, **bad), 400)
    del bad["artifactType"]
    assert "filter" in refused(registry.get(path, **bad), 400)
    refused(registry.get("/experiments/2147483646/experiment_runs", filterQuery="(("), 404)


# ---------------------------------------------------------------------------------------------------------- artifact type


def test_artifact_type_restricts(registry: Registry) -> None:
    kinds = ["model-artifact", "doc-artifact", "dataset-artifact", "metric", "parameter"]
    tag = unique("tag")
    run = registry.run()
    logged = {kind: registry.artifact(kind, f"/experiment_runs/{run['id']}", customProperties={"tag": string(tag)})["id"] for kind in kinds}
    paths: list[tuple[str, Json]] = [("/artifacts", {"filterQuery": f"tag = '{tag}'"}), (f"/experiment_runs/{run['id']}/artifacts", {})]
    for path, query in paths:
        for kind in kinds:
            assert registry.ids(path, **query, artifactType=kind) == [logged[kind]]
        assert registry.ids(path, **query, artifactType="") == list(logged.values())
    version = registry.version()
    registry.artifact("doc-artifact", f"/model_versions/{version['id']}")
    assert registry.ids(f"/model_versions/{version['id']}/artifacts", artifactType="metric") == []


@pytest.mark.parametrize("artifact_type", ["Metric", "METRIC", "metric-history", "model_artifact", "bogus", " metric"])
def test_a_bad_artifact_type(registry: Registry, artifact_type: str) -> None:
    version, run = registry.version(), registry.run()
    for path in ("/artifacts", f"/model_versions/{version['id']}/artifacts", f"/experiment_runs/{run['id']}/artifacts"):
        refused(registry.get(path, artifactType=artifact_type), 400, f"invalid artifact type {artifact_type}: bad request")
    refused(registry.get("/artifacts", artifactType="null"), 400, "invalid artifact type: empty or null value provided")


def test_the_model_artifacts_list_has_model_artifacts_only(registry: Registry) -> None:
    tag = {"tag": string(unique("tag"))}
    artifact = registry.artifact("model-artifact", customProperties=tag)
    registry.artifact("doc-artifact", customProperties=tag)
    assert registry.items("/model_artifacts", filterQuery=f"tag = '{tag['tag']['string_value']}'") == [artifact]


# --------------------------------------------------------------------------------- name and external id on sub-collections

SUB_LISTS = ["versions", "artifacts of a version", "artifacts of a run", "runs", "serves", "services"]


def sub_list(registry: Registry, which: str, *things: Json) -> tuple[str, list[Json]]:
    """The path of a fresh sub-list, with these things made in it."""
    match which:
        case "versions":
            model = registry.model()
            return f"/registered_models/{model['id']}/versions", [registry.version(model, **thing) for thing in things]
        case "artifacts of a version":
            path = f"/model_versions/{registry.version()['id']}"
            return f"{path}/artifacts", [registry.artifact("doc-artifact", path, **thing) for thing in things]
        case "artifacts of a run":
            path = f"/experiment_runs/{registry.run()['id']}"
            return f"{path}/artifacts", [registry.artifact("parameter", path, value="x", **thing) for thing in things]
        case "runs":
            experiment = registry.experiment()
            return f"/experiments/{experiment['id']}/experiment_runs", [registry.run(experiment, **thing) for thing in things]
        case "serves":
            service, version = registry.service(), registry.version()
            return f"/inference_services/{service['id']}/serves", [registry.serve_model(service, version, **thing) for thing in things]
    environment, model = registry.environment(), registry.model()
    made = [registry.service(environment, model, **thing) for thing in things]
    return f"/serving_environments/{environment['id']}/inference_services", made


@pytest.mark.parametrize("which", SUB_LISTS)
def test_name_and_external_id_restrict_a_sub_list(registry: Registry, which: str) -> None:
    first, second = unique("external"), unique("external")
    path, (one, two) = sub_list(registry, which, {"name": "one", "externalId": first}, {"name": "two", "externalId": second})
    assert registry.items(path, name="one") == [one]
    assert registry.items(path, externalId=second) == [two]
    assert registry.items(path, name="one", externalId=second) == [one]
    assert registry.items(path, name="nobody") == []
    assert registry.items(path, externalId="nobody") == []
    assert registry.items(path, name="", externalId="") == [one, two]


@pytest.mark.parametrize("which", SUB_LISTS)
@pytest.mark.parametrize("name", ["it's", 'a "b"', "v%", "v_1", "a:b", "back\\slash", "x' OR 'a' = 'a", "`tick`", "Ünï"])
def test_a_name_in_a_sub_list_is_exact(registry: Registry, which: str, name: str) -> None:
    path, (thing, _) = sub_list(registry, which, {"name": name}, {"name": "v-1"})
    assert registry.items(path, name=name) == [thing]
    assert registry.items(path, name=name.upper() + "x") == []
    assert registry.items(path, name="b") == []


@pytest.mark.parametrize("which", SUB_LISTS)
def test_a_name_and_a_filter_must_both_hold(registry: Registry, which: str) -> None:
    path, (one, _) = sub_list(
        registry, which, {"name": "one", "customProperties": {"k": string("v")}}, {"name": "two", "customProperties": {"k": string("v")}}
    )
    assert registry.items(path, name="one", filterQuery="k = 'v'") == [one]
    assert registry.items(path, name="one", filterQuery="k = 'w'") == []
    assert registry.items(path, name="one", filterQuery="k = 'w' OR k = 'v'") == [one]
    assert registry.items(path, name="one", filterQuery="k = 'v' OR name = 'two'") == [one]


def test_top_level_lists_ignore_them(registry: Registry) -> None:
    tag = unique("tag")
    model = registry.model(customProperties={"tag": string(tag)})
    assert registry.items("/registered_models", name="nobody", externalId="nobody", filterQuery=f"tag = '{tag}'") == [model]


# ---------------------------------------------------------------------------------------------------------------- parents


@pytest.mark.parametrize(
    "path",
    [
        "/registered_models/{}/versions",
        "/model_versions/{}/artifacts",
        "/experiment_runs/{}/artifacts",
        "/inference_services/{}/serves",
        "/serving_environments/{}/inference_services",
    ],
)
def test_the_children_of_nobody_are_an_empty_list(registry: Registry, path: str) -> None:
    for nobody in ("2147483646", "0", "-1"):
        assert registry.items(path.format(nobody)) == []
    assert registry.get(path.format(registry.experiment()["id"])).status_code == 200
    refused(registry.get(path.format("abc")), 400)


def test_runs_and_history_of_nobody_are_404(registry: Registry) -> None:
    refused(registry.get("/experiments/2147483646/experiment_runs"), 404, "no experiment found for id 2147483646")
    refused(registry.get("/experiment_runs/2147483646/metric_history"), 404, "experiment run not found: ")
    refused(registry.get("/experiment_runs/abc/metric_history"), 400, "experiment run not found: ")
    refused(registry.get("/experiments/abc/experiment_runs"), 400)


def test_a_sub_list_has_its_parents_children_only(registry: Registry) -> None:
    for which in SUB_LISTS:
        path, things = sub_list(registry, which, {"name": "a"}, {"name": "b"})
        sub_list(registry, which, {"name": "a"}, {"name": "c"})
        assert registry.items(path) == things
