from datetime import UTC, datetime, timedelta

import pytest

from tests.dialects.jfrog.registry import Jfrog, of_version, refused
from tests.dialects.registry import accepted, on_every_database, unique

pytestmark = on_every_database

UNKNOWN = ["2147483646", "abc", "0", "-1", "007", "1.0", "99999999999999999999999", "%20", "1%00"]


def test_all_that_a_body_says_is_kept(jfrog: Jfrog) -> None:
    name = unique("fraud")
    said = {"name": name, "description": "é\n", "framework": "sklearn", "task_type": "classification", "tags": ["z", "a", "é"]}

    model = jfrog.created("/models", said)

    made = datetime.fromisoformat(model["created_at"])
    assert abs(datetime.now(UTC) - made) < timedelta(minutes=5)
    server = {"id": model["id"], "versions_count": 0, "created_at": model["created_at"], "updated_at": model["created_at"]}
    assert model == {**said, **server, "created_by": "anonymous"}
    assert jfrog.read(f"/models/{model['id']}") == model


def test_what_a_body_leaves_out_is_left_out(jfrog: Jfrog) -> None:
    model = jfrog.model()

    assert model.keys() == {"id", "name", "tags", "versions_count", "created_at", "updated_at", "created_by"}
    assert model["tags"] == []


def test_double_tags_count_once(jfrog: Jfrog) -> None:
    assert jfrog.model(tags=["b", "a", "b"])["tags"] == ["b", "a"]


def test_a_name_is_taken_until_its_model_is_deleted(jfrog: Jfrog) -> None:
    name = unique()
    model = jfrog.model(name=name)

    problem = refused(jfrog.post("/models", {"name": name}), 409, "name")
    assert name in problem["detail"]
    jfrog.gone(f"/models/{model['id']}")
    again = jfrog.model(name=name)
    assert again["id"] != model["id"]


@pytest.mark.parametrize("unknown", UNKNOWN)
def test_what_is_no_id_is_the_id_of_nothing(jfrog: Jfrog, unknown: str) -> None:
    path = f"/models/{unknown}"
    refused(jfrog.get(path), 404)
    refused(jfrog.put(path, {"name": "x"}), 404)
    refused(jfrog.patch(path, {}), 404)
    refused(jfrog.delete(path), 404)
    refused(jfrog.get(f"{path}/versions"), 404)
    refused(jfrog.post(f"{path}/versions", {"version": "1"}), 404)


def test_the_id_of_something_else_is_no_models(jfrog: Jfrog) -> None:
    refused(jfrog.get(f"/models/{jfrog.version()['id']}"), 404)


def test_put_replaces_all_that_a_body_could_say(jfrog: Jfrog) -> None:
    model = jfrog.model(description="d", framework="f", task_type="t", tags=["a"])
    name = unique("renamed")

    answer = accepted(jfrog.put(f"/models/{model['id']}", {"name": name, "tags": ["b"]}), 200)

    assert answer == {
        "id": model["id"],
        "name": name,
        "tags": ["b"],
        "versions_count": 0,
        "created_at": model["created_at"],
        "updated_at": answer["updated_at"],
        "created_by": "anonymous",
    }
    assert answer["updated_at"] >= model["updated_at"]
    assert jfrog.read(f"/models/{model['id']}") == answer
    jfrog.model(name=model["name"])  # the old name is free


def test_put_cannot_take_anothers_name(jfrog: Jfrog) -> None:
    one, other = jfrog.model(), jfrog.model()

    refused(jfrog.put(f"/models/{one['id']}", {"name": other["name"]}), 409, "name")
    assert jfrog.read(f"/models/{one['id']}") == one


def test_patch_changes_what_it_says_and_null_clears(jfrog: Jfrog) -> None:
    model = jfrog.model(description="d", framework="f", task_type="t", tags=["a", "b"])
    path = f"/models/{model['id']}"

    same = accepted(jfrog.patch(path, {}), 200)
    assert same == model | {"updated_at": same["updated_at"]}
    changed = accepted(jfrog.patch(path, {"framework": "g", "tags": ["b", "c"]}), 200)
    assert changed == model | {"framework": "g", "tags": ["b", "c"], "updated_at": changed["updated_at"]}
    cleared = accepted(jfrog.patch(path, {"description": None, "framework": None, "task_type": None, "tags": None}), 200)
    assert cleared.keys() & {"description", "framework", "task_type"} == set()
    assert cleared["tags"] == []
    assert accepted(jfrog.patch(path, {"name": (name := unique())}), 200)["name"] == name


def test_the_newest_version_that_is_not_archived_is_the_latest(jfrog: Jfrog) -> None:
    model = jfrog.model()
    path = f"/models/{model['id']}"
    first, second, third = (jfrog.version(model, version=name) for name in ("2", "10", "1"))

    assert {"latest_version": "1", "versions_count": 3}.items() <= jfrog.read(path).items()
    accepted(jfrog.patch(of_version(third), {"status": "archived"}), 200)
    assert {"latest_version": "10", "versions_count": 3}.items() <= jfrog.read(path).items()
    jfrog.gone(of_version(second))
    assert {"latest_version": "2", "versions_count": 2}.items() <= jfrog.read(path).items()
    jfrog.gone(of_version(first))
    assert "latest_version" not in jfrog.read(path)
    listed = next(one for one in jfrog.read("/models", limit=1000)["models"] if one["id"] == model["id"])
    assert listed == jfrog.read(path)


def test_pages_are_in_order_of_ids_and_count_everything(jfrog: Jfrog) -> None:
    made = [jfrog.model(tags=["t"])["id"] for _ in range(27)]
    total = jfrog.read("/models")["total_count"]

    first = jfrog.read("/models")
    assert len(first["models"]) == 25
    last = jfrog.read("/models", limit=27, offset=total - 27)
    assert [model["id"] for model in last["models"]] == made
    assert last["models"][0] == jfrog.read(f"/models/{made[0]}")
    assert jfrog.read("/models", offset=total) == {"models": [], "total_count": total}
    assert jfrog.read("/models", limit=1, offset=2**63 - 1) == {"models": [], "total_count": total}


def test_a_deleted_model_takes_its_versions_along(jfrog: Jfrog) -> None:
    version = jfrog.version(metrics={"m": 1}, artifact_path="s3://x")
    total = jfrog.read("/models")["total_count"]

    jfrog.gone(f"/models/{version['model_id']}")

    refused(jfrog.get(f"/models/{version['model_id']}"), 404)
    refused(jfrog.get(of_version(version)), 404)
    refused(jfrog.delete(f"/models/{version['model_id']}"), 404)
    assert jfrog.read("/models")["total_count"] == total - 1
