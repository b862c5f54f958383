"""Experiments, runs and what they log (0.3.14 only: later clients have no experiments). Arguments: the server's URL, a unique text."""

import asyncio
import json
import sys
from urllib.parse import urlsplit

import mr_openapi
from model_registry import ModelRegistry
from model_registry.types import DataSet, Metric, Parameter

url, stem = sys.argv[1:]
registry = ModelRegistry(url, author="Ada", is_secure=False)
name = f"Experiment {stem}"

# a run, as the README shows
with registry.start_experiment_run(experiment_name=name, owner="me", description="an experiment", run_description="a run") as run:
    run.log_metric(key="rval", value=10, step=4, description="This is a test metric")
    run.log_dataset(
        name="dataset_1", source_type="local", uri="s3://datasets/test", schema=json.dumps({"epochs": {}}), profile="random_profile"
    )
    run.log_param("input1", 5.75)
    run.log_param("name", "text")
    run.log_param("flag", value=True)
metric = run.get_log("metrics", "rval")
assert isinstance(metric, Metric)
assert (metric.value, metric.step, metric.description) == (10, 4, "This is a test metric")
assert (metric.experiment_run_id, metric.experiment_id) == (run.info.id, run.info.experiment_id)
parameter = run.get_log("params", "input1")
assert isinstance(parameter, Parameter)
assert (parameter.value, parameter.parameter_type.value) == (5.75, "number")
data = run.get_log("datasets", "dataset_1")
assert isinstance(data, DataSet)
assert (data.source_type, data.schema, data.profile) == ("local", '{"epochs": {}}', "random_profile")

logs = list(registry.get_experiment_run_logs(run_id=run.info.id))
assert sorted(log.name for log in logs) == ["dataset_1", "flag", "input1", "name", "rval"]
assert registry.get_experiment_run_logs(run_id=run.info.id).next_item()
by_name = registry.get_experiment_run_logs(run_name=run.info.name, experiment_name=name)
assert sorted(log.name for log in by_name.page_size(2)) == ["dataset_1", "flag", "input1", "name", "rval"]
by_id = registry.get_experiment_run_logs(run_name=run.info.name, experiment_id=run.info.experiment_id)
assert len(list(by_id)) == 5
assert registry.get_experiment_run(run.info.id).name == run.info.name

# nested runs carry a tag
with registry.start_experiment_run(experiment_name=name) as outer:
    outer.log_metric(key="rval", value=10, step=4, description="This is a test metric")
    with registry.start_experiment_run(nested=True) as inner:
        inner.log_metric(key="rval", value=50, step=2, description="This is a test metric for a nested run")
assert inner.info.experiment_id == outer.info.experiment_id
assert registry.get_experiment_run(inner.info.id).custom_properties == {"kubeflow.parent_run_id": outer.info.id}

# the same run again: metrics are updated by name, and history keeps every value
for step, value in enumerate((0.9, 0.5, 0.25)):
    with registry.start_experiment_run(experiment_id=run.info.experiment_id, run_id=run.info.id) as again:
        again.log_metric(key="loss", value=value, step=step)
        again.log_param("input1", 6.5)
        assert again.info.id == run.info.id
logged = {log.name: log for log in registry.get_experiment_run_logs(run_id=run.info.id)}
assert len(logged) == 6
assert (logged["loss"].value, logged["loss"].step, logged["input1"].value) == (0.25, 2, 6.5)

# lists of experiments and runs
experiment = registry.create_experiment(f"Second {stem}")
assert registry.create_experiment(f"Second {stem}").id == experiment.id
names = [found.name for found in registry.get_experiments().order_by_creation_time().descending().page_size(20)]
assert {name, f"Second {stem}"} <= set(names)
expected = [run.info.id, outer.info.id, inner.info.id]
for size in (1, 2, 3, 10):
    assert [found.id for found in registry.get_experiment_runs(experiment_name=name).page_size(size)] == expected
    assert [
        found.id for found in registry.get_experiment_runs(experiment_id=run.info.experiment_id).page_size(size).descending()
    ] == expected[::-1]
assert list(registry.get_experiment_runs(experiment_id=experiment.id)) == []
assert list(registry.get_experiment_runs(experiment_name=f"nobody {stem}")) == []


async def history() -> None:
    async with mr_openapi.ApiClient(mr_openapi.Configuration(host=f"http://{urlsplit(url).netloc}")) as client:
        api = mr_openapi.ModelRegistryServiceApi(client)
        found = await api.get_experiment_run_metric_history(run.info.id, name="loss")
        assert [(point.value, point.step) for point in found.items] == [(0.9, 0), (0.5, 1), (0.25, 2)]
        found = await api.get_experiment_run_metric_history(run.info.id, step_ids="0,2", page_size="1")
        assert (found.size, bool(found.next_page_token)) == (1, True)
        both = f"experimentRunId IN ({outer.info.id}, {inner.info.id})"
        found = await api.get_experiment_runs_metric_history(filter_query=both, name="rval")
        assert {(point.value, point.experiment_run_id) for point in found.items} == {(10, outer.info.id), (50, inner.info.id)}
        changed = await api.update_experiment_run(
            run.info.id,
            mr_openapi.ExperimentRunUpdate(status=mr_openapi.ExperimentRunStatus.FINISHED, end_time_since_epoch="1700000000000"),
        )
        assert (changed.status, changed.end_time_since_epoch) == (mr_openapi.ExperimentRunStatus.FINISHED, "1700000000000")


asyncio.run(history())
