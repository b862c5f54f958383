import pytest

from modelyard.access.backoff import FORGOTTEN, MOST, Backoff
from modelyard.errors import TooMany
from tests.unit.access.people import HandSeconds


def waits(backoff: Backoff, seconds: HandSeconds, attempts: int) -> list[float]:
    """Fail so often, each time as soon as that may be; how long each wait was."""
    found = []
    for _ in range(attempts):
        began = seconds.now
        while True:
            try:
                backoff.attempt("ann", "10.0.0.1")
                break
            except TooMany:
                seconds.move(0.5)
        found.append(seconds.now - began)
    return found


def test_five_are_free_then_each_doubles_the_wait_up_to_a_minute() -> None:
    seconds = HandSeconds()
    assert waits(Backoff(seconds), seconds, 13) == [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60]


def test_a_refused_attempt_makes_nobody_wait_longer() -> None:
    seconds = HandSeconds()
    backoff = Backoff(seconds)
    waits(backoff, seconds, 6)
    for _ in range(100):
        with pytest.raises(TooMany, match="again in 2 s"):
            backoff.attempt("ann", "10.0.0.1")


def test_failures_are_forgotten_in_time() -> None:
    seconds = HandSeconds()
    backoff = Backoff(seconds)
    waits(backoff, seconds, 5)
    seconds.move(FORGOTTEN + 2)
    assert waits(backoff, seconds, 5) == [0, 0, 0, 0, 0]


def test_very_many_failures_are_no_trouble() -> None:
    seconds = HandSeconds()
    backoff = Backoff(seconds)
    for _ in range(2_000):
        backoff.attempt("ann", "10.0.0.1")
        seconds.move(61)
    backoff.attempt("ann", "10.0.0.1")
    with pytest.raises(TooMany, match="again in 60 s"):
        backoff.attempt("ann", "10.0.0.1")


def test_memory_is_bounded_in_number_and_length() -> None:
    backoff = Backoff(HandSeconds())
    for number in range(MOST):
        backoff.attempt(f"{number:05}" + "x" * 100, f"10.0.{number}")
    assert len(backoff._failures) <= MOST
    assert max(len(key) for _, key in backoff._failures) <= 64
