"""Whether the store can be used: which schema it has, and whether each kind of record can be read."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from modelyard.context import Caller
from modelyard.search.page import ListQuery, Page
from modelyard.store.database import Database
from modelyard.store.schema import HEAD, schema_version

List = Callable[[Caller, ListQuery], Awaitable[Page[Any]]]


class SchemaState(msgspec.Struct, frozen=True):
    """Which migration the database stands at, 0 if at none that has a number. `dirty`: it is not the one that this program needs."""

    version: int
    dirty: bool


class StoreHealth:
    """`lists` reads each kind of record, by its name in reports."""

    def __init__(self, database: Database, lists: Mapping[str, List]) -> None:
        self._database = database
        self._lists = lists

    async def database(self) -> SchemaState:
        """Raises `Unavailable`."""
        await self._database.ping()
        version = await schema_version(self._database)
        number = int(version) if version is not None and version.isdecimal() else 0
        return SchemaState(number, version != HEAD)

    async def probe_resources(self) -> Mapping[str, int]:
        """Reads at most one record of each kind: 1 where there are any, 0 where there are none. Raises `Unavailable`."""
        caller = Caller(name="health", dialect="ops", request_id="health")
        one = ListQuery(limit=1)
        return {name: len((await list_(caller, one)).items) for name, list_ in self._lists.items()}
