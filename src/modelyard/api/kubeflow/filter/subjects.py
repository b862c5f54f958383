"""What a name in a filter stands for: a field of the domain, or else a custom property."""

from collections.abc import Mapping

import msgspec

from modelyard.search.tree import Field, Property, PropertyType, Scalar, Subject


class ByLiteral(msgspec.Struct, frozen=True):
    """A wire name that stands for one of two fields, by what it is compared with: `value` of a metric or of a parameter."""

    number: str
    text: str


Names = Mapping[str, str | ByLiteral]
"""Wire names of one list's fields, to domain names. Every other name is a custom property."""


class Named(msgspec.Struct, frozen=True):
    """What a name stands for when compared with a number or boolean, and when compared with text."""

    number: Subject
    text: Subject

    def beside(self, value: Scalar) -> Subject:
        return self.text if isinstance(value, str) else self.number


def resolve(names: Names, name: str, type_: PropertyType | None) -> Named:
    target = names.get(name)
    if target is None:
        return Named(Property(name, type_), Property(name, type_))
    if isinstance(target, str):
        return Named(Field(target, type_), Field(target, type_))
    number, text = Field(target.number, type_), Field(target.text, type_)
    return Named(text if type_ is PropertyType.TEXT else number, text if type_ in (None, PropertyType.TEXT) else number)
