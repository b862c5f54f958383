import pytest

from modelyard.api.http.message import BadQuery, Request, json_response, text_response
from modelyard.context import Caller

CALLER = Caller(dialect="toys", request_id="r1")


def test_a_request_parses_its_query_when_asked() -> None:
    request = Request("GET", "/toys", caller=CALLER, query_string=b"name=%zz")
    with pytest.raises(BadQuery):
        _ = request.query
    assert Request("GET", "/toys", caller=CALLER, query_string=b"name=a").query == {"name": "a"}
    assert Request("GET", "/toys", caller=CALLER).query == {}


def test_a_header_is_the_first_of_its_name() -> None:
    request = Request("GET", "/toys", caller=CALLER, headers=[(b"if-match", b'"1"'), (b"if-match", b'"2"')])
    assert request.header(b"if-match") == '"1"'
    assert request.header(b"accept") is None


def test_requests_do_not_share_their_path_params() -> None:
    one, other = Request("GET", "/", caller=CALLER), Request("GET", "/", caller=CALLER)
    one.path_params["toyId"] = "1"
    assert other.path_params == {}


def test_json_ends_in_one_line_feed() -> None:
    response = json_response(201, {"id": "1"})
    assert (response.status, response.body, response.content_type) == (201, b'{"id":"1"}\n', b"application/json; charset=UTF-8")


def test_text_is_never_taken_for_a_page() -> None:
    response = text_response(404, "<b>no</b>\n", ((b"retry-after", b"1"),))
    assert response.headers == ((b"x-content-type-options", b"nosniff"), (b"retry-after", b"1"))
    assert response.content_type == b"text/plain; charset=utf-8"
