"""What a wire struct looks like, field by field, for reading a body by hand."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

import msgspec
from msgspec import inspect

from modelyard.api.kubeflow.wire import SCHEMA_NAMES


class FieldKind(Enum):
    """What a field holds. The value is its type in the original's error messages."""

    TEXT = "string"
    TEXT_LIST = "[]string"
    INTEGER = "int64"
    NUMBER = "float64"
    BOOLEAN = "bool"
    PROPERTIES = "map[string]openapi.MetadataValue"


class FieldShape(msgspec.Struct, frozen=True):
    """`words` are the values a text may have; None means any."""

    attribute: str
    kind: FieldKind
    words: type[Enum] | None = None


class Shape(msgspec.Struct, frozen=True):
    """One struct. `fields` and `required` are by wire name; `required` are the fields without a default."""

    type: type[msgspec.Struct]
    name: str
    fields: Mapping[str, FieldShape]
    required: tuple[str, ...]


class Variants(msgspec.Struct, frozen=True):
    """A union of structs; `members` by the value of `tag_field` that chooses them."""

    name: str
    tag_field: str
    members: Mapping[str, Shape]


_SIMPLE: Mapping[type[inspect.Type], FieldKind] = {
    inspect.StrType: FieldKind.TEXT,
    inspect.EnumType: FieldKind.TEXT,
    inspect.IntType: FieldKind.INTEGER,
    inspect.FloatType: FieldKind.NUMBER,
    inspect.BoolType: FieldKind.BOOLEAN,
    inspect.VarTupleType: FieldKind.TEXT_LIST,
    inspect.DictType: FieldKind.PROPERTIES,
}


def shape_of(type_: type[msgspec.Struct]) -> Shape:
    info = inspect.type_info(type_)
    assert isinstance(info, inspect.StructType)  # noqa: S101 - narrows msgspec's return type
    return _shape(info)


def variants_of(union: Any) -> Variants:
    """`union` is written as `Annotated[A | B, Meta(title=its name)]`, and its members have string tags."""
    info = inspect.type_info(union)
    assert isinstance(info, inspect.Metadata)  # noqa: S101 - a union without a title is our own mistake
    assert isinstance(info.type, inspect.UnionType)  # noqa: S101 - likewise
    members = [member for member in info.type.types if isinstance(member, inspect.StructType)]
    name = (info.extra_json_schema or {})["title"]
    return Variants(name, str(members[0].tag_field), {str(member.tag): _shape(member) for member in members})


def _shape(info: inspect.StructType) -> Shape:
    fields = {field.encode_name: _field(field) for field in info.fields}
    required = tuple([field.encode_name for field in info.fields if field.required])
    return Shape(info.cls, SCHEMA_NAMES.get(info.cls, info.cls.__name__), fields, required)


def _field(field: inspect.Field) -> FieldShape:
    type_ = _bare(field.type)
    return FieldShape(field.name, _SIMPLE[type(type_)], type_.cls if isinstance(type_, inspect.EnumType) else None)


def _bare(type_: inspect.Type) -> inspect.Type:
    """The type without its annotations and without `| None`."""
    while True:
        if isinstance(type_, inspect.Metadata):
            type_ = type_.type
        elif isinstance(type_, inspect.UnionType):
            type_ = next(member for member in type_.types if not isinstance(member, inspect.NoneType))
        else:
            return type_
