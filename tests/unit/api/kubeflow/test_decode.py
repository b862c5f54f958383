"""Bodies that may have no unknown keys: what is taken, what is forgiven, and what is said of the rest."""

import pytest

from modelyard.api.kubeflow import wire
from modelyard.api.kubeflow.decode import BadRequest, LateBadRequest, Unprocessable, decode_strict


def model(body: str | bytes) -> wire.RegisteredModelCreate:
    return decode_strict(wire.RegisteredModelCreate, body if isinstance(body, bytes) else body.encode())


def refusal(body: str | bytes) -> str:
    with pytest.raises(BadRequest) as caught:
        model(body)
    return caught.value.message


def test_a_good_body() -> None:
    made = model('{"name": "m", "owner": "me", "tasks": ["a"], "state": "ARCHIVED"}')
    assert (made.name, made.owner, made.tasks, made.state) == ("m", "me", ("a",), wire.RegisteredModelState.ARCHIVED)


def test_an_absent_state_is_the_default_and_null_is_none() -> None:
    assert model('{"name": "m"}').state is wire.RegisteredModelState.LIVE
    assert model('{"name": "m", "state": null}').state is None


def test_the_same_holds_on_the_slow_path() -> None:
    assert model('{"name": "\\ud800"}').state is wire.RegisteredModelState.LIVE
    assert model('{"name": "\\ud800", "state": null}').state is None


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "EOF"),
        (" \n", "EOF"),
        ('{"name": ', "unexpected EOF"),
        ('{"name": "m', "unexpected EOF"),
        ('{"name": "m", "foo": 1}', 'json: unknown field "foo"'),
        ('{"NAME": "m"}', 'json: unknown field "NAME" (keys must have their exact case: use "name")'),
        ('{"name": 7}', "json: cannot unmarshal number into Go struct field RegisteredModelCreate.name of type string"),
        ('{"name": true}', "json: cannot unmarshal bool into Go struct field RegisteredModelCreate.name of type string"),
        ('{"name": {}}', "json: cannot unmarshal object into Go struct field RegisteredModelCreate.name of type string"),
        ('{"tasks": "a"}', "json: cannot unmarshal string into Go struct field RegisteredModelCreate.tasks of type []string"),
        ('{"tasks": [1]}', "json: cannot unmarshal number into Go struct field RegisteredModelCreate.tasks of type string"),
        (
            '{"customProperties": []}',
            (
                "json: cannot unmarshal array into Go struct field RegisteredModelCreate.customProperties"
                " of type map[string]openapi.MetadataValue"
            ),
        ),
        ('{"state": "BAD"}', "BAD is not a valid RegisteredModelState"),
        ('{"state": ""}', " is not a valid RegisteredModelState"),
        ('{"state": 1}', "json: cannot unmarshal number into Go value of type string"),
        ("[]", "json: cannot unmarshal array into Go value of type openapi.RegisteredModelCreate"),
        ('"x"', "json: cannot unmarshal string into Go value of type openapi.RegisteredModelCreate"),
        ("3", "json: cannot unmarshal number into Go value of type openapi.RegisteredModelCreate"),
        ('{"name": "m"} {}', "invalid character '{' after top-level value"),
    ],
)
def test_what_is_said_of_a_bad_body(body: str, said: str) -> None:
    assert refusal(body) == said


@pytest.mark.parametrize(
    "body",
    [b"{bad}", b"\xef\xbb\xbf{}", b'{"name": "m",}', b"{'name': 'm'}", b'{"name": NaN}', b'{"name": "\x01"}', b'{"name": "\\x"}'],
)
def test_what_is_no_json_is_refused_with_the_place(body: bytes) -> None:
    assert refusal(body).startswith("invalid character ")
    assert "(byte " in refusal(body)


def test_nesting_without_end_is_refused() -> None:
    assert refusal('{"name": ' + "[" * 200_000) == "exceeded max depth"


@pytest.mark.parametrize("number", ["1e400", "1" + "0" * 400])
def test_numbers_beyond_all_bounds_are_refused(number: str) -> None:
    assert "number" in refusal(f'{{"name": {number}}}')


@pytest.mark.parametrize(
    "body",
    ["null", "{}", '{"name": null}', '{"name": ""}', '{"name": "", "state": null}', '{"name": "\\ud800", "name": ""}'],
)
def test_a_required_field_must_be_there_and_not_empty(body: str) -> None:
    with pytest.raises(Unprocessable) as caught:
        model(body)
    assert caught.value.message == "required field 'name' is zero value."


def test_a_blank_name_is_a_name() -> None:
    assert model('{"name": "  "}').name == "  "


def test_bad_json_wins_over_a_missing_field() -> None:
    assert refusal('{"foo": 1}') == 'json: unknown field "foo"'


