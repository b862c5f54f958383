"""With MODELYARD_NO_SKIPS=1, as CI sets it, a test that could not run has failed."""

from pathlib import Path

import pytest

CONFTEST = Path(__file__).parent / "conftest.py"
SKIPS = {
    "in the body": "import pytest\ndef test_it(): pytest.skip('no server here')",
    "by a mark": "import pytest\n@pytest.mark.skipif(True, reason='no server here')\ndef test_it(): pass",
    "in a fixture": "import pytest\n@pytest.fixture\ndef server(): pytest.skip('no server here')\ndef test_it(server): pass",
    "of the whole file": "import pytest\npytest.skip('no server here', allow_module_level=True)",
    "for a missing package": "import pytest\npytest.importorskip('no_such', reason='no server here')",
    "of a part": "import pytest\ndef test_it(subtests):\n    with subtests.test('part'): pytest.skip('no server here')",
}
ALLOWED = "import pytest\ndef test_it(): pytest.skip('schemathesis cannot make such requests: nothing to negate')"
EXPECTED_FAILURE = "import pytest\n@pytest.mark.xfail(strict=True)\ndef test_it(): assert False"


def run(pytester: pytest.Pytester, source: str) -> pytest.RunResult:
    """A project of its own, with this project's conftest at its root."""
    pytester.makepyfile(source)
    root = CONFTEST.parent.parent
    return pytester.runpytest_subprocess("-rs", "-c", str(root / "pyproject.toml"), "--rootdir", str(root), "-p", "tests.conftest")


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(CONFTEST.parent.parent))
    monkeypatch.delenv("MODELYARD_NO_SKIPS", raising=False)


@pytest.mark.parametrize("source", SKIPS.values(), ids=SKIPS)
def test_a_skip_is_a_failure_that_gives_its_reason(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    assert run(pytester, source).ret in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    monkeypatch.setenv("MODELYARD_NO_SKIPS", "1")
    result = run(pytester, source)
    assert result.ret in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    assert "no server here" in result.stdout.str()


@pytest.mark.parametrize("source", [ALLOWED, EXPECTED_FAILURE], ids=["what is allowed to be skipped", "an expected failure"])
def test_these_are_none(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    monkeypatch.setenv("MODELYARD_NO_SKIPS", "1")
    assert run(pytester, source).ret == pytest.ExitCode.OK
