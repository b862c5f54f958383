"""What services may ask of a kind of record, whatever keeps it."""

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar

from modelyard.context import ProjectId
from modelyard.records.kinds import Kind
from modelyard.records.record import Record
from modelyard.search.fields import Fields
from modelyard.search.page import ListQuery, Page
from modelyard.search.tree import Expr
from modelyard.store.database import Reader, Unit

R = TypeVar("R", bound=Record)


class Records(Protocol[R]):
    """The records of one kind. Trashed ones do not exist here.

    Errors: `AlreadyExists` when a name or external id is taken; `Invalid` for a filter that compares the incomparable.
    """

    @property
    def kind(self) -> Kind: ...

    @property
    def fields(self) -> Fields: ...

    async def insert(self, unit: Unit, record: R, *, racing: bool = False, referred: bool = False) -> R:
        """Store a new record (its `id` 0) and return it with its id, which may come as late as the unit ends (see `Unit.new_id`).

        `racing`: it was looked for in this unit. Where somebody has just made it, the unit is run again, and finds it.
        `referred`: other records of this unit are going to hold its id, which is therefore a number at once.
        """
        ...

    async def get(self, reader: Reader, project: ProjectId, record_id: int) -> R | None: ...

    async def find(self, reader: Reader, project: ProjectId, values: Mapping[str, str | int]) -> Sequence[R]:
        """Those whose fields have these values, two at most: that there are several can be told then. Some of the fields together are
        an index's, so that few are looked at.
        """
        ...

    async def lock(self, unit: Unit, project: ProjectId, record_id: int) -> R | None:
        """Like `get`, and nobody else changes the record until the unit ends."""
        ...

    async def lock_found(self, unit: Unit, record: R) -> R | None:
        """Lock a record that was read in this unit, and give it as it is by then."""
        ...

    async def hold(self, unit: Unit, project: ProjectId, record_id: int) -> R | None:
        """Like `get`, and nobody moves the record to the trash until the unit ends. Others may hold it too, or change it."""
        ...

    async def lock_all(self, unit: Unit, project: ProjectId, scope: Expr, *, few: bool = False) -> list[R]:
        """Every record in the scope by id, locked, in one statement. `few`: there are at most `database.FEW`."""
        ...

    async def page(self, reader: Reader, project: ProjectId, query: ListQuery) -> Page[R]:
        """One page. With a filter it may come up short, which does not mean that it is the last: `Page.next` says so. Without a limit
        everything, whatever memory that takes.
        """
        ...

    async def update(self, unit: Unit, before: R, after: R) -> None:
        """Replace a locked record."""
        ...

    async def insert_all(self, unit: Unit, records: Sequence[R]) -> list[R]:
        """Store new records (ids 0) that have neither external ids nor properties, in one statement, and return them with their ids."""
        ...

    async def update_all(self, unit: Unit, records: Sequence[R], fields: tuple[str, ...]) -> None:
        """Replace these fields of locked records, in one statement. Neither external ids nor properties are among them, and `revision`
        is, one higher than before.
        """
        ...


class Links(Protocol):
    """A many-to-many relation of records to parents, read through a link field of the records' `Fields`."""

    async def has(self, unit: Unit, parent_id: int, record_id: int) -> bool: ...

    async def add(self, unit: Unit, parent_id: int, record_id: int) -> None:
        """Attach a record that this parent does not have yet."""
        ...

    async def add_all(self, unit: Unit, parent_id: int, record_ids: Sequence[int]) -> None: ...
