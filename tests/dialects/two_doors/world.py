"""A plain model of what one registry holds, and of what each kind of change makes of it. It knows no HTTP and no database.

What a record says is a dict in Kubeflow's words, which are the most; `more` has what only JFrog ML has a word for.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

Json = dict[str, Any]

CLAIMING = ("model", "version", "run")
"""Kinds that get external ids in these tests: no two of them share one."""
MEASURED = ("metric", "parameter")
UNDER_WAY = ("RUNNING", "SCHEDULED", None)


class Why(Enum):
    """Why a request is refused."""

    GONE = "what the path names is not there"
    UNKNOWN = "what the body names is not there, or does not fit"
    TAKEN = "the name or external id is another's"
    IN_USE = "something runs that needs it"
    CLASHES = "a tag is the name of a property with a value"
    BACKWARDS = "it would end before it began"
    ORPHAN = "what it belongs to is in the trash"
    OTHER_TYPE = "the artifact is of another type, or not there"


class Refused(Exception):
    """No error of the model: an answer that it foresees."""

    def __init__(self, why: Why) -> None:
        super().__init__(why.value)
        self.why = why


class Later:
    """A time that the server chooses, until an answer told it."""


LATER = Later()


@dataclass(eq=False)
class Thing:
    """A record. `says` is what Kubeflow shows but for id and times; a function in it is asked once the server has answered."""

    kind: str
    under: "Thing | None"
    says: Json
    more: Json = field(default_factory=dict)
    listed: "list[Thing]" = field(default_factory=list)
    """The versions and runs that list this artifact."""
    points: list[tuple[str, float]] = field(default_factory=list)
    """The metric history of this run."""
    deletion: "Deletion | None" = None
    id: str = ""
    created: str = ""
    updated: str = ""
    touched: bool = True

    @property
    def name(self) -> str:
        return str(self.says["name"])

    @property
    def live(self) -> bool:
        return self.deletion is None

    def change(self, says: Mapping[str, Any]) -> None:
        self.says |= says
        self.touched = True

    def settle(self, answer: Json) -> None:
        """Learn from an answer what the server chose since the last change. What it said before, it must say again."""
        if not self.created:
            assert self.id in ("", answer["id"])
            self.id, self.created = answer["id"], answer["createTimeSinceEpoch"]
        if self.touched:
            told = answer["lastUpdateTimeSinceEpoch"]
            assert int(told) >= int(self.updated or self.created), (self, answer)
            self.updated, self.touched = told, False
        for word, value in self.says.items():
            if value is LATER:
                if word == "endTimeSinceEpoch":
                    assert int(answer[word]) >= int(self.says.get("startTimeSinceEpoch") or 0)
                self.says[word] = answer[word]
            elif callable(value):
                self.says[word] = value()


@dataclass(eq=False)
class Deletion:
    thing: Thing
    name: str
    members: list[Thing]
    id: int = 0


class World:
    """Every method that changes something raises `Refused` before it changes anything."""

    def __init__(self) -> None:
        self.things: list[Thing] = []
        self.deletions: list[Deletion] = []

    # -------------------------------------------------------------------------------------------------------------- reading
    def all(self, kind: str) -> list[Thing]:
        """In the order of their ids, which is that of their making."""
        return [thing for thing in self.things if thing.kind == kind]

    def live(self, kind: str, under: Thing | None = None) -> list[Thing]:
        return [thing for thing in self.all(kind) if thing.live and under in (None, thing.under)]

    def named(self, kind: str, under: Thing | None, name: str) -> Thing | None:
        return next((thing for thing in self.live(kind, under) if thing.name == name), None)

    def artifacts(self, parent: Thing) -> list[Thing]:
        """What a version or run lists: in the trash nothing, although what others list, too, is live."""
        return [thing for thing in self.live("artifact") if parent in thing.listed] if parent.live else []

    def namesakes(self, parent: Thing, type_: str, name: str) -> list[Thing]:
        """Of several the parent's own counts, then the first."""
        found = [thing for thing in self.artifacts(parent) if (thing.says["artifactType"], thing.name) == (type_, name)]
        return sorted(found, key=lambda thing: thing.under is not parent)

    def serves(self, service: Thing) -> list[Thing]:
        return self.live("serve", service) if service.live else []

    def is_deployment(self, service: Thing) -> bool:
        return service.kind == "service" and service.under is not None and service.under.name == "modelyard"

    # ------------------------------------------------------------------------------------------------------------- changing
    def create(self, kind: str, under: Thing | None, says: Json, **more: Any) -> Thing:
        if under is not None and not under.live:
            raise Refused(Why.GONE)
        if kind != "artifact" and self.named(kind, under, says["name"]):
            raise Refused(Why.TAKEN)
        self._claim(None, says.get("externalId"))
        thing = Thing(kind, under, {"customProperties": {}} | says, more)
        self.things.append(thing)
        return thing

    def find_or_create(self, kind: str, says: Json) -> Thing:
        return self.named(kind, None, says["name"]) or self.create(kind, None, says)

    def change(self, thing: Thing, says: Json) -> Thing:
        if not thing.live:
            raise Refused(Why.GONE)
        if says.get("name", thing.name) != thing.name and self.named(thing.kind, thing.under, says["name"]):
            raise Refused(Why.TAKEN)
        self._claim(thing, says.get("externalId"))
        thing.change(says)
        return thing

    def _claim(self, claimant: Thing | None, external_id: str | None) -> None:
        holders = [thing for kind in CLAIMING for thing in self.live(kind) if external_id and thing.says.get("externalId") == external_id]
        if any(thing is not claimant for thing in holders):
            raise Refused(Why.TAKEN)

    def put(self, parent: Thing, says: Json, links: Json) -> tuple[Thing, bool]:
        """An artifact under a version or run; whether it is new. Metrics and parameters of a name are changed."""
        if not parent.live:
            raise Refused(Why.GONE)
        there = self.namesakes(parent, says["artifactType"], says["name"])
        if there and says["artifactType"] in MEASURED:
            return self.change(there[0], says | links), False
        if any(thing.under is parent for thing in there):
            raise Refused(Why.TAKEN)
        made = self.create("artifact", parent, says | links)
        made.listed.append(parent)
        return made, True

    def put_all(self, parent: Thing, drafts: Iterable[Json], links: Json) -> None:
        """As JFrog ML puts them: any artifact of a name is changed; one that would say nothing is not made."""
        for draft in drafts:
            there = self.namesakes(parent, draft["artifactType"], draft["name"])
            if there:
                there[0].change(draft)
            elif draft.keys() != {"artifactType", "name", "uri"} or draft["uri"] is not None:
                self.create("artifact", parent, draft | links).listed.append(parent)

    def attach(self, parent: Thing, artifact: Thing, says: Json, links: Json) -> Thing:
        if not parent.live:
            raise Refused(Why.GONE)
        if not artifact.live or artifact.says["artifactType"] != says["artifactType"]:
            raise Refused(Why.OTHER_TYPE)
        if parent not in artifact.listed:
            artifact.listed.append(parent)
        return self.change(artifact, says | links)

    def log(self, run: Thing, metrics: Mapping[str, float], links: Json, moment: Callable[[], str]) -> None:
        """A point of each metric, which is then what the metric says."""
        for name, value in metrics.items():
            self.put(run, {"artifactType": "metric", "name": name, "value": value, "timestamp": moment}, links)
            run.points.append((name, value))

    # ------------------------------------------------------------------------------------------------------------ the trash
    def trash(self, thing: Thing) -> Deletion:
        if not thing.live:
            raise Refused(Why.GONE)
        members = [thing]
        members += self.live("version", thing) if thing.kind == "model" else []
        members += [serve for serve in self.live("serve") if serve.under in members or serve.more["version"] in members]
        owners = [one for one in members if one.kind in ("version", "run")]
        members += [one for one in self.live("artifact") if one.listed and all(parent in owners for parent in one.listed)]
        deletion = Deletion(thing, thing.name, members)
        for member in members:
            member.deletion = deletion
        self.deletions.append(deletion)
        return deletion

    def restore(self, deletion: Deletion, name: str | None) -> Deletion:
        thing = deletion.thing
        if deletion not in self.deletions:
            raise Refused(Why.GONE)
        if thing.under is not None and not thing.under.live:
            raise Refused(Why.ORPHAN)
        if self.named(thing.kind, thing.under, name or thing.name):
            raise Refused(Why.TAKEN)
        staying = {member: other for member in deletion.members if (other := self._other_deletion(member)) is not None}
        for member in deletion.members:
            if member.kind == "serve" and self._taken_in(staying.get(member), member):
                raise Refused(Why.TAKEN)
            self._claim(None, member.says.get("externalId"))
        for member in deletion.members:
            member.deletion = staying.get(member)
        for member, other in staying.items():
            other.members.append(member)
        self.deletions.remove(deletion)
        if name is not None and name != thing.name:
            thing.change({"name": name})
        return deletion

    def _other_deletion(self, member: Thing) -> Deletion | None:
        """The one that took another owner of a serve record, which then stays in the trash with that."""
        owners = [member.under, member.more["version"]] if member.kind == "serve" else []
        return next((owner.deletion for owner in owners if owner and owner.deletion not in (None, member.deletion)), None)

    def _taken_in(self, deletion: Deletion | None, serve: Thing) -> bool:
        """Whether the name is another's among what is live, or in the trash with this deletion."""
        there = [one for one in self.all("serve") if one.deletion is deletion and one.under is serve.under]
        return any(one.name == serve.name for one in there)
