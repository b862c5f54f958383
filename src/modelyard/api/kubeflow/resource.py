"""A resource of this API: its words, its shape on the wire, and the service calls that answer for it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import msgspec

from modelyard.api.kubeflow.filter import Names
from modelyard.api.kubeflow.vocabulary import Noun
from modelyard.api.kubeflow.wire import Wire
from modelyard.context import Caller
from modelyard.records.kinds import Kind
from modelyard.records.record import NewRecord, RecordPatch
from modelyard.search.page import ListQuery, Page

Show = Callable[[Any], msgspec.Struct]
Get = Callable[[Caller, int], Awaitable[Any]]
List = Callable[[Caller, ListQuery], Awaitable[Page[Any]]]
Find = Callable[[Caller, Mapping[str, Any]], Awaitable[Sequence[Any]]]
Create = Callable[[Caller, Any], Awaitable[Any]]
Update = Callable[[Caller, int, Any], Awaitable[Any]]


class Parent(msgspec.Struct, frozen=True):
    """What a resource's names are unique in: the domain's field of the parent's id, and what messages call that id.

    `missing` begins the message where the original adds to it that the parent, of this `kind`, was not found.
    """

    field: str
    label: str
    missing: str = ""
    kind: Kind | None = None


class Resource(msgspec.Struct, frozen=True, kw_only=True):
    """`show` turns a record into the wire's struct; `names` are what its lists can be filtered by.

    `most` is how many items a page may have, 0 for any number. `find` is there where a name, or else an external id, is of one record.
    """

    words: Noun
    show: Show
    names: Names
    get: Get
    list: List
    most: int
    find: Find | None = None
    parent: Parent | None = None
    get_parent: Get | None = None
    create: Create | None = None
    new: type[NewRecord] | None = None
    update: Update | None = None
    patch: type[RecordPatch] | None = None
    update_body: type[Wire] | None = None
