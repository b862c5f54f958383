import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.api.http.json_depth import deeper_than


@pytest.mark.parametrize(
    ("text", "depth"),
    [(b"{}", 1), (b"[[]]", 2), (b'{"a":{"b":[]},"c":[]}', 3), (b'["[[[[[["]', 1), (b'["\\"[[[[", [[]]]', 3), (b"[][][][][]", 1)],
)
def test_the_most_brackets_open_at_once_count(text: bytes, depth: int) -> None:
    assert deeper_than(text, depth - 1)
    assert not deeper_than(text, depth)


def depth_of(value: Any) -> int:
    match value:
        case dict():
            return 1 + max(map(depth_of, value.values()), default=0)
        case list():
            return 1 + max(map(depth_of, value), default=0)
    return 0


@given(st.recursive(st.text('a"\\[{'), lambda inner: st.lists(inner) | st.dictionaries(st.text('a"\\[{'), inner)), st.integers(0, 6))
def test_it_agrees_with_a_walk_of_the_value(value: Any, limit: int) -> None:
    assert deeper_than(json.dumps(value).encode(), limit) == (depth_of(value) > limit)


@pytest.mark.parametrize("text", [b"[" * 1_000_000, b"[]" * 500_000, b'"' * 1_000_000, b'"' + b'\\"[' * 300_000])
def test_no_text_of_a_megabyte_takes_long(text: bytes) -> None:
    started = time.process_time()
    deeper_than(text, 100)
    assert time.process_time() - started < 1
