import pytest

from modelyard.api.http.message import Request
from modelyard.api.http.revisions import etag, expected_revisions
from tests.unit.world import ANN


def asking(*headers: tuple[bytes, bytes]) -> Request:
    return Request("PATCH", "/", caller=ANN, headers=headers)


@pytest.mark.parametrize(
    ("header", "revisions"), [(b'"3"', {3}), (b'"3", "4"', {3, 4}), (b'W/"3"', set()), (b'"x"', set()), (b"3", set()), (b"*", None)]
)
def test_revisions_that_a_client_would_change(header: bytes, revisions: set[int] | None) -> None:
    assert expected_revisions(asking((b"if-match", header))) == revisions


def test_without_a_condition_any_will_do() -> None:
    assert expected_revisions(asking()) is None


def test_a_tag_is_the_revision_that_it_asks_for() -> None:
    _, tag = etag(7)
    assert expected_revisions(asking((b"if-match", tag))) == frozenset({7})
