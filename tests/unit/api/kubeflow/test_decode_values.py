"""Custom properties on their way in and out, and integers that come as text."""

import base64
import json
from typing import Any

import msgspec
import pytest

from modelyard.api.kubeflow import wire
from modelyard.api.kubeflow.decode import BadRequest, LateBadRequest, parse_id, parse_int32, parse_int64, parse_step_ids
from modelyard.api.kubeflow.properties import from_properties, to_properties
from modelyard.records.properties import Properties, PropertyValue, ProtoValue, StructValue

STRUCT = base64.b64encode(b'{"a":[1,2.5,null]}').decode()

PAIRS: list[tuple[wire.MetadataValue, PropertyValue]] = [
    (wire.MetadataStringValue(string_value="mlmd-struct::x"), "mlmd-struct::x"),
    (wire.MetadataIntValue(int_value="-9223372036854775808"), -(2**63)),
    (wire.MetadataIntValue(int_value="9223372036854775807"), 2**63 - 1),
    (wire.MetadataDoubleValue(double_value=3.0), 3.0),
    (wire.MetadataBoolValue(bool_value=True), True),
    (wire.MetadataBoolValue(bool_value=False), False),
    (wire.MetadataStructValue(struct_value=STRUCT), StructValue(STRUCT)),
    (wire.MetadataProtoValue(proto_value="AAE=", type="t"), ProtoValue("t", "AAE=")),
    (wire.MetadataProtoValue(proto_value="", type=""), ProtoValue("", "")),
]


def answered(properties: Properties) -> Any:
    return json.loads(msgspec.json.encode(from_properties(properties)))


@pytest.mark.parametrize(("sent", "kept"), PAIRS, ids=repr)
def test_every_type_goes_in_and_comes_back(sent: wire.MetadataValue, kept: PropertyValue) -> None:
    read = to_properties({"k": sent})
    assert read == {"k": kept}
    assert type(read["k"]) is type(kept)
    assert answered(read) == {"k": msgspec.to_builtins(sent)}


@pytest.mark.parametrize("sent", [sent for sent, _ in PAIRS], ids=repr)
def test_an_answer_has_its_keys_in_alphabetical_order(sent: wire.MetadataValue) -> None:
    shown = answered(to_properties({"b": sent, "a": sent}))
    assert list(shown) == ["a", "b"]
    assert list(shown["a"]) == sorted(shown["a"])


@pytest.mark.parametrize(("text", "number"), [("+7", 7), ("007", 7), ("-0", 0), ("0" * 5000 + "7", 7)])
def test_integers_are_normalised(text: str, number: int) -> None:
    read = to_properties({"k": wire.MetadataIntValue(int_value=text)})
    assert answered(read)["k"]["int_value"] == str(number)


@pytest.mark.parametrize("text", ["", "x", "1.0", "1e3", " 1", "1_0", "٣", "9223372036854775808", "9" * 5000])
def test_what_is_no_64_bit_integer_is_refused(text: str) -> None:
    with pytest.raises(LateBadRequest, match="unable to decode as int64 invalid numeric string"):
        to_properties({"k": wire.MetadataIntValue(int_value=text)})


def test_the_bare_text_of_an_object_becomes_its_base64() -> None:
    read = to_properties({"k": wire.MetadataStructValue(struct_value=' {"a": "ü"}')})
    assert read == {"k": StructValue(base64.b64encode(' {"a": "ü"}'.encode()).decode())}
    again = wire.MetadataStructValue(struct_value=answered(read)["k"]["struct_value"])
    assert to_properties({"k": again}) == read


@pytest.mark.parametrize("text", ["", "x", "W10=", "MQ==", "e30", "e30=e30=", '{"a": ', "é", '{"a":' + "[" * 100_000])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(LateBadRequest, match="struct_value"):
        to_properties({"k": wire.MetadataStructValue(struct_value=text)})


def test_a_proto_must_be_base64() -> None:
    with pytest.raises(LateBadRequest, match="proto_value is illegal base64 data"):
        to_properties({"k": wire.MetadataProtoValue(proto_value="?", type="t")})


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("+1", 1), ("01", 1), ("-1", -1), ("0", 0), ("2147483647", 2147483647)])
def test_ids_may_have_a_sign_and_zeros(text: str, number: int) -> None:
    assert parse_id("registered model", text) == number


@pytest.mark.parametrize("text", ["abc", "1.0", "1e3", " 1", "", "+", "\uff11"])
def test_ids_that_are_no_numbers(text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_id("registered model", text)
    assert caught.value.message == f'invalid registered model ID: strconv.ParseInt: parsing "{text}": invalid syntax: bad request'


@pytest.mark.parametrize("text", ["2147483648", "-2147483649", "99999999999999999999"])
def test_ids_out_of_range(text: str) -> None:
    with pytest.raises(BadRequest, match="value out of range: bad request"):
        parse_id("artifact", text)


def test_page_sizes_and_times_have_their_own_texts() -> None:
    assert (parse_int32("+3"), parse_int64("Step", "9223372036854775807")) == (3, 2**63 - 1)
    with pytest.raises(BadRequest) as caught:
        parse_int32("abc")
    assert caught.value.message == 'invalid numeric string: strconv.ParseInt: parsing "abc": invalid syntax: bad request'
    with pytest.raises(BadRequest) as caught:
        parse_int64("EndTimeSinceEpoch", 'a"b')
    assert caught.value.message == 'invalid EndTimeSinceEpoch value: strconv.ParseInt: parsing "a\\"b": invalid syntax: bad request'


@pytest.mark.parametrize(("text", "steps"), [("1,2", (1, 2)), (" 1 , ,-2,1", (-2, 1)), (",", ()), ("", ())])
def test_step_ids(text: str, steps: tuple[int, ...]) -> None:
    assert parse_step_ids(text) == steps


def test_a_step_id_that_is_no_number() -> None:
    with pytest.raises(BadRequest, match=r"^invalid step ID 'x': must be a valid integer: bad request$"):
        parse_step_ids("1,x")
