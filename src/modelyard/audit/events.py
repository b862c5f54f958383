"""What is remembered of a change."""

from enum import StrEnum

import msgspec

from modelyard.context import Millis, ProjectId


class Action(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    ATTACHED = "attached"
    """A record got one more parent; `after` is its id."""
    TRASHED = "trashed"
    """The record went to the trash; `after` is the id of the deletion that took it."""
    RESTORED = "restored"
    """It came back; `before` is the id of that deletion. Where it got another name, an `updated` follows."""
    PURGED = "purged"
    """It is gone for good; `before` is the id of that deletion."""
    DELETED = "deleted"
    """It is gone for good, and never was in the trash; `before` is what it was."""
    MEASURED = "measured"
    """Points of a run's metrics came in one batch. The record is the run; `before` and `after` are a list of its metrics that changed,
    each as its id, name, revision, value, step and timestamp; in `after` also how many points it got. New ones are not in `before`."""


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
