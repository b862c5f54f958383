import enum
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import UNSET, Meta, Struct, UnsetType
from openapi_spec_validator import validate

from modelyard.access.permissions import Permission
from modelyard.api.http.openapi import document
from modelyard.api.http.operation import Operation, Parameter, Place
from tests.unit.api.http.toy import OPERATIONS, dialect, echo, operation


class State(enum.Enum):
    LIVE = "LIVE"
    ARCHIVED = "ARCHIVED"


class Thing(Struct, kw_only=True):
    """What toys have in common."""

    id: Annotated[
        str | None | UnsetType, Meta(description="Given by the server.", extra_json_schema={"format": "int64", "readOnly": True})
    ] = UNSET
    state: State | None | UnsetType = UNSET


class Car(Thing, tag_field="kind", tag="car", kw_only=True):
    name: str
    wheels: Annotated[int, Meta(gt=0)] = 4
    horn: Literal["loud"] | None = None
    size: tuple[int, int] = (1, 2)


class Doll(Thing, tag_field="kind", tag="doll", kw_only=True):
    friends: "dict[str, Car | Doll]" = {}
    favourite: "Doll | Car | None" = None
    sister: "Doll | None" = None
    face: bytes = b""


class Page(Struct):
    items: list[Car | Doll]


class Error(Struct):
    error: str


TABLE = (
    operation(
        "GET",
        "/toys",
        echo,
        "listToys",
        summary="List toys",
        parameters=(Parameter("pageSize", Place.QUERY, {"type": "string"}, "How many."),),
        responses={200: Page, 400: Error, 405: None},
    ),
    operation("POST", "/toys", echo, "createToy", body=Car | Doll, responses={201: Doll | Car}, tag="making"),
    operation("GET", "/toys/{toyId}", echo, "getToy", responses={200: Doll}, extension=True),
    Operation(id="ping", method="GET", path="/ping", permission=Permission.PUBLIC, handler=echo, responses={204: None}),
)


def served(**info: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(document(dialect(TABLE, extra_schemas=(Thing,), **info))))


MORE: dict[str, Any] = {"keywords": {State: {"default": "LIVE"}, Page: {"additionalProperties": False}}, "free_tags": (Car,)}
OLD = served()
SCHEMAS = OLD["components"]["schemas"]
FAILURE = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
@pytest.mark.parametrize("unions", [{}, {"Toy": Car | Doll}])
@pytest.mark.parametrize("more", [{}, MORE], ids=["plain", "with keywords and free tags"])
def test_the_document_is_valid(version: str, unions: dict[str, Any], more: dict[str, Any]) -> None:
    made = served(openapi=version, unions=unions, **more)
    assert made["openapi"] == version
    validate(made)