def test_a_missing_field_wins_over_a_property_without_a_type() -> None:
    with pytest.raises(Unprocessable):
        model('{"customProperties": {"k": {}}}')


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"name": "a\xffb"}', "a\ufffdb"),
        (b'{"name": "\\ud800"}', "\ufffd"),
        (b'{"name": "\\udc00x"}', "\ufffdx"),
        (b'{"name": "\\ud800\\ud800"}', "\ufffd\ufffd"),
        (b'{"name": "\\ud83d\\ude00\\ud83d"}', "\U0001f600\ufffd"),
        (b'{"name": "\\\\ud800\\ud800"}', "\\ud800\ufffd"),
        (b'{"name": "\xed\xa0\x80"}', "\ufffd\ufffd\ufffd"),
    ],
)
def test_broken_text_is_mended(body: bytes, name: str) -> None:
    assert model(body).name == name


def test_nulls_in_a_list_of_text_are_empty_text() -> None:
    assert model('{"name": "m", "tasks": [null, "a"]}').tasks == ("", "a")


def test_the_last_of_two_equal_keys_counts() -> None:
    assert model('{"name": "a", "name": "b"}').name == "b"


def test_a_patch_needs_nothing_and_null_is_nothing() -> None:
    for body in (b"{}", b"null", b'{"description": null}'):
        patch = decode_strict(wire.RegisteredModelUpdate, body)
        assert patch == wire.RegisteredModelUpdate()


def test_what_cannot_be_changed_is_unknown_to_a_patch() -> None:
    with pytest.raises(BadRequest, match='unknown field "name"'):
        decode_strict(wire.RegisteredModelUpdate, b'{"name": "m"}')


def test_a_parent_that_the_path_gives_need_not_be_in_the_body() -> None:
    made = decode_strict(wire.InferenceServiceCreate, b'{"registeredModelId": "1"}', ("registeredModelId",))
    assert (made.registered_model_id, made.serving_environment_id) == ("1", "")
    with pytest.raises(Unprocessable, match="servingEnvironmentId"):
        decode_strict(wire.InferenceServiceCreate, b'{"registeredModelId": "1"}')


NESTED = b'{"name": "v", "registeredModelId": "1", "createTimeSinceEpoch": "%s"}'


def test_times_in_a_nested_create_must_be_readable() -> None:
    assert decode_strict(wire.NestedModelVersion, NESTED % b"+12").name == "v"
    with pytest.raises(BadRequest, match=r'parsing "x": invalid syntax'):
        decode_strict(wire.NestedModelVersion, NESTED % b"x")


def test_a_nested_create_is_called_by_the_contracts_name_in_messages() -> None:
    with pytest.raises(BadRequest, match=r"ModelVersion.name of"):
        decode_strict(wire.NestedModelVersion, b'{"name": 1}')


@pytest.mark.parametrize("value", ["null", "{}", '{"metadataType": "Nope"}', '{"metadataType": 1}', '{"metadatatype": "MetadataIntValue"}'])
def test_a_property_without_a_known_type_is_refused_late(value: str) -> None:
    with pytest.raises(LateBadRequest) as caught:
        model(f'{{"name": "m", "customProperties": {{"k": {value}}}}}')
    assert caught.value.message.startswith("error setting field CustomProperties: bad request: metadataType not found for k: ")


@pytest.mark.parametrize("value", ['"x"', "[]", "1"])
def test_a_property_that_is_no_object_is_refused(value: str) -> None:
    assert refusal(f'{{"customProperties": {{"k": {value}}}}}') == "failed to unmarshal JSON into map for the discriminator lookup"


def test_a_property_of_the_wrong_json_type_is_named() -> None:
    assert refusal('{"customProperties": {"k": {"metadataType": "MetadataStringValue", "string_value": 1}}}') == (
        "failed to unmarshal MetadataValue as MetadataStringValue: "
        "json: cannot unmarshal number into Go struct field MetadataStringValue.string_value of type string"
    )


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        ('{"metadataType": "MetadataStringValue"}', wire.MetadataStringValue(string_value="")),
        ('{"metadataType": "MetadataStringValue", "string_value": null}', wire.MetadataStringValue(string_value="")),
        ('{"metadataType": "MetadataDoubleValue"}', wire.MetadataDoubleValue(double_value=0.0)),
        ('{"metadataType": "MetadataBoolValue"}', wire.MetadataBoolValue(bool_value=False)),
        ('{"double_value": 3, "metadataType": "MetadataDoubleValue", "more": [1]}', wire.MetadataDoubleValue(double_value=3.0)),
    ],
)
def test_a_property_without_its_value_is_zero_and_more_keys_are_ignored(sent: str, read: wire.MetadataValue) -> None:
    assert model(f'{{"name": "m", "customProperties": {{"k": {sent}}}}}').custom_properties == {"k": read}
