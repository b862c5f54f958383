"""The audit log's tables."""

from sqlalchemy import Column, Index, PrimaryKeyConstraint, Table

from modelyard.store import columns as c

AUDIT_EVENT = Table(
    "audit_event",
    c.METADATA,
    Column("id", c.ID, primary_key=True, autoincrement=True),
    c.whole("project_id"),
    c.whole("at"),
    c.short("actor", nullable=False),
    c.short("dialect", nullable=False),
    c.short("request_id", nullable=False),
    c.short("action", nullable=False),
    c.small("kind"),
    c.whole("record_id"),
    c.long("before"),
    c.long("after"),
    Index("ix_audit_event_record", "kind", "record_id", "id"),
    Index("ix_audit_event_time", "project_id", "at", "id"),
    Index("ix_audit_event_request", "request_id"),
    sqlite_autoincrement=True,
)

AUDIT_SEAL = Table(
    "audit_seal",
    c.METADATA,
    Column("number", c.ID, autoincrement=False, nullable=False),
    c.whole("sealed_at"),
    c.whole("last_id"),
    c.long("events", nullable=False),
    c.short("hash", nullable=False),
    PrimaryKeyConstraint("number", name="pk_audit_seal"),
    comment="Each seals the audit events after those of the seal before, up to last_id: their ids and digests, and one hash of all.",
)
