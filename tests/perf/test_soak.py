"""The soak notices what it is there for."""

import subprocess
import sys
from pathlib import Path

import pytest

from perf.soak import Sample, Soaked, growth, problems

ROOT = Path(__file__).parent.parent.parent
MIB = 2**20
REST = Sample(0, 70 * MIB, 30, 10, 0, 0)


def under_load(*memory: float) -> list[Sample]:
    """A sample every 10 seconds with so many MiB."""
    return [Sample(10.0 * number, round(mib * MIB), 40, 10, number, 0) for number, mib in enumerate(memory, 1)]


def test_memory_that_settles_is_flat() -> None:
    samples = under_load(40, 55, 69, 70, 71, 70, 69, 70, 71, 70)
    assert abs(growth(samples)) < MIB
    assert problems(Soaked(samples, REST, REST)) == []


def test_memory_that_grows_is_not() -> None:
    samples = under_load(*range(60, 80))
    assert growth(samples) == pytest.approx(14 * MIB)
    assert problems(Soaked(samples, REST, REST)) == [
        "memory grew by 14.0 MiB after the warm-up, where 5.5 MiB still counts as flat",
    ]


def test_what_is_opened_when_first_needed_is_no_leak() -> None:
    after = REST._replace(files=36, connections=12)
    assert problems(Soaked(under_load(70, 70), REST, after)) == []


def test_what_stays_open_and_what_is_refused_is_told() -> None:
    after = REST._replace(files=39, connections=19, refused=2)
    assert problems(Soaked(under_load(70, 70), REST, after)) == [
        "39 open files at rest, 9 more than before the load",
        "19 database connections at rest, 10 before the load",
        "2 requests were refused",
    ]


@pytest.mark.slow
def test_a_short_soak_runs_and_says_what_it_saw() -> None:
    arguments = ["--minutes", "0.1", "--every", "1", "--clients", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "perf.soak", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    *_, summary, verdict = done.stdout.splitlines()
    assert "open files before" in summary, done.stderr
    assert (done.returncode, verdict == "FLAT") in {(0, True), (1, False)}
    assert "open files at rest" not in done.stdout
    assert "refused" not in done.stdout
