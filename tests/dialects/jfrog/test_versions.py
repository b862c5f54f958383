import pytest

from tests.dialects.jfrog.registry import Jfrog, of_version, refused
from tests.dialects.jfrog.test_models import UNKNOWN
from tests.dialects.registry import accepted, on_every_database, unique

pytestmark = on_every_database


def test_all_that_a_body_says_is_kept(jfrog: Jfrog) -> None:
    model = jfrog.model()
    said = {
        "version": "1.0",
        "description": "first",
        "status": "staging",
        "artifact_path": "ml-local/fraud/1.0/model.onnx",
        "metrics": {"accuracy": 0.97, "loss": 1e-300, "é": -3, "big": 1.7976931348623157e308},
        "parameters": {"lr": "0.1", "empty": ""},
    }

    version = jfrog.created(f"/models/{model['id']}/versions", said)

    server = {"id": version["id"], "model_id": model["id"], "created_at": version["created_at"], "created_by": "anonymous"}
    assert version == said | server
    assert jfrog.read(of_version(version)) == version
    assert jfrog.read(f"/models/{model['id']}/versions") == {"versions": [version], "total_count": 1}


def test_what_a_body_leaves_out_is_empty_and_the_version_a_draft(jfrog: Jfrog) -> None:
    version = jfrog.version()

    assert version.keys() == {"id", "model_id", "version", "status", "metrics", "parameters", "created_at", "created_by"}
    assert (version["status"], version["metrics"], version["parameters"]) == ("draft", {}, {})


def test_a_version_is_unique_in_its_model(jfrog: Jfrog) -> None:
    model = jfrog.model()
    version = jfrog.version(model, version="1")

    refused(jfrog.post(f"/models/{model['id']}/versions", {"version": "1"}), 409, "version")
    jfrog.version(version="1")
    jfrog.gone(of_version(version))
    jfrog.version(model, version="1")


@pytest.mark.parametrize("unknown", UNKNOWN)
def test_what_is_no_id_is_the_id_of_nothing(jfrog: Jfrog, unknown: str) -> None:
    path = f"/models/{jfrog.model()['id']}/versions/{unknown}"
    refused(jfrog.get(path), 404)
    refused(jfrog.patch(path, {}), 404)
    refused(jfrog.delete(path), 404)


def test_another_models_version_is_not_found(jfrog: Jfrog) -> None:
    version, other = jfrog.version(), jfrog.model()
    path = f"/models/{other['id']}/versions/{version['id']}"

    refused(jfrog.get(path), 404)
    refused(jfrog.patch(path, {"status": "production"}), 404)
    refused(jfrog.delete(path), 404)
    assert jfrog.read(of_version(version)) == version


def test_a_version_goes_through_its_stages(jfrog: Jfrog) -> None:
    version = jfrog.version()
    for status in ("staging", "production", "archived", "draft", "archived"):
        changed = accepted(jfrog.patch(of_version(version), {"status": status}), 200)
        assert changed == version | {"status": status}
        assert jfrog.read(of_version(version)) == changed


def test_metrics_and_parameters_are_added_to_and_changed_by_name(jfrog: Jfrog) -> None:
    version = jfrog.version(metrics={"a": 1, "b": 2}, parameters={"p": "1", "q": "2"})
    patch = {"metrics": {"b": 3, "c": 4}, "parameters": {"q": "3", "r": "4"}, "description": "more"}

    changed = accepted(jfrog.patch(of_version(version), patch), 200)

    assert changed["metrics"] == {"a": 1, "b": 3, "c": 4}
    assert changed["parameters"] == {"p": "1", "q": "3", "r": "4"}
    assert changed["description"] == "more"
    assert jfrog.read(of_version(version)) == changed


def test_the_path_of_the_files_is_set_changed_and_cleared(jfrog: Jfrog) -> None:
    path = of_version(jfrog.version())
    for said, shown in (("s3://a", "s3://a"), ("s3://b", "s3://b"), (None, None), (None, None), ("", "")):
        assert accepted(jfrog.patch(path, {"artifact_path": said}), 200).get("artifact_path") == shown
        assert jfrog.read(path).get("artifact_path") == shown


def test_a_thousand_metrics_at_once(jfrog: Jfrog) -> None:
    metrics = {f"m{number}": number / 7 for number in range(1_000)}

    version = jfrog.version(metrics=metrics)

    assert jfrog.read(of_version(version))["metrics"] == metrics
    changed = accepted(jfrog.patch(of_version(version), {"metrics": dict.fromkeys(metrics, 1)}), 200)
    assert changed["metrics"] == dict.fromkeys(metrics, 1)


def test_a_list_has_everything_or_a_part(jfrog: Jfrog) -> None:
    model = jfrog.model()
    made = [jfrog.version(model, metrics={"n": number}, parameters={"p": str(number)}) for number in range(30)]
    path = f"/models/{model['id']}/versions"

    assert jfrog.read(path) == {"versions": made, "total_count": 30}
    assert jfrog.read(path, limit=2, offset=3) == {"versions": made[3:5], "total_count": 30}
    assert jfrog.read(path, offset=29) == {"versions": made[29:], "total_count": 30}
    assert jfrog.read(path, offset=30) == {"versions": [], "total_count": 30}


def test_a_model_without_versions_has_an_empty_list(jfrog: Jfrog) -> None:
    assert jfrog.read(f"/models/{jfrog.model()['id']}/versions") == {"versions": [], "total_count": 0}


def test_a_deleted_version_is_gone(jfrog: Jfrog) -> None:
    version = jfrog.version(version=unique(), metrics={"m": 1})

    jfrog.gone(of_version(version))

    refused(jfrog.get(of_version(version)), 404)
    refused(jfrog.delete(of_version(version)), 404)
    assert jfrog.read(f"/models/{version['model_id']}/versions")["total_count"] == 0


def test_a_long_list_is_as_long_as_it_is(jfrog: Jfrog) -> None:
    """One that is put together in a thread."""
    model = jfrog.model()
    bodies = [{"version": str(number), "metrics": {"n": number}} for number in range(510)]
    made = [jfrog.created(f"/models/{model['id']}/versions", body) for body in bodies]

    assert jfrog.read(f"/models/{model['id']}/versions") == {"versions": made, "total_count": 510}
