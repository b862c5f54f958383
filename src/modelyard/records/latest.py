"""Which of an owner's records is its latest: a rule of the tables, for who writes it down, checks it, or mends it."""

from typing import Any

from sqlalchemy import ColumnElement, Table, literal_column, or_, select


def latest_of(owner: Table, records: Table, field: str) -> ColumnElement[Any]:
    """The name of the record that was created last of those that belong to an owner by this field, not archived and not in the trash;
    NULL if there is none.
    """
    latest = records.alias("latest")
    in_use = or_(latest.c.state.is_(None), latest.c.state != literal_column("'ARCHIVED'"))
    its_own = (latest.c[field] == owner.c.id, latest.c.trashed == literal_column("0"))
    name = select(latest.c.name).where(*its_own, in_use).order_by(latest.c.id.desc()).limit(literal_column("1"))
    return name.correlate(owner).scalar_subquery()
