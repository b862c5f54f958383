"""The other end of `demo.logbook`: run by a Python that has model-registry 0.3.14. The argument is the registry's URL.

Reads one JSON object a line, does what its `action` says with Kubeflow's client, and answers one JSON value a line.
"""

import json
import logging
import sys
import time
from collections.abc import Mapping
from typing import Any

import mr_openapi
from model_registry import ModelRegistry

STATES = mr_openapi.ExperimentRunStatus


class Recorder:
    def __init__(self, url: str) -> None:
        self._url = url
        self._registry = ModelRegistry(url, author="ann", log_level=logging.ERROR)
        self._experiment = self._run = ""

    def start_experiment(self, name: str) -> str:
        self._experiment = self._registry.create_experiment(name).id
        return self._experiment

    def start_run(self, name: str) -> str:
        """The client's own runs have made-up names; its API layer underneath lets one choose."""
        run = mr_openapi.ExperimentRunCreate(experimentId=self._experiment, name=name, startTimeSinceEpoch=_now())
        self._run = self._call("create_experiment_run", run).id
        return self._run

    def parameters(self, values: Mapping[str, Any]) -> None:
        with self._open() as run:
            for name, value in values.items():
                run.log_param(name, value)

    def metrics(self, values: Mapping[str, float], step: int) -> None:
        """The client sends what is logged when the run is left, and of each name the last value: so once for each step."""
        with self._open() as run:
            for name, value in values.items():
                run.log_metric(name, value, step=step)

    def finish_run(self, outcome: Mapping[str, float]) -> None:
        """The client never ends a run; its API layer can."""
        properties = {
            name: mr_openapi.MetadataValue(mr_openapi.MetadataDoubleValue(double_value=value, metadataType="MetadataDoubleValue"))
            for name, value in outcome.items()
        }
        end = mr_openapi.ExperimentRunUpdate(status=STATES.FINISHED, endTimeSinceEpoch=_now(), customProperties=properties)
        self._call("update_experiment_run", self._run, end)

    def _open(self) -> Any:
        return self._registry.start_experiment_run(experiment_id=self._experiment, run_id=self._run)

    def _call(self, operation: str, *arguments: Any) -> Any:
        async def call() -> Any:
            async with mr_openapi.ApiClient(mr_openapi.Configuration(host=self._url)) as client:
                return await getattr(mr_openapi.ModelRegistryServiceApi(client), operation)(*arguments)

        return self._registry.async_runner(call())


def _now() -> str:
    """Milliseconds since 1970, as text."""
    return str(time.time_ns() // 1_000_000)


def main() -> None:
    answers, sys.stdout = sys.stdout, sys.stderr  # what the client prints is no answer
    recorder = Recorder(sys.argv[1])
    for line in sys.stdin:
        asked = json.loads(line)
        done = getattr(recorder, asked.pop("action"))(**asked)
        print(json.dumps(done), file=answers, flush=True)


if __name__ == "__main__":
    main()
