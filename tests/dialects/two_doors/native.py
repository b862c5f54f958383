"""The native dialect's trash: what JFrog ML deletes is there, and comes back."""

from tests.dialects.two_doors.door import Door
from tests.dialects.two_doors.world import Deletion, Json, Why

KINDS = {"model": "model", "version": "model_version", "run": "run", "service": "inference_service"}


class Native(Door):
    PREFIX = "/api/v1"
    STATUSES = {Why.GONE: 404, Why.TAKEN: 409, Why.ORPHAN: 400}  # noqa: RUF012 - `Door` says that it is the class's

    async def restore(self, deletion: Deletion, name: str | None) -> None:
        body = None if name is None else {"name": name}
        done = await self.change("POST", f"/trash/{deletion.id}/restore", body, 200, lambda: self.world.restore(deletion, name))
        if done is not None:
            assert (done[1].json["record_id"], done[1].json["name"]) == (int(deletion.thing.id), name or deletion.name)

    async def check(self) -> None:
        newest_first = self.world.deletions[::-1]
        shown: list[Json] = (await self.send("GET", "/trash?limit=1000")).json["deletions"]
        told = [(one["kind"], one["record_id"], one["name"]) for one in shown]
        assert told == [(KINDS[one.thing.kind], int(one.thing.id), one.name) for one in newest_first]
        for deletion, one in zip(newest_first, shown, strict=True):
            assert deletion.id in (0, one["id"])
            deletion.id = one["id"]
