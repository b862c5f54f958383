"""JSON schemas of wire types, in the words of OpenAPI 3.1 (which are msgspec's) or 3.0 (which has a dialect of its own)."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

Schema = dict[str, Any]

REF = "#/components/schemas/{name}"
_NULL = {"type": "null"}
_JSON_TYPES = {bool: "boolean", str: "string", int: "integer", float: "number"}


def components(types: Sequence[Any], unions: Mapping[str, Any], *, old: bool) -> tuple[list[Schema], dict[str, Schema]]:
    """The schema of each type, and all schemas that these refer to, by struct name in alphabetical order.

    `old` asks for OpenAPI 3.0. Raises `ValueError` when two structs have one name.
    """
    shown, named = msgspec.json.schema_components([*types, *unions.values()], ref_template=REF)
    for name in named:
        if "." in name:
            raise ValueError(f"two wire types are called {name.rpartition('.')[2]}: give them names of their own")
    spelled = dict(zip(unions, shown[len(types) :], strict=True))
    writer = _Writer({name: _members(schema) for name, schema in spelled.items()}, old=old)
    written = {name: writer.component(schema) for name, schema in sorted((named | spelled).items())}
    return [writer.write(schema) for schema in shown[: len(types)]], written


def _members(schema: Schema) -> frozenset[str]:
    """What a union is made of, whatever the order; empty for anything else."""
    return frozenset(option.get("$ref", "") for option in schema.get("anyOf", ()) if option != _NULL)


class _Writer:
    def __init__(self, unions: Mapping[str, frozenset[str]], *, old: bool) -> None:
        self._unions = unions
        self._old = old

    def component(self, schema: Schema) -> Schema:
        """As `write`, but a named union is spelled out, not replaced by a reference to itself."""
        return self._finish(dict(schema))

    def write(self, schema: Schema) -> Schema:
        members = _members(schema)
        name = next((name for name, union in self._unions.items() if union == members), None) if members else None
        if name is None:
            return self._finish(dict(schema))
        rest = {word: value for word, value in schema.items() if word != "discriminator"}
        null = [_NULL] if _NULL in schema["anyOf"] else []
        return self._finish({**rest, "anyOf": [{"$ref": REF.format(name=name)}, *null]})

    def _finish(self, schema: Schema) -> Schema:
        schema = _typed(_one_of(_plain(self._inside(schema))))
        return _old_words(_old_null(schema)) if self._old else schema

    def _inside(self, schema: Schema) -> Schema:
        for word in ("anyOf", "oneOf", "allOf", "prefixItems"):
            if word in schema:
                schema[word] = [self.write(option) for option in schema[word]]
        for word in ("items", "additionalProperties"):
            if isinstance(schema.get(word), dict):
                schema[word] = self.write(schema[word])
        if "properties" in schema:
            schema["properties"] = {name: self.write(inner) for name, inner in schema["properties"].items()}
        return schema


def _plain(schema: Schema) -> Schema:
    """A union of one is no union."""
    options = schema.get("anyOf")
    if options is None or len(options) != 1:
        return schema
    del schema["anyOf"]
    (only,) = options
    return {**only, **schema}


def _one_of(schema: Schema) -> Schema:
    """Tags tell the members of a union apart, so it is exactly one of them."""
    if "discriminator" in schema and "anyOf" in schema:
        schema["oneOf"] = schema.pop("anyOf")
    return schema


def _typed(schema: Schema) -> Schema:
    """Give enums and constants the type that msgspec leaves out, for tools that make code of the document."""
    if "const" in schema:
        schema["enum"] = [schema.pop("const")]
    if "enum" not in schema or "type" in schema:
        return schema
    types = {_JSON_TYPES[type(value)] for value in schema["enum"] if value is not None}
    if len(types) == 1 and None not in schema["enum"]:
        schema["type"] = types.pop()
    return schema


def _old_null(schema: Schema) -> Schema:
    """`{"type": "null"}` among the options is 3.0's `nullable`."""
    for word in ("anyOf", "oneOf"):
        if _NULL in schema.get(word, ()):
            schema[word] = [option for option in schema[word] if option != _NULL]
            schema["nullable"] = True
            if len(schema[word]) == 1:
                schema = _merge(schema, word)
    if schema.get("nullable") and "enum" in schema and None not in schema["enum"]:
        schema["enum"] = [*schema["enum"], None]
    if "$ref" in schema and len(schema) > 1:  # 3.0 ignores everything beside a $ref
        schema["allOf"] = [{"$ref": schema.pop("$ref")}]
    return schema


def _merge(schema: Schema, word: str) -> Schema:
    (only,) = schema.pop(word)
    return _typed({**only, **schema})


def _old_words(schema: Schema) -> Schema:
    """Words that 3.0 lacks or means otherwise."""
    for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if exclusive in schema and not isinstance(schema[exclusive], bool):
            schema[bound], schema[exclusive] = schema[exclusive], True
    if "prefixItems" in schema:
        schema["items"] = {"anyOf": schema.pop("prefixItems")}
    if schema.pop("contentEncoding", None) == "base64":
        schema["format"] = "byte"
    if schema.get("examples"):
        schema["example"] = schema.pop("examples")[0]
    if schema.get("required") == []:  # it must not be empty
        del schema["required"]
    schema.pop("propertyNames", None)
    return schema
