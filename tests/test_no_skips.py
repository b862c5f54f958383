"""With TESTS_NO_SKIPS=1, as CI sets it, a test that could not run has failed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = {
    "body": "def test_it(): pytest.skip('no server here')",
    "mark": "@pytest.mark.skipif(True, reason='no server here')\ndef test_it(): pass",
    "fixture": "@pytest.fixture\ndef server(): pytest.skip('no server here')\ndef test_it(server): pass",
    "file": "pytest.skip('no server here', allow_module_level=True)",
    "package": "pytest.importorskip('no_such', reason='no server here')",
    "part": "def test_it(subtests):\n    with subtests.test('part'): pytest.skip('no server here')",
    "allowed": "def test_it(): pytest.skip('schemathesis cannot make such requests: nothing to negate')",
    "expected": "@pytest.mark.xfail(strict=True)\ndef test_it(): assert False",
    "well": "def test_it(): pass",
}
SKIPPED = {"body", "mark", "fixture", "file", "package", "part"}


def failed(folder: Path, **environ: str) -> set[str]:
    """The files above that fail, run with this project's conftest; each for the reason that it skips for."""
    for name, source in FILES.items():
        (folder / f"test_{name}.py").write_text(f"import pytest\n{source}\n")
    command = [sys.executable, "-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "-p", "tests.conftest", "-p", "no:cacheprovider"]
    inherited = {name: value for name, value in os.environ.items() if name != "TESTS_NO_SKIPS"} | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, "-rfE", "--continue-on-collection-errors", str(folder)],
        cwd=folder,
        env=inherited | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.findall(r"^(?:FAILED|ERROR|SUBFAILED).*?test_(\w+)\.py", done.stdout, re.MULTILINE)
    assert done.returncode == bool(found), done.stdout + done.stderr
    assert done.stdout.count("allows no skips: no server here") >= len(set(found)), done.stdout
    return set(found)


def test_a_skip_is_a_failure_that_gives_its_reason_but_for_those_that_no_machine_avoids(tmp_path: Path) -> None:
    assert failed(tmp_path, TESTS_NO_SKIPS="1") == SKIPPED


@pytest.mark.parametrize("value", ["", "0"])
def test_elsewhere_a_skip_is_a_skip(tmp_path: Path, value: str) -> None:
    assert failed(tmp_path, TESTS_NO_SKIPS=value) == set()
