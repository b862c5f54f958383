"""The fields that every record has."""

from collections.abc import Callable
from typing import Self, TypeAlias, TypeVar

import msgspec

from modelyard.context import Millis, ProjectId
from modelyard.records.properties import Properties


class Record(msgspec.Struct, frozen=True):
    """Base of every entity. Fields have no defaults and keep their order: a row of the table fills them by position.

    `name` is unique within the record's scope; only models change theirs, but see `renamed`. `revision` counts changes from 1. `id` is 0
    until inserted.
    """

    id: int
    project_id: ProjectId
    name: str
    external_id: str | None
    description: str | None
    properties: Properties
    created_at: Millis
    updated_at: Millis
    revision: int

    def renamed(self, name: str, now: Millis) -> Self:
        """Under another name, which only what comes back from the trash can get."""
        return msgspec.structs.replace(self, name=name, updated_at=max(now, self.updated_at), revision=self.revision + 1)


class NewRecord(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every command that creates a record: what the caller chooses. Without a name it gets a random one."""

    name: str | None = None
    external_id: str | None = None
    description: str | None = None
    properties: Properties = {}


class RecordPatch(msgspec.Struct, frozen=True, kw_only=True):
    """Base of every command that changes a record. UNSET leaves a field as it is; `properties` replaces the whole map.

    `revisions` are the ones that the caller would have changed, when they insist on it.
    """

    external_id: str | None | msgspec.UnsetType = msgspec.UNSET
    description: str | None | msgspec.UnsetType = msgspec.UNSET
    properties: Properties | msgspec.UnsetType = msgspec.UNSET
    revisions: frozenset[int] | None = None


R = TypeVar("R", bound=Record)
P = TypeVar("P", bound=RecordPatch)

Change: TypeAlias = P | Callable[[R], P]
"""A patch, or what makes one of the record as it is once nobody else changes it. It may be asked more than once."""


def asked(change: "Change[P, R]", before: R) -> P:
    return change(before) if callable(change) else change
