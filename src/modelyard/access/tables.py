"""The tables of accounts, their tokens and what is granted to them. Projects, and the count of changes to all these, are the store's."""

from sqlalchemy import Index, Table, UniqueConstraint

from modelyard.store import columns as c

PRINCIPAL = Table(
    "principal",
    c.METADATA,
    c.identity(),
    c.short("name", nullable=False),
    c.short("kind", nullable=False),
    c.short("password_hash"),
    c.reference("home_project", "project.id"),
    c.small("disabled"),
    c.whole("created_at"),
    UniqueConstraint("name", name="uq_principal_name"),
    Index("ix_principal_home", "home_project"),
    comment="Who has an account. `password_hash` is argon2id's; NULL: no password opens it.",
)

ACCESS_TOKEN = Table(
    "access_token",
    c.METADATA,
    c.identity(),
    c.reference("principal_id", "principal.id"),
    c.short("label", nullable=False),
    c.short("hash", nullable=False),
    c.short("scopes", nullable=False),
    c.whole("expires_at", nullable=True),
    c.whole("created_at"),
    c.whole("last_used_at", nullable=True),
    Index("ix_access_token_principal", "principal_id", "id"),
    comment="`hash` is the SHA-256 of the token's text, which is nowhere. `scopes` is a role that caps it, or empty.",
)

ROLE_GRANT = Table(
    "role_grant",
    c.METADATA,
    c.identity(),
    c.reference("principal_id", "principal.id"),
    c.short("role", nullable=False),
    c.whole("project_id"),
    c.small("kind"),
    c.whole("record_id"),
    c.whole("created_at"),
    UniqueConstraint("principal_id", "role", "project_id", "kind", "record_id", name="uq_role_grant"),
    comment="`project_id` 0: on everything; `kind` and `record_id` 0: on the whole of it. NULLs would be no part of the unique key.",
)

ACCESS_TABLES = (PRINCIPAL, ACCESS_TOKEN, ROLE_GRANT)
"""All whose ids come from the sequence `access`."""
