"""Zero bytes are refused before anything else is looked at."""

import pytest

from modelyard.api.http.message import Request
from modelyard.api.kubeflow.decode import BadRequest, refuse_null_bytes
from modelyard.context import Caller

CALLER = Caller(dialect="kubeflow", request_id="r")


def check(query: bytes = b"", body: bytes = b"") -> None:
    refuse_null_bytes(Request("POST", "/", caller=CALLER, query_string=query, body=body))


@pytest.mark.parametrize("body", [b"\x00", b'{"name": "\\u0000"}', b'{"name": "\\\\\\u0000"}', b'{"a": "\\\\u0000", "b": "\\u0000"}'])
def test_in_a_body(body: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        check(body=body)
    assert caught.value.message == "Request body contains null bytes which are not allowed"


def test_a_backslash_followed_by_the_text_u0000_is_harmless() -> None:
    check(body=b'{"name": "\\\\u0000"}')
    check(body=b'{"name": "\\\\\\\\u0000 u0000"}')


@pytest.mark.parametrize("value", [b"a%00", b"%00", b"\x00", b"\\u0000", b"%5Cu0000"])
def test_in_a_query_value(value: bytes) -> None:
    with pytest.raises(BadRequest) as caught:
        check(query=b"x=1&name=" + value + b"&y=%00")
    assert caught.value.message == "Invalid name query parameter: invalid name parameter: contains null bytes which are not allowed"


@pytest.mark.parametrize("query", [b"a%00=1", b"pageSize=100&name=%zz0", b"u0000", b"name=u0000"])
def test_names_and_unreadable_escapes_are_not_its_business(query: bytes) -> None:
    check(query=query)
