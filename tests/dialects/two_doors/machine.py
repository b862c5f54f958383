"""Random changes through both dialects, and after each of them every read of both."""

import itertools
from collections.abc import Coroutine
from typing import Any, ClassVar, Protocol, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from modelyard.api.http.edge import Edge
from tests.dialects.two_doors.jfrog import Jfrog
from tests.dialects.two_doors.kubeflow import Kubeflow
from tests.dialects.two_doors.native import Native
from tests.dialects.two_doors.world import Json, Thing, World

T = TypeVar("T")

NAMES = st.sampled_from(["a", "A", "default", "ß "])
TEXTS = st.sampled_from(["", "x", "ä ☃"])
FEW = st.sampled_from(["p", "q"])
NUMBERS = st.sampled_from([0, -1.5, 3])
TAGS = st.lists(st.sampled_from(["t", "u", "stage", "n"]), max_size=3)
ANY = st.integers(0, 11)
"""Which of the things that there are, or were: counted from the one made last."""


def _text(value: str) -> Json:
    return {"metadataType": "MetadataStringValue", "string_value": value}


PROPERTIES = st.dictionaries(
    st.sampled_from(["u", "t", "n", "stage"]),
    st.sampled_from([_text(""), _text("staging"), _text("x"), {"metadataType": "MetadataIntValue", "int_value": "7"}]),
    max_size=3,
)
STATES = st.sampled_from(["LIVE", "ARCHIVED"])
COMMON = {"description": st.none() | TEXTS, "customProperties": st.none() | PROPERTIES}
NAMED = {"externalId": st.none() | st.sampled_from(["e", "f"]), **COMMON}
TASKS = st.lists(st.sampled_from(["nlp", "", "vision"]), max_size=3)
MODEL = {"owner": TEXTS, "state": st.none() | STATES, "libraryName": TEXTS, "tasks": TASKS, "readme": TEXTS, "language": TASKS, **NAMED}
VERSION = {"author": TEXTS, "state": st.none() | STATES, **NAMED}
EXPERIMENT = {"owner": TEXTS, "state": st.none() | STATES, **COMMON}
MOMENTS = st.none() | st.sampled_from(["1000", "9000000000000", "9100000000000"])
RUN = {
    "owner": TEXTS,
    "status": st.none() | st.sampled_from(["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]),
    "endTimeSinceEpoch": MOMENTS,
    **NAMED,
}
SERVICE = {"desiredState": st.none() | st.sampled_from(["DEPLOYED", "UNDEPLOYED"]), "runtime": TEXTS, **COMMON}
SERVE = {"lastKnownState": st.sampled_from([None, "UNKNOWN", "NEW", "RUNNING", "COMPLETE", "FAILED", "CACHED", "CANCELED"]), **COMMON}
ARTIFACT: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "model-artifact": {"uri": st.none() | TEXTS, "modelFormatName": TEXTS, "state": st.none() | st.just("LIVE"), **COMMON},
    "doc-artifact": {"uri": TEXTS, **COMMON},
    "metric": {"step": st.none() | st.integers(0, 2), "timestamp": st.none() | st.just("17"), **COMMON},
    "parameter": {"value": st.none() | TEXTS, "parameterType": st.none() | st.just("number"), **COMMON},
}
ARTIFACT_NAMES = {"model-artifact": ["model", "other"], "doc-artifact": ["model", "p"], "metric": ["p", "q"], "parameter": ["p", "q"]}


def _body(optional: dict[str, st.SearchStrategy[Any]], **needed: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(needed, optional=optional)


def _artifact(type_: str) -> st.SearchStrategy[Json]:
    value = {"value": NUMBERS} if type_ == "metric" else {}
    return _body(ARTIFACT[type_], artifactType=st.just(type_), name=st.sampled_from(ARTIFACT_NAMES[type_]), **value)


ARTIFACTS = st.sampled_from([*ARTIFACT]).flatmap(_artifact)
METRICS = st.dictionaries(FEW, NUMBERS, max_size=2)
PARAMETERS = st.dictionaries(FEW, TEXTS, max_size=2)
JFROG_MODEL = {"description": TEXTS, "framework": TEXTS, "task_type": st.sampled_from(["nlp", "", "vision"]), "tags": TAGS}
STATUSES = st.sampled_from(["draft", "staging", "production", "archived"])
JFROG_VERSION = {"description": TEXTS, "status": STATUSES, "artifact_path": TEXTS, "metrics": METRICS, "parameters": PARAMETERS}
RUN_STATUSES = st.sampled_from(["running", "completed", "failed", "cancelled"])


class Runs(Protocol):
    def __call__(self, work: Coroutine[Any, Any, T]) -> T: ...


class TwoDoors(RuleBasedStateMachine):
    """Each example has a project of its own in one server."""

    edge: ClassVar[Edge]
    does: ClassVar[Runs]
    numbers: ClassVar = itertools.count(1)

    @initialize()
    def enter(self) -> None:
        name = f"p{next(self.numbers)}"
        self.world = World()
        outside = Native(self.edge, self.world, "")
        made = self.does(outside.send("POST", "/projects", {"name": name}))
        assert made.status == 201, made.text
        there = (self.edge, self.world, f"/p/{name}")
        self.kubeflow, self.jfrog, self.native = Kubeflow(*there), Jfrog(*there), Native(*there)
        self.does(self._begin())

    async def _begin(self) -> None:
        """One of everything, from both sides, so that no program is spent on making what it needs."""
        await self.jfrog.create_model({"name": "a", "tags": ["u"], "task_type": "nlp"})
        await self._check()
        (model,) = self.world.all("model")
        properties = {"n": {"metadataType": "MetadataIntValue", "int_value": "7"}, "u": _text("")}
        more = {"customProperties": {"n": _text("x")}}
        await self.kubeflow.patch(model, {"tasks": ["nlp", "vision"], "language": ["de"], "customProperties": properties})
        await self._check()
        await self.kubeflow.create("version", {"name": "a", "author": "x", **more}, model)
        await self._check()
        await self.jfrog.create_experiment({"name": "a", "parameters": {"p": "x"}}, model)
        await self._check()
        (run,) = self.world.all("run")
        await self.jfrog.patch_experiment(run, {"status": "completed", "metrics": {"p": 3}})
        await self._check()
        await self.jfrog.patch_experiment(run, {"status": "running"})
        await self._check()
        await self.jfrog.create_version(model, {"version": "A", "metrics": {"p": 1.5}, "artifact_path": "x"})
        await self._check()
        first, second = self.world.all("version")
        await self.kubeflow.patch(second, more)
        await self._check()
        # Of two metrics of one name the version's own counts, although the run's is older.
        await self.kubeflow.attach(second, self.world.namesakes(run, "metric", "p")[0], {"artifactType": "metric", "value": 3})
        await self._check()
        await self.jfrog.patch_version(second, {"metrics": {"p": 0}})
        await self._check()
        await self.jfrog.deploy({"name": "a"}, model, first)

    @invariant()
    def both_show_the_same_truth(self) -> None:
        if hasattr(self, "world"):
            self.does(self._check())

    async def _check(self) -> None:
        await self.kubeflow.settle()
        self.kubeflow.check_answers()
        self.jfrog.check_answers()
        await self.kubeflow.check()
        await self.jfrog.check()
        await self.native.check()

    def some(self, which: int, *kinds: str) -> Thing:
        there = [thing for thing in self.world.things if thing.kind in kinds]
        return there[-1 - which % len(there)]

    def has(self, *kinds: str) -> bool:
        return hasattr(self, "world") and any(thing.kind in kinds for thing in self.world.things)

    # --------------------------------------------------------------------------------------------------------------- models
    @rule(body=_body(JFROG_MODEL, name=NAMES))
    def jfrog_creates_a_model(self, body: Json) -> None:
        self.does(self.jfrog.create_model(body))

    @rule(body=_body(MODEL, name=NAMES))
    def kubeflow_creates_a_model(self, body: Json) -> None:
        self.does(self.kubeflow.create("model", body))

    @precondition(lambda self: self.has("model"))
    @rule(which=ANY, body=_body(JFROG_MODEL, name=NAMES))
    def jfrog_replaces_a_model(self, which: int, body: Json) -> None:
        self.does(self.jfrog.put_model(self.some(which, "model"), body))

    @precondition(lambda self: self.has("model"))
    @rule(which=ANY, body=_body({"name": NAMES, **{word: st.none() | values for word, values in JFROG_MODEL.items()}}))
    def jfrog_changes_a_model(self, which: int, body: Json) -> None:
        self.does(self.jfrog.patch_model(self.some(which, "model"), body))

    @precondition(lambda self: self.has("model"))
    @rule(which=ANY, body=_body(MODEL))
    def kubeflow_changes_a_model(self, which: int, body: Json) -> None:
        self.does(self.kubeflow.patch(self.some(which, "model"), body))

    @precondition(lambda self: self.has("model"))
    @rule(which=ANY)
    def jfrog_deletes_a_model(self, which: int) -> None:
        self.does(self.jfrog.delete_model(self.some(which, "model")))

    # ------------------------------------------------------------------------------------------------------------- versions
    @precondition(lambda self: self.has("model"))
    @rule(which=ANY, body=_body(JFROG_VERSION, version=NAMES))
    def jfrog_creates_a_version(self, which: int, body: Json) -> None:
        self.does(self.jfrog.create_version(self.some(which, "model"), body))

    @precondition(lambda self: self.has("model"))
    @rule(which=ANY, body=_body(VERSION, name=NAMES))
    def kubeflow_creates_a_version(self, which: int, body: Json) -> None:
        self.does(self.kubeflow.create("version", body, self.some(which, "model")))

    @precondition(lambda self: self.has("version"))
    @rule(which=ANY, body=_body(JFROG_VERSION | {"description": st.none() | TEXTS, "artifact_path": st.none() | TEXTS}))
    def jfrog_changes_a_version(self, which: int, body: Json) -> None:
        self.does(self.jfrog.patch_version(self.some(which, "version"), body))

    @precondition(lambda self: self.has("version"))
    @rule(which=ANY, body=_body(VERSION))
    def kubeflow_changes_a_version(self, which: int, body: Json) -> None:
        self.does(self.kubeflow.patch(self.some(which, "version"), body))

    @precondition(lambda self: self.has("version"))
    @rule(which=ANY)
    def jfrog_deletes_a_version(self, which: int) -> None:
        self.does(self.jfrog.delete_version(self.some(which, "version")))

    # ---------------------------------------------------------------------------------------------------- experiments, runs
    @rule(which=st.none() | ANY, body=_body({"description": TEXTS, "parameters": PARAMETERS}, name=NAMES))
    def jfrog_creates_an_experiment(self, which: int | None, body: Json) -> None:
        model = None if which is None or not self.has("model") else self.some(which, "model")
        self.does(self.jfrog.create_experiment(body, model))

    @precondition(lambda self: self.has("run"))
    @rule(which=ANY, body=_body({"status": RUN_STATUSES, "metrics": METRICS, "parameters": PARAMETERS}))
    def jfrog_changes_an_experiment(self, which: int, body: Json) -> None:
        self.does(self.jfrog.patch_experiment(self.some(which, "run"), body))

    @precondition(lambda self: self.has("run"))
    @rule(which=ANY)
    def jfrog_deletes_an_experiment(self, which: int) -> None:
        self.does(self.jfrog.delete_experiment(self.some(which, "run")))

    @rule(body=_body(EXPERIMENT, name=NAMES))
    def kubeflow_creates_an_experiment(self, body: Json) -> None:
        self.does(self.kubeflow.create("experiment", body))

    @precondition(lambda self: self.has("experiment"))
    @rule(which=ANY, body=_body(EXPERIMENT))
    def kubeflow_changes_an_experiment(self, which: int, body: Json) -> None:
        self.does(self.kubeflow.patch(self.some(which, "experiment"), body))

    @precondition(lambda self: self.has("experiment"))
    @rule(which=ANY, body=_body({**RUN, "state": st.none() | STATES, "startTimeSinceEpoch": MOMENTS}, name=NAMES))
    def kubeflow_creates_a_run(self, which: int, body: Json) -> None:
        self.does(self.kubeflow.create("run", body, self.some(which, "experiment")))

    @precondition(lambda self: self.has("run"))
    @rule(which=ANY, body=_body(RUN))
    def kubeflow_changes_a_run(self, which: int, body: Json) -> None:
        self.does(self.kubeflow.patch(self.some(which, "run"), body))

    # ------------------------------------------------------------------------------------------------------------ artifacts
    @precondition(lambda self: self.has("version", "run"))
    @rule(which=ANY, body=ARTIFACTS)
    def kubeflow_puts_an_artifact(self, which: int, body: Json) -> None:
        self.does(self.kubeflow.put(self.some(which, "version", "run"), body))

    @precondition(lambda self: self.has("artifact"))
    @rule(which=ANY, data=st.data())
    def kubeflow_changes_an_artifact(self, which: int, data: st.DataObject) -> None:
        artifact = self.some(which, "artifact")
        self.does(self.kubeflow.patch(artifact, self._of_type(artifact, data)))

    @precondition(lambda self: self.has("artifact"))
    @rule(which=ANY, parent=ANY, data=st.data())
    def kubeflow_attaches_an_artifact(self, which: int, parent: int, data: st.DataObject) -> None:
        artifact = self.some(which, "artifact")
        self.does(self.kubeflow.attach(self.some(parent, "version", "run"), artifact, self._of_type(artifact, data)))

    @staticmethod
    def _of_type(artifact: Thing, data: st.DataObject) -> Json:
        body: Json = data.draw(_artifact(artifact.says["artifactType"]), "body")
        return {word: value for word, value in body.items() if word != "name"}

    # ---------------------------------------------------------------------------------------------------------- deployments
    @precondition(lambda self: self.has("version"))
    @rule(which=ANY, other=st.none() | ANY, body=_body({"replicas": st.integers(0, 2)}, name=NAMES))
    def jfrog_deploys(self, which: int, other: int | None, body: Json) -> None:
        """A version, now and then of another model than is said."""
        version = self.some(which, "version")
        assert version.under is not None
        model = version.under if other is None else self.some(other, "model")
        self.does(self.jfrog.deploy(body, model, version))

    @precondition(lambda self: self.has("service"))
    @rule(which=ANY)
    def jfrog_removes_a_deployment(self, which: int) -> None:
        self.does(self.jfrog.remove(self.some(which, "service")))

    @rule(body=_body(COMMON, name=st.sampled_from(["modelyard", "elsewhere"])))
    def kubeflow_creates_an_environment(self, body: Json) -> None:
        self.does(self.kubeflow.create("environment", body))

    @precondition(lambda self: self.has("environment") and self.has("model"))
    @rule(which=ANY, model=ANY, version=st.none() | ANY, body=_body(SERVICE, name=NAMES))
    def kubeflow_creates_a_service(self, which: int, model: int, version: int | None, body: Json) -> None:
        served = None if version is None or not self.has("version") else self.some(version, "version")
        environment = self.some(which, "environment")
        self.does(self.kubeflow.create("service", body, environment, model=self.some(model, "model"), version=served))

    @precondition(lambda self: self.has("service"))
    @rule(which=ANY, version=st.none() | ANY, body=_body(SERVICE))
    def kubeflow_changes_a_service(self, which: int, version: int | None, body: Json) -> None:
        served = None if version is None or not self.has("version") else self.some(version, "version")
        self.does(self.kubeflow.patch_service(self.some(which, "service"), served, body))

    @precondition(lambda self: self.has("service") and self.has("version"))
    @rule(which=ANY, version=ANY, body=_body(SERVE, name=st.sampled_from(["revision-1", "revision-2"])))
    def kubeflow_notes_what_was_served(self, which: int, version: int, body: Json) -> None:
        self.does(self.kubeflow.serve(self.some(which, "service"), self.some(version, "version"), body))

    # ------------------------------------------------------------------------------------------------------------ the trash
    @precondition(lambda self: hasattr(self, "world") and self.world.deletions)
    @rule(which=ANY, name=st.none() | NAMES)
    def somebody_restores(self, which: int, name: str | None) -> None:
        deletions = self.world.deletions
        self.does(self.native.restore(deletions[-1 - which % len(deletions)], name))
