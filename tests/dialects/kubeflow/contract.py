"""Reads an OpenAPI document for comparison: references followed, `allOf` merged, parameters of a path given to its operations."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

Node = Mapping[str, Any]

METHODS = ("get", "put", "post", "patch", "delete")


class Flat(msgspec.Struct):
    """A schema after merging. `union` names its options; `fields` are the schemas of its properties as they stand.

    `closed` is `additionalProperties: false`; a schema for them is `values`.
    """

    type: str | None = None
    format: str | None = None
    enum: frozenset[str] = frozenset()
    union: frozenset[str] = frozenset()
    discriminator: Any = None
    default: Any = None
    min_length: int = 0
    pattern: str | None = None
    read_only: bool = False
    fields: dict[str, Any] = msgspec.field(default_factory=dict)
    required: frozenset[str] = frozenset()
    items: Any = None
    values: Any = None
    closed: bool = False


class Operation(msgspec.Struct):
    path: str
    method: str
    parameters: dict[tuple[str, str], Any]
    """By name and place."""
    body: str | None
    """The name of the schema of its request body."""
    answers: dict[str, str | None]
    """The name of the schema of each status's body."""


class Contract:
    def __init__(self, document: Node) -> None:
        self._document = document
        self.schemas: Node = document["components"]["schemas"]

    def operations(self) -> dict[str, Operation]:
        return {node["operationId"]: self._operation(path, method, item, node) for path, method, item, node in self._nodes()}

    def flat(self, schema: Node) -> Flat:
        """All parts of an `allOf` hold; of words that say the same thing twice the later wins, and what stands beside it over them."""
        flat = Flat()
        if "$ref" in schema:
            self._merge(flat, self.flat(self._follow(schema)))
        for part in schema.get("allOf", ()):
            self._merge(flat, self.flat(part))
        options = [option for option in self._options(schema) if option.get("type") != "null"]
        if len(options) == 1:
            self._merge(flat, self.flat(options[0]))
        elif options:
            flat.union = frozenset(name for option in options if (name := self.name(option)))
        self._merge(flat, self._own(schema))
        return flat

    def name(self, schema: Node | None) -> str | None:
        """The component that a schema refers to, wherever the reference stands in it."""
        if not schema:
            return None
        if "$ref" in schema:
            return str(schema["$ref"]).rpartition("/")[2]
        parts = [*self._options(schema), *schema.get("allOf", ())]
        return self.name(parts[0]) if len(parts) == 1 else None

    def _options(self, schema: Node) -> list[Any]:
        return [*schema.get("oneOf", ()), *schema.get("anyOf", ())]

    def _own(self, schema: Node) -> Flat:
        values = schema.get("additionalProperties")
        return Flat(
            type=schema.get("type"),
            format=schema.get("format"),
            enum=frozenset(word for word in schema.get("enum", ()) if word is not None),
            discriminator=schema.get("discriminator"),
            default=schema.get("default"),
            min_length=schema.get("minLength", 0),
            pattern=schema.get("pattern"),
            read_only=schema.get("readOnly", False),
            fields=dict(schema.get("properties", {})),
            required=frozenset(schema.get("required", ())),
            items=schema.get("items"),
            values=values if isinstance(values, dict) else None,
            closed=values is False,
        )

    def _merge(self, flat: Flat, more: Flat) -> None:
        for word in ("type", "format", "enum", "union", "discriminator", "pattern", "read_only", "items", "values", "closed"):
            setattr(flat, word, getattr(more, word) or getattr(flat, word))
        flat.default = flat.default if more.default is None else more.default
        flat.min_length = max(flat.min_length, more.min_length)
        for name, field in more.fields.items():
            flat.fields[name] = {"allOf": [flat.fields[name], field]} if name in flat.fields else field
        flat.required |= more.required

    def _follow(self, node: Node) -> Node:
        while "$ref" in node:
            target: Any = self._document
            for step in str(node["$ref"]).removeprefix("#/").split("/"):
                target = target[step]
            node = target
        return node

    def _nodes(self) -> Iterator[tuple[str, str, Node, Node]]:
        for path, item in self._document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield path, method, item, item[method]

    def _operation(self, path: str, method: str, item: Node, node: Node) -> Operation:
        parameters = [self._follow(one) for one in (*item.get("parameters", ()), *node.get("parameters", ()))]
        return Operation(
            path,
            method,
            {(one["name"], one["in"]): one for one in parameters},
            self._content(node.get("requestBody", {})),
            {status: self._content(answer) for status, answer in node["responses"].items()},
        )

    def _content(self, node: Node) -> str | None:
        return self.name(self._follow(node).get("content", {}).get("application/json", {}).get("schema"))
