import json

import msgspec
import pytest

from modelyard.api.native.access_wire import GrantOrder, TokenOrder
from modelyard.api.native.decode import points, structured
from modelyard.api.native.wire import Point
from modelyard.errors import Invalid, Missing

GOOD = b'{"name": "loss", "value": 0.1}'


def lines(bad: bytes) -> bytes:
    return GOOD + b"\n\n" + GOOD + b"\n" + bad + b"\n" + GOOD


def array(bad: bytes) -> bytes:
    return b" [" + GOOD + b", " + GOOD + b", " + bad + b"]"


@pytest.mark.parametrize(
    "body",
    [
        b'[{"name": "loss", "value": 1, "step": 7, "timestamp": 1700000000000}, {"value": -0.5, "name": "b"}]',
        b' \r\n\t[{"name": "loss", "value": 1, "step": 7, "timestamp": 1700000000000}, {"value": -0.5, "name": "b"}] ',
        b'{"name": "loss", "value": 1, "step": 7, "timestamp": 1700000000000}\n{"value": -0.5, "name": "b", "step": null}',
        b'\n{"name": "loss", "value": 1, "step": 7, "timestamp": 1700000000000}\r\n\r\n{"value": -0.5, "name": "b"}\n\n',
    ],
)
def test_an_array_and_lines_are_told_apart_by_how_they_begin(body: bytes) -> None:
    assert points(body) == [Point("loss", 1.0, 7, 1_700_000_000_000), Point("b", -0.5)]


@pytest.mark.parametrize("body", [b"", b" \n", b"[]"])
def test_nothing_is_no_points(body: bytes) -> None:
    assert points(body) == []


FAULTS = [
    (b'{"name": "loss", "value": NaN}', "value is nan: use a finite number"),
    (b'{"name": "loss", "value": -Infinity}', "value is -inf: use a finite number"),
    (b'{"name": "loss", "value": 1e999}', "value is inf: use a finite number"),
    (b'{"name": "loss", "value": "0.1"}', "value is '0.1': use a finite number"),
    (b'{"name": "loss", "value": true}', "value is True: use a finite number"),
    (b'{"name": "loss", "value": null}', "value is None: use a finite number"),
    (b'{"name": "", "value": 1}', "name is '': use text of 1 to 255 characters"),
    (b'{"name": 7, "value": 1}', "name is 7: use text"),
    (b'{"name": "%s", "value": 1}' % (b"x" * 256), "use text of 1 to 255 characters"),
    (b'{"name": "a\\u0000b", "value": 1}', "name is 'a\\x00b': use text of 1 to 255 characters, none of them NUL"),
    (b'{"name": "a", "value": 1, "step": 1.5}', "step is 1.5: use a whole number of 64 bits, or leave it out"),
    (b'{"name": "a", "value": 1, "step": 9223372036854775808}', "step is 9223372036854775808: use a whole number"),
    (b'{"name": "a", "value": 1, "timestamp": "now"}', "timestamp is 'now': use whole milliseconds"),
    (b'{"name": "a", "value": 1, "stpe": 1}', "has a field whose name is 'stpe': a point has name, value, step, timestamp"),
    (b"17", "is 17: a point is an object such as"),
]


@pytest.mark.parametrize(("bad", "told"), FAULTS, ids=[told for _, told in FAULTS])
def test_a_bad_point_is_told_by_place_field_value_and_remedy(bad: bytes, told: str) -> None:
    for body, place in ((lines(bad), "line 4"), (array(bad), "index 2")):
        with pytest.raises(Invalid) as caught:
            points(body)
        assert caught.value.message.startswith(place)
        assert told in caught.value.message


@pytest.mark.parametrize("name", ["name", "value"])
def test_what_is_missing_is_told(name: str) -> None:
    bad = json.dumps({key: value for key, value in json.loads(GOOD).items() if key != name}).encode()
    with pytest.raises(Missing, match=f"line 4: {name} is missing: use"):
        points(lines(bad))
    with pytest.raises(Missing, match=f"index 2: {name} is missing: use"):
        points(array(bad))


@pytest.mark.parametrize(
    "bad", [b"{", b'{"name": "a" "value": 1}', b"\xff", b'{"name": "\xff", "value": 1}', b'{"name": "\\ud800", "value": 1}']
)
def test_what_is_no_json_is_told(bad: bytes) -> None:
    with pytest.raises(Invalid, match=r"line 4|cannot be read"):
        points(lines(bad))
    with pytest.raises(Invalid, match=r"no JSON array|cannot be read|index 2"):
        points(array(bad))


def test_an_escaped_backslash_before_u0000_is_no_nul() -> None:
    body = rb'{"name": "a\\u0000", "value": 1}'
    assert points(body) == [Point(r"a\u0000", 1.0)]


def test_what_the_struct_takes_is_what_it_writes() -> None:
    written = msgspec.json.Encoder().encode_lines([Point("a", 0.5, -1, 5), Point("b", 1.0)])
    assert points(written) == [Point("a", 0.5, -1, 5), Point("b", 1.0)]


ORDERS = [
    (GrantOrder, b'{"user": "ann", "role": "boss"}', "role is 'boss': use one of viewer, contributor, deployer, admin"),
    (TokenOrder, b'{"scope": "boss"}', "scope is 'boss': use one of viewer, contributor, deployer, admin"),
    (TokenOrder, b'{"expires_in": "1d"}', "expires_in cannot be read: Expected `int | null`, got `str`"),
    (GrantOrder, b'{"user": "ann", "roles": "viewer"}', "'roles' is no field here: use user, role, project, kind, record_id"),
    (GrantOrder, b"[]", "the body cannot be read: Expected `object`, got `array`"),
    (GrantOrder, b"{", "the body cannot be read: Input data was truncated"),
]


@pytest.mark.parametrize(("type_", "body", "told"), ORDERS, ids=[told for _, _, told in ORDERS])
def test_what_is_wrong_with_an_object_is_told_by_its_field(type_: type, body: bytes, told: str) -> None:
    with pytest.raises(Invalid) as caught:
        structured(msgspec.json.Decoder(type_), body)
    assert caught.value.message == told


def test_what_an_object_lacks_is_told() -> None:
    with pytest.raises(Missing, match="role is missing, and needed") as caught:
        structured(msgspec.json.Decoder(GrantOrder), b'{"user": "ann"}')
    assert caught.value.details["field"] == "role"
