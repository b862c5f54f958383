"""JFrog ML's dialect: what its changes make of the model, and what it must show of it, by the mapping of docs/reference/jfrog.md."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import msgspec

from tests.dialects.two_doors.door import Door
from tests.dialects.two_doors.kubeflow import links
from tests.dialects.two_doors.world import LATER, UNDER_WAY, Json, Refused, Thing, Why

OWNER = "anonymous"
LABEL = {"metadataType": "MetadataStringValue", "string_value": ""}
RUN_STATUSES = {"running": "RUNNING", "completed": "FINISHED", "failed": "FAILED", "cancelled": "KILLED"}
SHOWN_STATUSES: dict[str | None, str] = {**{status: word for word, status in RUN_STATUSES.items()}, "SCHEDULED": "running", None: "running"}
PROGRESS: dict[str | None, str] = {
    "UNKNOWN": "deploying",
    "NEW": "deploying",
    "RUNNING": "active",
    "CACHED": "active",
    "COMPLETE": "stopped",
    "CANCELED": "stopped",
    "FAILED": "failed",
    None: "stopped",
}
NO_BACKEND = "no serving backend is configured: the deployment is kept, and nothing serves it"
NOTHING_RUNS = "nothing of it runs: its version was deleted, or nobody has begun to serve it"
MODEL_WORDS = {"name": "name", "description": "description", "framework": "libraryName"}
_FAR = 4_000_000_000_000
"""A moment that is in the future for long."""


class Jfrog(Door):
    PREFIX = "/ml/api/v1"
    STATUSES = {Why.GONE: 404, Why.UNKNOWN: 422, Why.CLASHES: 422, Why.TAKEN: 409, Why.IN_USE: 409}  # noqa: RUF012 - `Door` says that it is the class's

    # --------------------------------------------------------------------------------------------------------------- models
    async def create_model(self, body: Json) -> None:
        says = {"owner": OWNER, "state": "LIVE"} | {MODEL_WORDS[word]: body[word] for word in MODEL_WORDS.keys() & body.keys()}
        says |= {"tasks": [body["task_type"]] if "task_type" in body else None, "customProperties": _labelled({}, body.get("tags", ()))}
        await self.changes("POST", "/models", body, 201, lambda: self.world.create("model", None, says), self.model)

    async def put_model(self, model: Thing, body: Json) -> None:
        whole = dict.fromkeys(["description", "framework", "task_type", "tags"]) | body
        await self.changes("PUT", f"/models/{model.id}", body, 200, lambda: self._change_model(model, whole), self.model)

    async def patch_model(self, model: Thing, body: Json) -> None:
        await self.changes("PATCH", f"/models/{model.id}", body, 200, lambda: self._change_model(model, body), self.model)

    def _change_model(self, model: Thing, body: Json) -> Thing:
        if not model.live:
            raise Refused(Why.GONE)
        says = {MODEL_WORDS[word]: body[word] for word in MODEL_WORDS.keys() & body.keys()}
        if "tags" in body:
            says["customProperties"] = _labelled(model.says["customProperties"], body["tags"] or ())
        if "task_type" in body:
            first, more = body["task_type"], (model.says.get("tasks") or [])[1:]
            says["tasks"] = None if first is None else [first, *[task for task in more if task != first]]
        return self.world.change(model, says)

    async def delete_model(self, model: Thing) -> None:
        def change() -> None:
            self._refuse_in_use(model, lambda service: service.more["model"] is model)
            self.world.trash(model)

        await self.change("DELETE", f"/models/{model.id}", None, 204, change)

    def _refuse_in_use(self, thing: Thing, needs: Callable[[Thing], bool]) -> None:
        deployed = [one for one in self.world.live("service") if self.world.is_deployment(one) and needs(one)]
        if thing.live and any(PROGRESS[self._last_state(one)] in ("deploying", "active") for one in deployed):
            raise Refused(Why.IN_USE)

    def model(self, model: Thing) -> Json:
        versions, says = self.world.live("version", model), model.says
        in_use = [version.name for version in versions if version.says["state"] != "ARCHIVED"]
        return _known(
            id=model.id,
            name=model.name,
            description=says.get("description"),
            framework=says.get("libraryName"),
            task_type=(says.get("tasks") or [None])[0],
            tags=[key for key, value in says["customProperties"].items() if value == LABEL],
            latest_version=in_use[-1] if in_use else None,
            versions_count=len(versions),
            created_at=_moment(model.created),
            updated_at=_moment(model.updated),
            created_by=says.get("owner"),
        )

    # ------------------------------------------------------------------------------------------------------------- versions
    async def create_version(self, model: Thing, body: Json) -> None:
        def change() -> Thing:
            says = {"name": body["version"], "description": body.get("description"), "author": OWNER, "registeredModelId": model.id}
            version = self.world.create("version", model, says | _staged({}, body.get("status"), "LIVE"))
            self.world.put_all(version, _drafts(body), {})
            return version

        await self.changes("POST", f"/models/{model.id}/versions", body, 201, change, self.version)

    async def patch_version(self, version: Thing, body: Json) -> None:
        def change() -> Thing:
            said = {"description": body["description"]} if "description" in body else {}
            staged = _staged(version.says["customProperties"], body.get("status"), version.says["state"])
            self.world.change(version, said | staged)
            self.world.put_all(version, _drafts(body), {})
            return version

        await self.changes("PATCH", _of_version(version), body, 200, change, self.version)

    async def delete_version(self, version: Thing) -> None:
        def change() -> None:
            self._refuse_in_use(version, lambda service: service.more["version"] is version)
            self.world.trash(version)

        await self.change("DELETE", _of_version(version), None, 204, change)

    def version(self, version: Thing) -> Json:
        says = version.says
        stage = says["customProperties"].get("stage", {}).get("string_value")
        kept = stage if stage in ("draft", "staging", "production") else "draft"
        uri = next(
            (one.says.get("uri") for one in self.world.namesakes(version, "model-artifact", "model") if one.says.get("uri") is not None),
            None,
        )
        return _known(
            id=version.id,
            model_id=says["registeredModelId"],
            version=version.name,
            description=says.get("description"),
            status="archived" if says["state"] == "ARCHIVED" else kept,
            artifact_path=uri,
            metrics=self._measured(version, "metric"),
            parameters=self._measured(version, "parameter"),
            created_at=_moment(version.created),
            created_by=says.get("author"),
        )

    def _measured(self, parent: Thing, type_: str) -> Json:
        names = {one.name for one in self.world.artifacts(parent) if one.says["artifactType"] == type_}
        return {name: self.world.namesakes(parent, type_, name)[0].says.get("value") or _NOTHING[type_] for name in names}

    # ---------------------------------------------------------------------------------------------------------- experiments
    async def create_experiment(self, body: Json, model: Thing | None) -> None:
        def change() -> Thing:
            if model is not None and not model.live:
                raise Refused(Why.UNKNOWN)
            name = "default" if model is None else model.name
            experiment = self.world.find_or_create("experiment", {"name": name, "owner": OWNER, "state": "LIVE"})
            says = {"name": body["name"], "description": body.get("description"), "owner": OWNER, "state": "LIVE", "status": "RUNNING"}
            says |= {"experimentId": lambda: experiment.id, "startTimeSinceEpoch": LATER}
            run = self.world.create("run", experiment, says, model=model)
            self.world.put_all(run, _drafts(body), links(run))
            return run

        sent = body if model is None else body | {"model_id": model.id}
        await self.changes("POST", "/experiments", sent, 201, change, self.experiment)

    async def patch_experiment(self, run: Thing, body: Json) -> None:
        def change() -> Thing:
            self.world.change(run, self._new_status(run, body.get("status")))
            self.world.put_all(run, _drafts({"parameters": body.get("parameters", {})}), links(run))
            self.world.log(run, body.get("metrics", {}), links(run), lambda: run.updated)
            return run

        await self.changes("PATCH", f"/experiments/{run.id}", body, 200, change, self.experiment)

    def _new_status(self, run: Thing, word: str | None) -> Json:
        before = run.says.get("status")
        status = before if word is None else RUN_STATUSES[word]
        if status == before or (status == "RUNNING" and before == "SCHEDULED"):
            return {}
        if status == "RUNNING":
            return {"status": status, "endTimeSinceEpoch": None}
        start, end = run.says.get("startTimeSinceEpoch"), run.says.get("endTimeSinceEpoch")
        now = start if start is not None and int(start) > _FAR else LATER
        return {"status": status, "endTimeSinceEpoch": now if end is None else end}

    async def delete_experiment(self, run: Thing) -> None:
        await self.change("DELETE", f"/experiments/{run.id}", None, 204, lambda: self.world.trash(run))

    def experiment(self, run: Thing) -> Json:
        says, model = run.says, run.more.get("model")
        ended = says.get("endTimeSinceEpoch")
        return _known(
            id=run.id,
            name=run.name,
            description=says.get("description"),
            model_id=model.id if model else None,
            status=SHOWN_STATUSES[says.get("status")],
            metrics=self._measured(run, "metric"),
            parameters=self._measured(run, "parameter"),
            created_at=_moment(run.created),
            completed_at=None if ended is None or says.get("status") in UNDER_WAY else _moment(ended),
            created_by=says.get("owner"),
        )

    # ---------------------------------------------------------------------------------------------------------- deployments
    async def deploy(self, body: Json, model: Thing, version: Thing) -> None:
        def change() -> Thing:
            if not model.live or not version.live or version.under is not model:
                raise Refused(Why.UNKNOWN)
            environment = self.world.find_or_create("environment", {"name": "modelyard"})
            replicas = body.get("replicas", 1)
            says = {"name": body["name"], "registeredModelId": model.id, "modelVersionId": version.id}
            says |= {"desiredState": "DEPLOYED" if replicas else "UNDEPLOYED", "servingEnvironmentId": lambda: environment.id}
            more = {"model": model, "version": version, "replicas": replicas, "message": NO_BACKEND if replicas else None}
            service = self.world.create("service", environment, says, **more)
            state = "FAILED" if replicas else "COMPLETE"
            serve = {"name": "revision-1", "modelVersionId": version.id, "lastKnownState": state}
            self.world.create("serve", service, serve, version=version)
            return service

        def begun(service: Thing) -> Json:
            """What is answered at first: it has not failed yet."""
            first = self.deployment(service)
            if first.pop("message", None) is not None:
                first["status"] = "deploying"
            return first

        sent = body | {"model_id": model.id, "model_version_id": version.id}
        await self.changes("POST", "/deployments", sent, 201, change, begun)

    async def remove(self, service: Thing) -> None:
        def change() -> None:
            if not self.world.is_deployment(service):
                raise Refused(Why.GONE)
            self.world.trash(service)

        await self.change("DELETE", f"/deployments/{service.id}", None, 204, change)

    def _last_state(self, service: Thing) -> str | None:
        serves = self.world.serves(service)
        return serves[-1].says["lastKnownState"] if serves else None

    def _why(self, service: Thing) -> str | None:
        """Why it failed, or is stopped though nobody has said so."""
        state = self._last_state(service)
        if state is None:
            return NOTHING_RUNS
        return service.more.get("message") if state == "FAILED" else None

    def deployment(self, service: Thing) -> Json:
        return _known(
            id=service.id,
            name=service.name,
            model_id=service.says["registeredModelId"],
            model_version_id=service.says.get("modelVersionId"),
            status=PROGRESS[self._last_state(service)],
            replicas=service.more.get("replicas"),
            created_at=_moment(service.created),
            updated_at=_moment(service.updated),
            message=self._why(service),
        )

    # ---------------------------------------------------------------------------------------------------------------- reads
    async def check(self) -> None:
        world = self.world
        for model in world.all("model"):
            path = f"/models/{model.id}"
            await self.shows_if(model.live, path, partial(self.model, model))
            await self.shows_if(model.live, f"{path}/versions", partial(self._list, "versions", world.live("version", model)))
            runs = [run for run in world.live("run") if run.more.get("model") is model]
            await self.shows("/experiments", self._list("experiments", runs), model_id=model.id)
        for version in world.all("version"):
            await self.shows_if(version.live, _of_version(version), partial(self.version, version))
        for run in world.all("run"):
            await self.shows_if(run.live, f"/experiments/{run.id}", partial(self.experiment, run))
        for service in world.all("service"):
            there = service.live and world.is_deployment(service)
            await self.shows_if(there, f"/deployments/{service.id}", partial(self.deployment, service))
        await self._check_pages("models", world.live("model"))
        await self._check_pages("experiments", world.live("run"))
        await self._check_pages("deployments", [one for one in world.live("service") if world.is_deployment(one)])

    async def _check_pages(self, noun: str, things: list[Thing]) -> None:
        whole = self._list(noun, things)
        await self.shows(f"/{noun}", whole)
        await self.shows(f"/{noun}", whole | {noun: whole[noun][1:3]}, limit=2, offset=1)
        await self.shows(f"/{noun}", whole | {noun: []}, offset=len(things))

    def _list(self, noun: str, things: list[Thing]) -> Json:
        show = {"models": self.model, "versions": self.version, "experiments": self.experiment, "deployments": self.deployment}[noun]
        return {noun: [show(thing) for thing in things], "total_count": len(things)}


_NOTHING: Json = {"metric": 0, "parameter": ""}


def _known(**fields: Any) -> Json:
    return {name: value for name, value in fields.items() if value is not None}


def _of_version(version: Thing) -> str:
    return f"/models/{version.says['registeredModelId']}/versions/{version.id}"


def _labelled(properties: Json, tags: Iterable[str]) -> Json:
    kept = {key: value for key, value in properties.items() if value != LABEL}
    if kept.keys() & set(tags):
        raise Refused(Why.CLASHES)
    return kept | dict.fromkeys(tags, LABEL)


def _staged(properties: Json, status: str | None, state: str | None) -> Json:
    if status is None or status == "archived":
        return {"state": state if status is None else "ARCHIVED", "customProperties": properties}
    return {"state": "LIVE", "customProperties": properties | {"stage": {**LABEL, "string_value": status}}}


def _drafts(body: Json) -> list[Json]:
    """In the order in which they are made: where the files are, metrics, parameters."""
    files = [{"artifactType": "model-artifact", "name": "model", "uri": body["artifact_path"]}] if "artifact_path" in body else []
    metrics = [{"artifactType": "metric", "name": name, "value": value} for name, value in body.get("metrics", {}).items()]
    parameters = [
        {"artifactType": "parameter", "name": name, "value": value, "parameterType": "string"}
        for name, value in body.get("parameters", {}).items()
    ]
    return files + metrics + parameters


def _moment(millis: str) -> str:
    return str(msgspec.to_builtins(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(millis))))
