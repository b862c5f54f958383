"""The README's tour works as it stands: its commands are run against a fresh server."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import NewDatabase, Serve

README = Path(__file__).parent.parent / "README.md"


@pytest.mark.slow
def test_the_tour(serve: Serve, new_database: NewDatabase) -> None:
    url = serve(new_database("sqlite"))
    [tour] = re.findall(r"^```sh\n(API=.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    tour = tour.replace("http://127.0.0.1:8080", url).replace("curl -s ", "curl -sS --fail-with-body ")
    result = subprocess.run(["bash", "-e", "-c", tour], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    answers = result.stdout.splitlines()
    assert '"churn"' in answers[0]
    assert '"v1"' in answers[-2]
    assert '"ARCHIVED"' in answers[-1]
