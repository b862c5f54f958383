"""The trash: what was deleted, of every kind, until it is restored or purged.

A deletion takes a record and all that belongs to it. It has an id of its own, which stands in the `trashed` column of every record
that it took; so one statement for each kind brings them back, or finds them to purge.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from modelyard.context import Millis, ProjectId
from modelyard.errors import AlreadyExists, Invalid, NotFound
from modelyard.records.kinds import Kind
from modelyard.search.page import Cursor, Page
from modelyard.store.database import Reader, Unit


class Belonging(NamedTuple):
    """Records of `kind` go where their `owner` goes. `field` names the owner's id; None for artifacts, which are linked to theirs.
    `counted` names the owner's column that says how many it has, if there is one, and `latest` the one that names the latest of them.
    """

    kind: Kind
    owner: Kind
    field: str | None
    counted: str | None = None
    latest: str | None = None


BELONGINGS = (
    Belonging(Kind.VERSION, Kind.MODEL, "model_id", counted="versions", latest="latest"),
    Belonging(Kind.RUN, Kind.EXPERIMENT, "experiment_id"),
    Belonging(Kind.SERVICE, Kind.ENVIRONMENT, "environment_id"),
    Belonging(Kind.METRIC_POINT, Kind.RUN, "run_id"),
    Belonging(Kind.ARTIFACT, Kind.VERSION, None),
    Belonging(Kind.ARTIFACT, Kind.RUN, None),
    Belonging(Kind.SERVE, Kind.SERVICE, "service_id"),
    Belonging(Kind.SERVE, Kind.VERSION, "version_id"),
)
"""Owners before what they own. An inference service only mentions a model, which may be another registry's: it stays."""

SEVERAL_OWNERS = frozenset({Kind.SERVE})
"""Kinds whose records have two owners by a field each: one may be in the trash while the other comes back."""

PURGE_ORDER = (
    Kind.SERVE,
    Kind.ARTIFACT,
    Kind.METRIC_POINT,
    Kind.SERVICE,
    Kind.RUN,
    Kind.VERSION,
    Kind.ENVIRONMENT,
    Kind.EXPERIMENT,
    Kind.MODEL,
)
"""What is owned before its owners."""


class Deletion(msgspec.Struct, frozen=True):
    """One deletion: the record that was asked for, and all that went with it. `id` is 0 until it is in the trash."""

    id: int
    project_id: ProjectId
    kind: Kind
    record_id: int
    name: str
    deleted_at: Millis
    actor: str


class Member(NamedTuple):
    """A record that a deletion took."""

    kind: Kind
    id: int
    external_id: str | None


class Returned(NamedTuple):
    """What came back, and the record of the deletion as it went and as it is now: the same unless it got another name."""

    members: Sequence[Member]
    before: Any
    after: Any


class Purged(NamedTuple):
    """A record, or a metric point, that is gone for good."""

    kind: Kind
    id: int
    deletion: int


class Trash(Protocol):
    """Moves records to the trash, back, and away for good. Metric points go and come with their run, and are no members."""

    async def take(self, unit: Unit, deletion: Deletion) -> tuple[Deletion, Sequence[Member]]:
        """Move a locked record to the trash with all that belongs to it; returns the deletion with its id, and what it took.

        An artifact goes along unless another version or run lists it too, even one in the trash.
        """
        ...

    async def lock(self, unit: Unit, project: ProjectId, deletion_id: int) -> Deletion | None:
        """A deletion that can still be restored, and nobody else restores or purges it until the unit ends."""
        ...

    async def give_back(self, unit: Unit, deletion: Deletion, name: str, now: Millis) -> Returned:
        """Undo a locked deletion, its record under this name: another than before is a change at `now`.

        What has another owner that is in the trash stays there, as if that one's deletion had taken it.

        Errors: `AlreadyExists` when the name, or an external id, has been taken meanwhile; `Invalid` while an owner is in the trash, or all
        of those that list an artifact are.
        """
        ...

    async def page(self, reader: Reader, project: ProjectId, limit: int, after: Cursor | None) -> Page[Deletion]:
        """Deletions that can be restored, the newest first. One statement."""
        ...

    async def condemn(self, unit: Unit, project: ProjectId, before: Millis) -> int:
        """Choose what was deleted before this moment for purging: from here there is no way back. Returns how many deletions."""
        ...

    async def condemn_one(self, unit: Unit, project: ProjectId, deletion_id: int) -> bool:
        """Choose this deletion for purging, and those of what belongs to what it took, which could not come back without.

        False where it cannot be restored any more, or never could.
        """
        ...

    async def projects(self, reader: Reader, before: Millis) -> Sequence[ProjectId]:
        """Of which something was deleted before this moment, or is left of a purge that did not end."""
        ...

    async def purge(self, unit: Unit, project: ProjectId) -> Sequence[Purged]:
        """Remove a batch of what is condemned, with its index entries and links, what is owned before its owners.

        Returns what is gone; nothing when there is nothing left.
        """
        ...


def no_deletion(deletion_id: int) -> NotFound:
    return NotFound(f"nothing in the trash has the id {deletion_id}", id=deletion_id)


def along_taken(kind: Kind, field: str) -> AlreadyExists:
    """The refusal to restore what went along, of which a name or external id is another's by now."""
    word = field.replace("_", " ")
    message = f"the {word} of a {kind.label} that would come back is taken by now: give the other record another {word}, then restore"
    return AlreadyExists(message, kind=kind, field=field)


def owner_in_trash(deletion: Deletion, owner: Kind) -> Invalid:
    return Invalid(
        f"the {owner.label} of {deletion.kind.label} {deletion.record_id} is in the trash: restore that first", id=deletion.record_id
    )
