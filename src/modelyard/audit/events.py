"""What is remembered of a change."""

from enum import StrEnum

import msgspec

from modelyard.context import Millis, ProjectId


class Action(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    ATTACHED = "attached"
    """A record got one more parent; `after` is its id."""


class Event(msgspec.Struct, frozen=True):
    """Who did what to which record, when, through which dialect. `before` and `after` are the record as JSON, None where there was none."""

    project_id: ProjectId
    at: Millis
    actor: str
    dialect: str
    request_id: str
    action: Action
    kind: int
    record_id: int
    before: str | None
    after: str | None
