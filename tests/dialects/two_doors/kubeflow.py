"""Kubeflow's dialect: what its changes make of the model, and what it must show of it."""

from typing import Any

from tests.dialects.two_doors.door import Door
from tests.dialects.two_doors.world import Json, Refused, Thing, Why

PATHS = {
    "model": "registered_models",
    "version": "model_versions",
    "experiment": "experiments",
    "run": "experiment_runs",
    "environment": "serving_environments",
    "service": "inference_services",
    "artifact": "artifacts",
}
"""Those before what refers to them."""
PARENTS = {"version": "registeredModelId", "run": "experimentId", "service": "servingEnvironmentId"}
CHILDREN = {"model": ("versions", "version"), "experiment": ("experiment_runs", "run"), "environment": ("inference_services", "service")}
DEFAULTS: dict[str, Json] = {
    "model": {"state": "LIVE"},
    "version": {"state": "LIVE"},
    "experiment": {"state": "LIVE"},
    "run": {"state": "LIVE", "status": "RUNNING"},
    "environment": {},
    "service": {"desiredState": "DEPLOYED"},
}


def show(thing: Thing) -> Json:
    said = {word: value() if callable(value) else value for word, value in thing.says.items()}
    own = {"id": thing.id, "createTimeSinceEpoch": thing.created, "lastUpdateTimeSinceEpoch": thing.updated}
    return {word: value for word, value in said.items() if value is not None} | own


def path_of(thing: Thing) -> str:
    return f"/{PATHS[thing.kind]}/{thing.id}"


def links(parent: Thing) -> Json:
    """What an artifact says of the run that it is put under."""
    if parent.kind != "run":
        return {}
    experiment = parent.under
    assert experiment is not None
    return {"experimentId": lambda: experiment.id, "experimentRunId": lambda: parent.id}


def _given(body: Json) -> Json:
    """What is null is unsaid, and properties are sorted."""
    said = {word: value for word, value in body.items() if value is not None}
    if "customProperties" in said:
        said["customProperties"] = dict(sorted(said["customProperties"].items()))
    return said


def _backwards(run: Json) -> bool:
    start, end = run.get("startTimeSinceEpoch"), run.get("endTimeSinceEpoch")
    return isinstance(end, str) and (int(end) < int(start) if isinstance(start, str) else False)


