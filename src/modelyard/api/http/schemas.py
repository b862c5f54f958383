"""JSON schemas of wire types, in the words of OpenAPI 3.1 (which are msgspec's) or 3.0 (which has a dialect of its own)."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

Schema = dict[str, Any]

REF = "#/components/schemas/{name}"
EMPTY: Mapping[Any, Any] = {}
_NULL = {"type": "null"}
_JSON_TYPES = {bool: "boolean", str: "string", int: "integer", float: "number"}


def components(
    types: Sequence[Any],
    unions: Mapping[str, Any],
    *,
    old: bool,
    keywords: Mapping[type, Schema] = EMPTY,
    free_tags: Collection[type] = (),
) -> tuple[list[Schema], dict[str, Schema]]:
    """The schema of each type, and all schemas that these refer to, by struct name in alphabetical order.

    `old` asks for OpenAPI 3.0; for `keywords` and `free_tags` see `DocumentInfo`. Raises `ValueError` when two structs have one name.
    """
    shown, named = msgspec.json.schema_components([*types, *unions.values()], ref_template=REF)
    for name in named:
        if "." in name:
            raise ValueError(f"two wire types are called {name.rpartition('.')[2]}: give them names of their own")
    free = _declare(named, keywords, free_tags)
    spelled = dict(zip(unions, shown[len(types) :], strict=True))
    writer = _Writer({name: _members(schema) for name, schema in spelled.items()}, _defaults(named), free, old=old)
    written = {name: writer.component(schema) for name, schema in sorted((named | spelled).items())}
    return [writer.write(schema) for schema in shown[: len(types)]], written


def _declare(named: dict[str, Schema], keywords: Mapping[type, Schema], free_tags: Collection[type]) -> frozenset[str]:
    """Put what is declared of types into their components; returns references to those with a free tag."""
    for kind, more in keywords.items():
        if kind.__name__ in named:
            named[kind.__name__] |= more
    free = [kind.__name__ for kind in free_tags if kind.__name__ in named]
    for name in free:
        _free_tag(named[name])
    return frozenset(REF.format(name=name) for name in free)


def _defaults(named: Mapping[str, Schema]) -> Schema:
    """The defaults of components, by reference."""
    return {REF.format(name=name): schema["default"] for name, schema in named.items() if "default" in schema}


def _members(schema: Schema) -> frozenset[str]:
    """What a union is made of, whatever the order; empty for anything else."""
    return frozenset(option.get("$ref", "") for option in schema.get("anyOf", ()) if option != _NULL)


def _free_tag(schema: Schema) -> None:
    """Make the tag of a struct, which msgspec writes first, an optional text."""
    name, tag = next(iter(schema["properties"].items()))
    schema["properties"][name] = {"anyOf": [{"type": "string"}, _NULL], "default": tag["enum"][0]}
    schema["required"].remove(name)


class _Writer:
    """`defaults` are those of components by reference, `free` the references to components with a free tag."""

    def __init__(self, unions: Mapping[str, frozenset[str]], defaults: Schema, free: frozenset[str], *, old: bool) -> None:
        self._unions = unions
        self._defaults = defaults
        self._free = free
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
        schema = _typed(self._choice(_plain(self._inside(schema))))
        return _old_words(_old_null(schema)) if self._old else schema

    def _inside(self, schema: Schema) -> Schema:
        for word in ("anyOf", "oneOf", "allOf", "prefixItems"):
            if word in schema:
                schema[word] = [self.write(option) for option in schema[word]]
        for word in ("items", "additionalProperties"):
            if isinstance(schema.get(word), dict):
                schema[word] = self.write(schema[word])
        if "properties" in schema:
            schema["properties"] = {name: self._property(inner) for name, inner in schema["properties"].items()}
        return schema

    def _property(self, schema: Schema) -> Schema:
        """As `write`. A default of null goes: that the property may be left out, `required` says already."""
        schema = {word: value for word, value in schema.items() if word != "default" or value is not None}
        if "default" not in schema:
            schema |= self._implied_default(schema)
        return self.write(schema)

    def _implied_default(self, schema: Schema) -> Schema:
        """A tag's only value, or the default of the component that the schema refers to with something beside the reference.

        Tools that see `nullable` or a description there make a type of its own of it, and would miss the component's.
        """
        if schema.keys() == {"enum"} and len(schema["enum"]) == 1:
            return {"default": schema["enum"][0]}
        options = [option for option in schema.get("anyOf", ()) if option != _NULL]
        target = options[0] if len(options) == 1 else schema
        found = self._defaults.get(target.get("$ref", ""))
        return {} if found is None or schema.keys() == {"$ref"} else {"default": found}

    def _choice(self, schema: Schema) -> Schema:
        """Tags tell the members of a union apart, so it is exactly one of them.

        Not where a member's tag is free: such a member fits what others fit. There the union itself says what the tag must be.
        """
        if "discriminator" not in schema or "anyOf" not in schema:
            return schema
        tag, mapping = schema["discriminator"]["propertyName"], schema["discriminator"]["mapping"]
        if self._free.isdisjoint(mapping.values()):
            schema["oneOf"] = schema.pop("anyOf")
            return schema
        return schema | {"type": "object", "properties": {tag: {"type": "string", "enum": list(mapping)}}, "required": [tag]}


def _plain(schema: Schema) -> Schema:
    """A union of one is no union."""
    options = schema.get("anyOf")
    if options is None or len(options) != 1:
        return schema
    del schema["anyOf"]
    (only,) = options
    return {**only, **schema}


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
