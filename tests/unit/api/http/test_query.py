import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.api.http.query import BadQuery, parse_query


@pytest.mark.parametrize(
    ("raw", "values"),
    [
        (b"", {}),
        (b"name=a", {"name": "a"}),
        (b"name=a&pageSize=2", {"name": "a", "pageSize": "2"}),
        (b"name=a+b%20c%2Bd", {"name": "a b c+d"}),
        (b"filterQuery=name%3D%22a%22", {"filterQuery": 'name="a"'}),
        (b"filterQuery=name='a=b'", {"filterQuery": "name='a=b'"}),
        (b"a%5Bb%5D=1", {"a[b]": "1"}),
        (b"&&name=a&", {"name": "a"}),
        (b"name=%C3%A9%F0%9F%98%80", {"name": "é😀"}),
        (b"name=%ff", {"name": "\ufffd"}),
        (b"NAME=a", {"NAME": "a"}),
    ],
)
def test_names_and_values_are_decoded(raw: bytes, values: dict[str, str]) -> None:
    assert parse_query(raw) == values


def test_the_first_value_of_a_repeated_name_wins() -> None:
    assert parse_query(b"name=a&name=b") == {"name": "a"}


def test_an_empty_value_is_absent_and_still_the_first() -> None:
    assert parse_query(b"name=&pageSize") == {}
    assert parse_query(b"name=&name=b") == {}


@pytest.mark.parametrize(("raw", "shown"), [(b"a=%zz", "%zz"), (b"a=1&b=x%4", "%4"), (b"a%=1", "%"), (b"a=%2x1&b=%zz", "%2x")])
def test_a_bad_escape_is_named(raw: bytes, shown: str) -> None:
    with pytest.raises(BadQuery, match=f'^invalid URL escape "{shown}"$'):
        parse_query(raw)


def test_a_semicolon_is_refused_before_anything_else() -> None:
    with pytest.raises(BadQuery, match=r"^invalid semicolon separator in query$"):
        parse_query(b"a=%zz&b=1;c=2")


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    try:
        values = parse_query(raw)
    except BadQuery:
        return
    assert all(values.values())
