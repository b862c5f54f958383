"""The statements of the trash, for whichever kinds of record there are."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Select, Table, bindparam, delete, exists, literal, literal_column, or_, select, union_all, update
from sqlalchemy.sql.elements import ColumnElement

from modelyard.records.kinds import Kind
from modelyard.records.table import latest_of
from modelyard.records.trash import BELONGINGS, Belonging, Deletion
from modelyard.store.columns import ID
from modelyard.store.statements import Bulk, Statement
from modelyard.store.tables import EXTERNAL_ID, TRASH

BATCH = 200
"""Records that one unit of work purges: others may write in between."""

Tables = Mapping[Kind, Table]

_DELETION = bindparam("deletion", type_=ID)
_PROJECT = bindparam("project", type_=ID)
_LIVE: ColumnElement[int] = literal_column("0")
_IDS = [bindparam(f"id{number}", type_=ID) for number in range(BATCH)]
_LISTED = [TRASH.c[name] for name in Deletion.__struct_fields__]
_KEPT = (TRASH.c.project_id == _PROJECT, TRASH.c.purging == literal_column("0"))
_CONDEMNED = (TRASH.c.project_id == _PROJECT, TRASH.c.purging == literal_column("1"))

ADD = Bulk("insert trash", TRASH)
LOCK = Statement("lock deletion", select(*_LISTED).where(*_KEPT, TRASH.c.id == bindparam("id")).with_for_update(), locks=True)
FORGET = Statement("forget deletion", delete(TRASH).where(TRASH.c.id == bindparam("id")))
PAGE = Statement(
    "list trash", select(*_LISTED).where(*_KEPT, TRASH.c.id < bindparam("after")).order_by(TRASH.c.id.desc()).limit(bindparam("limit"))
)
CONDEMN = Statement("condemn deletions", update(TRASH).values(purging=1).where(*_KEPT, TRASH.c.deleted_at < bindparam("before")))
CONDEMN_ONE = Statement("condemn deletion", update(TRASH).values(purging=1).where(*_KEPT, TRASH.c.id == bindparam("deletion_id")))
PROJECTS = Statement(
    "projects to purge",
    select(TRASH.c.project_id).where(or_(TRASH.c.deleted_at < bindparam("before"), TRASH.c.purging == literal_column("1"))).distinct(),
    slow=True,
)
CLAIM = Bulk("claim external ids", EXTERNAL_ID)
RELEASE = Bulk("release external ids", EXTERNAL_ID, deletes=True)


class Way(NamedTuple):
    """How the records of a kind go where their owner goes. `owned` finds a record's live owner; or, of what is listed by several, `listed`
    says of each owner whether it is in the trash.
    """

    kind: Kind
    owner: Kind
    lock: Statement
    mark: Statement
    owned: Statement | None
    listed: Statement | None


def way(one: Belonging, tables: Tables, links: Table) -> Way:
    child, owner = tables[one.kind], tables[one.owner]
    under = [owner.c.project_id == _PROJECT, owner.c.trashed == _DELETION]
    under += [child.c[one.field] == owner.c.id] if one.field else [links.c.parent_id == owner.c.id, child.c.id == links.c.id]
    alone = [] if one.field else [_listed_by_no_other(child, owner, links)]
    candidates = select(child.c.id).where(*under, child.c.trashed == _LIVE).order_by(child.c.id).with_for_update()
    going = update(child).values(trashed=_DELETION)
    owned = listed = None
    if not one.field:
        lists = select(owner.c.trashed).where(links.c.id == bindparam("id"), links.c.parent_id == owner.c.id)
        listed = Statement(f"{owner.name} of {child.name}", lists.with_for_update(read=True, key_share=True), locks=True)
    else:
        found = select(owner.c.id).where(child.c.id == bindparam("id"), child.c[one.field] == owner.c.id, owner.c.trashed == _LIVE)
        shared = one.counted is None  # an owner that counts is about to be changed: two who shared the lock would wait for each other
        owned = Statement(f"owner of {child.name}", found.with_for_update(read=shared, key_share=True), locks=True)
    return Way(
        one.kind,
        one.owner,
        Statement(f"lock {child.name} under {owner.name}", candidates, locks=True),
        Statement(f"trash {child.name} under {owner.name}", going.where(*under, child.c.trashed == _LIVE, *alone)),
        owned,
        listed,
    )


def condemn_below(tables: Tables) -> Statement:
    """Chooses the deletions that were asked for of records whose owner is to be purged: without it they could not come back."""
    found = []
    for one in BELONGINGS:
        if one.field and one.kind is not Kind.METRIC_POINT:
            child, owner, its = tables[one.kind], tables[one.owner], TRASH.alias("its")
            theirs = (its.c.kind == literal_column(str(int(one.kind))), its.c.record_id == child.c.id, its.c.id == child.c.trashed)
            kept = (its.c.project_id == _PROJECT, its.c.purging == literal_column("0"))
            ours = (child.c[one.field] == owner.c.id, owner.c.trashed.in_(select(TRASH.c.id).where(*_CONDEMNED)))
            found.append(select(its.c.id).where(*kept, *theirs, *ours))
    # MySQL refuses to read the table that it changes, unless it has to keep what it read.
    below = union_all(*found).subquery("below")
    return Statement("condemn deletions below", update(TRASH).values(purging=1).where(TRASH.c.id.in_(select(below.c.id))))


def count(one: Belonging, tables: Tables) -> Statement:
    """Has the owner of a record, which is locked, know that it has so many more, or fewer, and which is the latest."""
    assert one.field is not None  # noqa: S101 - narrows its type
    assert one.counted is not None and one.latest is not None  # noqa: S101, PT018 - likewise
    child, owner = tables[one.kind], tables[one.owner]
    its_own = select(child.c[one.field]).where(child.c.id == bindparam("id")).scalar_subquery()
    changed = {one.counted: owner.c[one.counted] + bindparam("by", type_=ID), one.latest: latest_of(owner, child, one.field)}
    return Statement(f"count {child.name} of {owner.name}", update(owner).values(changed).where(owner.c.id == its_own))


class Stay(NamedTuple):
    """How records of a kind stay in the trash with an owner that another deletion took.

    `deletions` keeps these deletions from being undone meanwhile: whoever undid one would have looked already what belongs to it. `lock`
    keeps the owners where they are.
    """

    kind: Kind
    deletions: Statement
    lock: Statement
    follow: Statement


def stay(one: Belonging, tables: Tables) -> Stay:
    """For a belonging by a field."""
    assert one.field is not None  # noqa: S101 - narrows its type
    child, owner = tables[one.kind], tables[one.owner]
    ours = (child.c.project_id == _PROJECT, child.c.trashed == _DELETION)
    owned_by = owner.c.id.in_(select(child.c[one.field]).where(*ours))
    others = select(owner.c.trashed).where(owned_by, owner.c.trashed != _LIVE, owner.c.trashed != _DELETION)
    deletions = select(TRASH.c.id).where(TRASH.c.id.in_(others)).order_by(TRASH.c.id).with_for_update()
    # Of what an index has all of, MariaDB would lock the index only, and not the record.
    owners = select(owner.c.id, owner.c.revision).where(owned_by)
    its_own = owner.c.id == child.c[one.field]
    elsewhere = select(owner.c.id).where(its_own, owner.c.trashed != _LIVE, owner.c.trashed != _DELETION).correlate(child).exists()
    other = select(owner.c.trashed).where(its_own).correlate(child).scalar_subquery()
    return Stay(
        one.kind,
        Statement(f"hold deletions of {owner.name} of {child.name}", deletions, locks=True),
        Statement(f"hold {owner.name} of {child.name}", owners.with_for_update(read=True, key_share=True), locks=True),
        Statement(f"leave {child.name} with {owner.name}", update(child).values(trashed=other).where(*ours, elsewhere)),
    )


def mark(table: Table) -> Statement:
    return Statement(f"trash {table.name}", update(table).values(trashed=_DELETION).where(table.c.id == bindparam("id")))


def unmark(table: Table) -> Statement:
    ours = (table.c.project_id == _PROJECT, table.c.trashed == _DELETION)
    return Statement(f"restore {table.name}", update(table).values(trashed=0).where(*ours))


def rename(table: Table) -> Statement:
    changes: dict[str, Any] = {"name": bindparam("new_name"), "updated_at": bindparam("now"), "revision": bindparam("new_revision")}
    return Statement(f"rename {table.name}", update(table).values(changes).where(table.c.id == bindparam("id")))


def unmark_points(point: Table, run: Table) -> Statement:
    """Those of the runs that a deletion took, as long as these are there."""
    ours = (point.c.run_id == run.c.id, run.c.project_id == _PROJECT, run.c.trashed == _DELETION)
    return Statement(f"restore {point.name}", update(point).values(trashed=0).where(*ours, point.c.trashed == _DELETION))


def find(table: Table, columns: list[Any]) -> Statement:
    """One record of a deletion."""
    ours = (table.c.id == bindparam("id"), table.c.trashed == _DELETION)
    return Statement(f"get trashed {table.name}", select(*columns).where(*ours))


def members(tables: Tables) -> Statement:
    """Kind, id and external id of every record of a deletion."""
    return Statement("list deletion", union_all(*(_members(kind, table) for kind, table in tables.items())))


def _members(kind: Kind, table: Table) -> Select[Any]:
    # The external id comes from the row itself, or SQLite would read all of an index that happens to hold every column asked for.
    row = table.alias("record")
    found = select(literal_column(str(int(kind))), table.c.id, row.c.external_id).where(row.c.id == table.c.id)
    return found.where(table.c.project_id == _PROJECT, table.c.trashed == _DELETION)


def condemned(kind: Kind, columns: list[Any], tables: Tables) -> Statement:
    """Some records that are to be purged and own nothing any more: their deletion's id, then their columns."""
    table, deletions = tables[kind], select(TRASH.c.id).where(*_CONDEMNED)
    if kind is Kind.METRIC_POINT:  # there is no index of those in the trash: they are found through their run
        run = tables[Kind.RUN]
        runs = select(run.c.id).where(run.c.project_id == _PROJECT, run.c.trashed.in_(deletions))
        ours: list[ColumnElement[bool]] = [table.c.run_id.in_(runs)]
    else:
        ours = [table.c.project_id == _PROJECT, table.c.trashed.in_(deletions)]
    ours += [~exists().where(tables[one.kind].c[one.field] == table.c.id) for one in BELONGINGS if one.owner is kind and one.field]
    clause = select(table.c.trashed, *columns).where(*ours).limit(literal(BATCH)).with_for_update()
    return Statement(f"list condemned {table.name}", clause, locks=True)


def erase(table: Table, column: str = "id") -> Statement:
    return Statement(f"purge {table.name} by {column}", delete(table).where(table.c[column].in_(_IDS)))


def finish(tables: Tables) -> Statement:
    """Forget the condemned deletions of which nothing is left."""
    left = (~exists().where(table.c.project_id == TRASH.c.project_id, table.c.trashed == TRASH.c.id) for table in tables.values())
    return Statement("purge deletions", delete(TRASH).where(*_CONDEMNED, *left))


def _listed_by_no_other(artifact: Table, owner: Table, links: Table) -> ColumnElement[bool]:
    """No version or run but those that are going lists it."""
    other, going = links.alias("other"), owner.alias("going")
    goes = select(going.c.id).where(going.c.id == other.c.parent_id, going.c.trashed == _DELETION).correlate(other).exists()
    return ~select(other.c.id).where(other.c.id == artifact.c.id, ~goes).correlate(artifact).exists()
