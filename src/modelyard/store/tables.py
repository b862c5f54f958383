"""Tables that belong to no domain: projects, claims on external ids, the property index, the trash, id sequences, idempotency keys,
the count of changes to who may do what.
"""

from sqlalchemy import Column, ForeignKey, Index, PrimaryKeyConstraint, Table, UniqueConstraint

from modelyard.store import columns as c

PROJECT = Table(
    "project",
    c.METADATA,
    c.identity(),
    c.short("name", nullable=False),
    Column("archived", c.SMALL, nullable=False, server_default="0"),
    c.whole("created_at", default="0"),
    UniqueConstraint("name", name="uq_project_name"),
)

ACCESS_STATE = Table(
    "access_state",
    c.METADATA,
    c.identity(),
    c.whole("revision"),
    comment="One row, raised by every change to projects, accounts, tokens and grants, in its transaction: servers remember these.",
)

EXTERNAL_ID = Table(
    "external_id",
    c.METADATA,
    c.whole("project_id"),
    c.short("value", nullable=False),
    c.small("kind"),
    c.whole("id"),
    PrimaryKeyConstraint("project_id", "value", name="pk_external_id"),
    comment="External ids are unique over all kinds of the resource sequence: each claims its own here.",
)

PROPERTY_NUMBER = Table(
    "property_number",
    c.METADATA,
    c.whole("project_id"),
    c.small("kind"),
    c.short("name", nullable=False),
    Column("value", c.NUMBER, nullable=False),
    c.whole("id"),
    c.small("type"),
    PrimaryKeyConstraint("project_id", "kind", "name", "value", "id", name="pk_property_number", postgresql_include=["type"]),
    sqlite_with_rowid=False,
    comment="Index of the numeric custom properties: integers, floats and booleans, each as a double. Rebuildable from the records.",
)

PROPERTY_TEXT = Table(
    "property_text",
    c.METADATA,
    c.whole("project_id"),
    c.small("kind"),
    c.short("name", nullable=False),
    c.short("value", nullable=False),
    c.whole("id"),
    c.small("type"),
    PrimaryKeyConstraint("project_id", "kind", "name", "value", "id", name="pk_property_text", postgresql_include=["type"]),
    sqlite_with_rowid=False,
    comment="Index of the text properties, cut to 255 characters, and of the elements of list fields. Rebuildable from the records.",
)

TRASH = Table(
    "trash",
    c.METADATA,
    c.identity(),
    Column("project_id", c.ID, ForeignKey("project.id"), nullable=False),
    c.small("kind"),
    c.whole("record_id"),
    c.short("name", nullable=False),
    c.whole("deleted_at"),
    c.short("actor", nullable=False),
    c.small("purging"),
    Index("ix_trash_list", "project_id", "purging", "id"),
    comment="One row for each deletion. Its id stands in the `trashed` column of every record that it took. `purging` 1: no way back.",
)

IDEMPOTENCY_KEY = Table(
    "idempotency_key",
    c.METADATA,
    c.whole("project_id"),
    c.short("value", nullable=False),
    c.short("fingerprint", nullable=False),
    c.whole("created_at"),
    Column("status", c.SMALL, nullable=True),
    c.long("headers"),
    c.long("body"),
    PrimaryKeyConstraint("project_id", "value", name="pk_idempotency_key"),
    Index("ix_idempotency_key_created", "created_at"),
)

ID_SEQUENCE = Table(
    "id_sequence",
    c.METADATA,
    Column("name", c.SHORT, primary_key=True),
    c.whole("value"),
    comment="The last id given from each sequence, on SQLite. The other databases have their own ways (see migrations/sequences.py).",
)
