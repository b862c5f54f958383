"""The audit log's table."""

from sqlalchemy import Column, Index, Table

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
    sqlite_autoincrement=True,
)