def test_operations_are_written_out() -> None:
    listed = OLD["paths"]["/api/toys/v1/toys"]["get"]
    assert listed == {
        "operationId": "listToys",
        "tags": ["toys"],
        "summary": "List toys",
        "parameters": [{"name": "pageSize", "in": "query", "schema": {"type": "string"}, "description": "How many."}],
        "responses": {
            "200": {"description": "OK", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Page"}}}},
            "400": {"description": "Bad Request", "content": FAILURE},
            "401": {"description": "Unauthorized", "content": FAILURE},
            "403": {"description": "Forbidden", "content": FAILURE},
            "405": {"description": "Method Not Allowed"},
            "429": {"description": "Too Many Requests", "content": FAILURE},
        },
    }


def test_path_variables_and_the_idempotency_key_need_not_be_listed() -> None:
    (variable,) = OLD["paths"]["/api/toys/v1/toys/{toyId}"]["get"]["parameters"]
    assert variable == {"name": "toyId", "in": "path", "schema": {"type": "string"}, "required": True}
    (key,) = OLD["paths"]["/api/toys/v1/toys"]["post"]["parameters"]
    assert (key["name"], key["in"], key.get("required")) == ("Idempotency-Key", "header", None)


def test_extensions_tags_and_public_operations_are_marked() -> None:
    assert OLD["paths"]["/api/toys/v1/toys/{toyId}"]["get"]["x-extension"] is True
    assert "x-extension" not in OLD["paths"]["/api/toys/v1/toys"]["get"]
    assert OLD["paths"]["/api/toys/v1/toys"]["post"]["tags"] == ["making"]
    assert OLD["paths"]["/api/toys/v1/ping"]["get"]["security"] == []
    assert OLD["tags"] == [{"name": "toys"}, {"name": "making"}, {"name": "ping"}]


def test_where_nobody_is_asked_nobody_is_refused() -> None:
    assert list(OLD["paths"]["/api/toys/v1/ping"]["get"]["responses"]) == ["204"]


def test_the_head_names_licence_and_credentials() -> None:
    assert OLD["info"]["title"] == "Toys"
    assert OLD["info"]["license"]["name"] == "Apache 2.0"
    schemes = {"Bearer": {"type": "http", "scheme": "bearer"}, "Basic": {"type": "http", "scheme": "basic"}}
    assert OLD["components"]["securitySchemes"] == schemes
    assert OLD["security"] == [{}, {"Bearer": []}, {"Basic": []}]


def test_components_are_called_as_their_structs_and_listed_bases_are_among_them() -> None:
    assert list(SCHEMAS) == ["Car", "Doll", "Error", "Page", "State", "Thing"]
    assert SCHEMAS["Thing"]["description"] == "What toys have in common."


def test_a_tagged_union_is_one_of_with_its_mapping() -> None:
    items = SCHEMAS["Page"]["properties"]["items"]["items"]
    assert items == {
        "oneOf": [{"$ref": "#/components/schemas/Car"}, {"$ref": "#/components/schemas/Doll"}],
        "discriminator": {
            "propertyName": "kind",
            "mapping": {"car": "#/components/schemas/Car", "doll": "#/components/schemas/Doll"},
        },
    }
    assert SCHEMAS["Car"]["properties"]["kind"] == {"type": "string", "enum": ["car"], "default": "car"}
    assert SCHEMAS["Car"]["required"] == ["kind", "name"]


def test_a_named_union_is_referred_to_wherever_it_occurs() -> None:
    made = served(unions={"Toy": Doll | Car})
    schemas = made["components"]["schemas"]
    toy = {"$ref": "#/components/schemas/Toy"}
    assert len(schemas["Toy"]["oneOf"]) == 2
    assert schemas["Page"]["properties"]["items"]["items"] == toy
    assert schemas["Doll"]["properties"]["friends"]["additionalProperties"] == toy
    assert schemas["Doll"]["properties"]["favourite"] == {"allOf": [toy], "nullable": True}
    assert made["paths"]["/api/toys/v1/toys"]["post"]["requestBody"]["content"]["application/json"]["schema"] == toy


def test_what_3_0_has_other_words_for() -> None:
    car, doll = SCHEMAS["Car"]["properties"], SCHEMAS["Doll"]["properties"]
    assert car["id"] == {"type": "string", "nullable": True, "format": "int64", "readOnly": True, "description": "Given by the server."}
    assert car["state"] == {"allOf": [{"$ref": "#/components/schemas/State"}], "nullable": True}
    assert car["wheels"] == {"type": "integer", "minimum": 0, "exclusiveMinimum": True, "default": 4}
    assert car["horn"] == {"type": "string", "enum": ["loud", None], "nullable": True}
    assert car["size"]["items"] == {"anyOf": [{"type": "integer"}, {"type": "integer"}]}
    assert doll["face"] == {"type": "string", "format": "byte", "default": ""}
    assert doll["sister"] == {"allOf": [{"$ref": "#/components/schemas/Doll"}], "nullable": True}
    assert SCHEMAS["State"] == {"title": "State", "type": "string", "enum": ["ARCHIVED", "LIVE"]}


def test_components_say_the_keywords_given_for_their_types_if_they_are_there() -> None:
    class Absent(enum.Enum):
        NOWHERE = "NOWHERE"

    schemas = served(keywords={**MORE["keywords"], Absent: {"default": "NOWHERE"}})["components"]["schemas"]
    assert schemas["State"]["default"] == "LIVE"
    assert schemas["Page"]["additionalProperties"] is False
    assert schemas["Page"]["properties"] == SCHEMAS["Page"]["properties"]
    assert schemas.keys() == SCHEMAS.keys()


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_a_default_of_a_component_shows_where_something_stands_beside_the_reference(version: str) -> None:
    class Uses(Struct, kw_only=True):
        bare: State
        told: Annotated[State, Meta(description="How it is.")]
        nullable: State | None = None
        own: State | None = State.ARCHIVED

    table = (operation("GET", "/uses", echo, responses={200: Uses}),)
    made = document(dialect(table, openapi=version, keywords={State: {"default": "LIVE"}}))
    shown = made["components"]["schemas"]["Uses"]["properties"]
    assert shown["bare"] == {"$ref": "#/components/schemas/State"}
    assert (shown["told"]["default"], shown["nullable"]["default"], shown["own"]["default"]) == ("LIVE", "LIVE", "ARCHIVED")


def test_a_free_tag_is_any_text_in_the_member_and_fixed_by_the_union() -> None:
    schemas = served(free_tags=(Car,), unions={"Toy": Car | Doll})["components"]["schemas"]
    assert schemas["Car"]["properties"]["kind"] == {"type": "string", "nullable": True, "default": "car"}
    assert schemas["Car"]["required"] == ["name"]
    assert schemas["Doll"]["required"] == ["kind"]
    toy = schemas["Toy"]
    assert [option["$ref"].rpartition("/")[2] for option in toy["anyOf"]] == ["Car", "Doll"]
    assert "oneOf" not in toy
    assert (toy["properties"], toy["required"]) == ({"kind": {"type": "string", "enum": ["car", "doll"]}}, ["kind"])


def test_3_1_keeps_null_as_a_type() -> None:
    new = served(openapi="3.1.0")["components"]["schemas"]
    assert new["Doll"]["properties"]["sister"] == {"anyOf": [{"$ref": "#/components/schemas/Doll"}, {"type": "null"}]}
    assert new["Car"]["properties"]["wheels"]["exclusiveMinimum"] == 0


def test_two_operations_cannot_share_an_id() -> None:
    with pytest.raises(ValueError, match="two operations of toys are called listToys"):
        document(dialect([*OPERATIONS, operation("GET", "/other", echo, "listToys")]))


def test_two_structs_cannot_share_a_name() -> None:
    twin = msgspec.defstruct("Error", [("reason", str)], module="elsewhere")
    with pytest.raises(ValueError, match="two wire types are called Error"):
        document(dialect([operation("GET", "/a", echo, responses={400: Error, 500: twin})]))
