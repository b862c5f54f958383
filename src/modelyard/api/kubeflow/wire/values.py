"""Custom property values: one struct per type, told apart by `metadataType`.

Integers travel as text so that JavaScript keeps all 64 bits; the original allows 32 only. `gc=False`: a list answer holds
hundreds of them, and none can be part of a cycle.
"""

from typing import Annotated, TypeAlias

import msgspec

from modelyard.api.kubeflow.wire.notes import note


class _Value(msgspec.Struct, tag_field="metadataType", gc=False, frozen=True):
    pass


class MetadataBoolValue(_Value, tag=True, frozen=True):
    """True or false."""

    bool_value: bool


class MetadataDoubleValue(_Value, tag=True, frozen=True):
    """A finite number."""

    double_value: Annotated[float, note("", format="double")]


class MetadataIntValue(_Value, tag=True, frozen=True):
    """A whole number."""

    int_value: Annotated[str, note("Decimal digits of a 64-bit integer, with an optional sign.", format="int64")]


class MetadataProtoValue(_Value, tag=True, frozen=True):
    """A protobuf message; stored and returned, never looked into."""

    proto_value: Annotated[str, note("The message's bytes in base64.", format="byte")]
    type: Annotated[str, note("URL that names the message's type.")]


class MetadataStringValue(_Value, tag=True, frozen=True):
    """Text, stored as it is."""

    string_value: str


class MetadataStructValue(_Value, tag=True, frozen=True):
    """A JSON object."""

    struct_value: Annotated[str, note("The object's JSON text in base64. The bare JSON text is accepted too.", format="byte")]


MetadataValue: TypeAlias = Annotated[
    MetadataIntValue | MetadataDoubleValue | MetadataStringValue | MetadataStructValue | MetadataProtoValue | MetadataBoolValue,
    msgspec.Meta(title="MetadataValue", description="The value of a custom property."),
]

VALUES = (MetadataIntValue, MetadataDoubleValue, MetadataStringValue, MetadataStructValue, MetadataProtoValue, MetadataBoolValue)
"""The members of `MetadataValue`."""
