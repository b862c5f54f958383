import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.records.properties import INT64_MAX, INT64_MIN, Properties, ProtoValue, StructValue, decode, encode

VALUES = st.one_of(
    st.booleans(),
    st.integers(INT64_MIN, INT64_MAX),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(),
    st.builds(StructValue, st.text()),
    st.builds(ProtoValue, st.text(), st.text()),
)


@given(st.dictionaries(st.text(), VALUES))
def test_every_value_comes_back_with_its_type(properties: Properties) -> None:
    back = decode(encode(properties))

    assert back == properties
    assert [type(back[key]) for key in properties] == [type(value) for value in properties.values()]


@pytest.mark.parametrize(
    ("properties", "text"),
    [
        ({}, "{}"),
        ({"accuracy": 0.97, "epochs": 12, "gpu": True}, '{"accuracy":0.97,"epochs":12,"gpu":true}'),
        ({"whole": 3.0, "huge": 1e22}, '{"whole":3.0,"huge":1e22}'),
        ({"s": StructValue("e30="), "p": ProtoValue("t", "AA==")}, '{"s":{"struct":"e30="},"p":{"type_url":"t","proto":"AA=="}}'),
    ],
)
def test_an_operator_can_read_the_column(properties: Properties, text: str) -> None:
    assert encode(properties) == text