class Kubeflow(Door):
    PREFIX = "/api/model_registry/v1alpha3"
    STATUSES = {Why.GONE: 404, Why.TAKEN: 409, Why.BACKWARDS: 400, Why.OTHER_TYPE: 400}  # noqa: RUF012 - `Door` says that it is the class's

    # -------------------------------------------------------------------------------------------------------------- changes
    async def create(self, kind: str, body: Json, parent: Thing | None = None, **more: Any) -> None:
        """`body` has no ids of parents. One of an inference service names its model and version by `more`."""
        if parent is not None:
            body = body | {PARENTS[kind]: parent.id}
        if kind == "service":
            body |= {"registeredModelId": more["model"].id} | ({"modelVersionId": more["version"].id} if more["version"] else {})

        def change() -> Thing:
            says = {word: None if word in body else value for word, value in DEFAULTS[kind].items()} | _given(body)
            if kind == "run" and _backwards(says):
                raise Refused(Why.BACKWARDS)
            return self.world.create(kind, parent, says, **more)

        await self.changes("POST", f"/{PATHS[kind]}", body, 201, change, show)

    async def patch(self, thing: Thing, body: Json) -> None:
        def change() -> Thing:
            if thing.live and thing.kind == "run" and _backwards(thing.says | _given(body)):
                raise Refused(Why.BACKWARDS)
            return self.world.change(thing, _given(body))

        await self.changes("PATCH", path_of(thing), body, 200, change, show)

    async def patch_service(self, service: Thing, version: Thing | None, body: Json) -> None:
        await self.patch(service, body | ({"modelVersionId": version.id} if version else {}))
        if service.live and version:
            service.more["version"] = version

    async def put(self, parent: Thing, body: Json) -> None:
        def change() -> tuple[Thing, bool]:
            return self.world.put(parent, _given(body), links(parent))

        done = await self.change("POST", f"{path_of(parent)}/artifacts", body, lambda put: 201 if put[1] else 200, change)
        if done is not None:
            self._put(parent, done[0][0], done[1].json)

    async def attach(self, parent: Thing, artifact: Thing, body: Json) -> None:
        path, sent = f"{path_of(parent)}/artifacts", body | {"id": artifact.id}
        done = await self.change("POST", path, sent, 200, lambda: self.world.attach(parent, artifact, _given(body), links(parent)))
        if done is not None:
            self._put(parent, done[0], done[1].json)

    def _put(self, parent: Thing, artifact: Thing, answer: Json) -> None:
        artifact.id = answer["id"]
        if parent.kind == "run" and artifact.says["artifactType"] == "metric":
            parent.points.append((artifact.name, artifact.says["value"]))
        self.answered.append((answer, lambda: show(artifact)))

    async def serve(self, service: Thing, version: Thing, body: Json) -> None:
        says = {"lastKnownState": None if "lastKnownState" in body else "UNKNOWN"} | _given(body) | {"modelVersionId": version.id}

        def change() -> Thing:
            if not version.live:
                raise Refused(Why.GONE)
            return self.world.create("serve", service, says, version=version)

        await self.changes("POST", f"{path_of(service)}/serves", body | {"modelVersionId": version.id}, 201, change, show)

    # ---------------------------------------------------------------------------------------------------------------- reads
    async def settle(self) -> None:
        """Learn what the server chose, from the lists of everything."""
        for kind, path in PATHS.items():
            await self._lists(f"/{path}", self.world.live(kind))
        for service in self.world.all("service"):
            await self._lists(f"{path_of(service)}/serves", self.world.serves(service))

    async def check(self) -> None:
        for kind, path in PATHS.items():
            for thing in self.world.all(kind):
                await self._check_one(thing)
            await self._check_pages(f"/{path}", self.world.live(kind))

    async def _check_one(self, thing: Thing) -> None:
        world, path = self.world, path_of(thing)
        await self.shows_if(thing.live, path, lambda: show(thing))
        if thing.kind != "artifact":
            await self._check_found(thing)
        if thing.kind in CHILDREN:
            below, kind = CHILDREN[thing.kind]
            await self._lists(f"{path}/{below}", world.live(kind, thing))
        if thing.kind in ("version", "run"):
            await self._check_artifacts(thing)
        if thing.kind == "run":
            await self._check_history(thing)
        if thing.kind == "service":
            await self._check_served(thing)

    async def _check_found(self, thing: Thing) -> None:
        path, parent = f"/{PATHS[thing.kind][:-1]}", thing.under
        found = self.world.named(thing.kind, parent, thing.name)
        within = {} if parent is None else {"parentResourceId": parent.id}
        await self.shows_if(found is not None, path, lambda: show(found or thing), name=thing.name, **within)
        if external_id := thing.says.get("externalId"):
            holder = next((one for one in self.world.live(thing.kind) if one.says.get("externalId") == external_id), None)
            await self.shows_if(holder is not None, path, lambda: show(holder or thing), externalId=external_id)

    async def _check_artifacts(self, parent: Thing) -> None:
        listed, path = self.world.artifacts(parent), f"{path_of(parent)}/artifacts"
        await self._lists(path, listed)
        metrics = [one for one in listed if one.says["artifactType"] == "metric"]
        await self._lists(path, metrics, artifactType="metric")
        files = [one for one in listed if one.says["artifactType"] == "model-artifact" and one.name == "model"]
        # Of several Kubeflow's API says that there is none.
        await self.shows_if(len(files) == 1, "/model_artifact", lambda: show(files[0]), name="model", parentResourceId=parent.id)

    async def _check_history(self, run: Thing) -> None:
        path = f"{path_of(run)}/metric_history"
        if not run.live:
            await self.hides(path)
            return
        points = (await self.send("GET", path)).json["items"]
        assert [(point["name"], point["value"]) for point in points] == run.points
        assert all(point["experimentRunId"] == run.id for point in points)

    async def _check_served(self, service: Thing) -> None:
        model, version, path = service.more["model"], service.more["version"], path_of(service)
        served = [version] if version else self.world.live("version", model)
        await self.shows_if(service.live and model.live, f"{path}/model", lambda: show(model))
        await self.shows_if(service.live and bool(served) and served[-1].live, f"{path}/version", lambda: show(served[-1]))

    async def _lists(self, path: str, things: list[Thing], **query: str) -> None:
        target = path + "".join(f"?{name}={value}" for name, value in query.items())
        page = (await self.send("GET", target)).json
        assert page["size"] == len(page["items"]) == len(things), (target, page, [show(thing) for thing in things])
        for thing, item in zip(things, page["items"], strict=True):
            thing.settle(item)
            assert item == show(thing), (target, item, show(thing))

    async def _check_pages(self, path: str, things: list[Thing]) -> None:
        """Backwards, page by page."""
        items: list[Json] = []
        token = ""
        while token or not items:
            target = f"{path}?pageSize=3&sortOrder=DESC" + (f"&nextPageToken={token}" if token else "")
            page = (await self.send("GET", target)).json
            items += page["items"]
            token = page["nextPageToken"].replace("=", "%3D").replace("+", "%2B")
            if not page["items"]:
                break
        assert items == [show(thing) for thing in reversed(things)], path
