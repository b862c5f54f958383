"""Many named artifacts under one version or run, in as many statements as one takes."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from modelyard.artifacts.entities import Artifact, ArtifactDraft, ArtifactType
from modelyard.audit.ledger import Ledger
from modelyard.context import Caller, Millis
from modelyard.records.properties import EMPTY
from modelyard.records.repository import Links, Records
from modelyard.search.tree import And, Field, In, equals
from modelyard.store.database import Unit

_SAID = ("uri", "value", "text_value", "parameter_type")
_CHANGED = (*_SAID, "updated_at", "revision")
_TYPES = (ArtifactType.MODEL.value, ArtifactType.METRIC.value, ArtifactType.PARAMETER.value)

Key = tuple[ArtifactType, str | None]


class BulkArtifacts(NamedTuple):
    artifacts: Records[Artifact]
    parents: Links
    ledger: Ledger

    async def put(
        self, unit: Unit, caller: Caller, parent_id: int, drafts: Sequence[ArtifactDraft], *, new_parent: bool, links: Mapping[str, int]
    ) -> None:
        """Change the namesake of each draft under the parent, or create it. A draft that says only None creates nothing."""
        there = {} if new_parent else await self._namesakes(unit, caller, parent_id)
        changed = [(there[key], draft) for draft in drafts if (key := (draft.type, draft.name)) in there]
        created = [draft for draft in drafts if (draft.type, draft.name) not in there and _says_something(draft)]
        at = self.ledger.later_than(*[before for before, _ in changed])
        if changed:
            pairs = [(before, _changed(before, draft, at)) for before, draft in changed]
            await self.ledger.update_all(unit, caller, self.artifacts, pairs, _CHANGED)
        if created:
            new = [_new(caller, parent_id, draft, at, links) for draft in created]
            made = await self.ledger.create_all(unit, caller, self.artifacts, new)
            await self.parents.add_all(unit, parent_id, [artifact.id for artifact in made])

    async def _namesakes(self, unit: Unit, caller: Caller, parent_id: int) -> dict[Key, Artifact]:
        """What the parent has, locked. Of one name the parent's own wins, and of several the first."""
        scope = And((equals("parent_id", parent_id), In(Field("type"), _TYPES)))
        found = await self.artifacts.lock_all(unit, caller.project, scope)
        found.sort(key=lambda artifact: (artifact.owner_id == parent_id, -artifact.id))
        return {(artifact.type, artifact.name): artifact for artifact in found}


def _said(draft: ArtifactDraft) -> dict[str, Any]:
    return {name: value for name in _SAID if (value := getattr(draft, name)) is not UNSET}


def _says_something(draft: ArtifactDraft) -> bool:
    return any(value is not None for value in _said(draft).values())


def _changed(before: Artifact, draft: ArtifactDraft, at: Millis) -> Artifact:
    return msgspec.structs.replace(before, **_said(draft), updated_at=at, revision=before.revision + 1)


def _new(caller: Caller, parent_id: int, draft: ArtifactDraft, at: Millis, links: Mapping[str, int]) -> Artifact:
    given: dict[str, Any] = {"id": 0, "project_id": caller.project, "name": draft.name, "properties": EMPTY, "type": draft.type}
    given |= {"created_at": at, "updated_at": at, "revision": 1, "owner_id": parent_id}
    return Artifact(**{**dict.fromkeys(Artifact.__struct_fields__), **given, **links, **_said(draft)})
