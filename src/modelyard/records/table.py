"""The columns and indexes that every record's table has, in the order of `Record`'s fields."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Constraint, ForeignKey, Index, Table, UniqueConstraint, literal_column, or_, select

from modelyard.store import columns as c


def record_table(name: str, *own: Column[Any] | Constraint | Index, scope: Sequence[str] = ()) -> Table:
    """A table for one kind of record.

    Names are unique within the project and the `scope` columns (a NULL there exempts a row). `trashed` is 0 for a live row and in the
    trash the id of the deletion that took it, so that a name is free again at once and any number of namesakes can be deleted.
    """
    return Table(
        name,
        c.METADATA,
        *_columns(*own),
        UniqueConstraint("project_id", *scope, "name", "trashed", name=f"uq_{name}_name"),
        UniqueConstraint("project_id", "external_id", "trashed", name=f"uq_{name}_external_id"),
        Index(f"ix_{name}_id", "project_id", "trashed", "id"),
        Index(f"ix_{name}_created", "project_id", "trashed", "created_at", "id"),
        Index(f"ix_{name}_updated", "project_id", "trashed", "updated_at", "id"),
    )


def point_table(name: str, *own: Column[Any] | Constraint | Index) -> Table:
    """A table for points of a series: the columns of a record, names that repeat, and no index but the given ones, since there are many."""
    return Table(name, c.METADATA, *_columns(*own))


def latest_of(owner: Table, records: Table, field: str) -> ColumnElement[Any]:
    """The name of the record that was created last of those that belong to an owner by this field, not archived and not in the trash;
    NULL if there is none.
    """
    latest = records.alias("latest")
    in_use = or_(latest.c.state.is_(None), latest.c.state != literal_column("'ARCHIVED'"))
    its_own = (latest.c[field] == owner.c.id, latest.c.trashed == literal_column("0"))
    name = select(latest.c.name).where(*its_own, in_use).order_by(latest.c.id.desc()).limit(literal_column("1"))
    return name.correlate(owner).scalar_subquery()


def _columns(*own: Column[Any] | Constraint | Index) -> tuple[Column[Any] | Constraint | Index, ...]:
    return (
        c.identity(),
        Column("project_id", c.ID, ForeignKey("project.id"), nullable=False),
        c.short("name", nullable=False),
        c.short("external_id"),
        c.long("description"),
        c.long("properties", nullable=False),
        c.whole("created_at"),
        c.whole("updated_at"),
        c.whole("revision"),
        *[one for one in own if isinstance(one, Column)],
        c.whole("trashed", default="0"),
        # After every column, since an index can only be of columns that are there.
        *[one for one in own if not isinstance(one, Column)],
    )
