"""The README's tour and the guides to accounts and JFrog's API work as they stand: their commands are run against a fresh server."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import NewDatabase, Serve

README = Path(__file__).parent.parent / "README.md"
ACCOUNTS, JFROG = (README.parent / "docs" / "guides" / guide for guide in ("accounts.md", "jfrog.md"))


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


@pytest.mark.slow
def test_the_guide_to_accounts(serve: Serve, new_database: NewDatabase, tmp_path: Path) -> None:
    database_url = new_database("sqlite")
    url = serve(database_url)
    blocks = re.findall(r"^```sh\n(.*?)^```", ACCOUNTS.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    wait = f"until [ $(curl -s -o /dev/null -w '%{{http_code}}' {url}/api/v1/me) = 401 ]; do sleep 0.1; done"
    script = "\n".join([blocks[0], wait, *blocks[1:]])
    script = script.replace("http://127.0.0.1:8080", url).replace("curl -s ", "curl -sS --fail-with-body ")
    environ = {**os.environ, "MODELYARD_DATABASE_URL": database_url, "XDG_CONFIG_HOME": str(tmp_path)}
    environ["PATH"] = f"{Path(sys.executable).parent}:{environ['PATH']}"
    result = subprocess.run(["bash", "-e", "-c", script], capture_output=True, text=True, timeout=120, check=False, env=environ)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "ada" in result.stdout
    assert '"models":[{"id":"2","name":"cards"' in result.stdout
    assert "labeller" in result.stdout
    assert "Logged out" in result.stdout


@pytest.mark.slow
def test_the_guide_to_jfrogs_api(serve: Serve, new_database: NewDatabase) -> None:
    url = serve(new_database("sqlite"))
    blocks = re.findall(r"^```sh\n(.*?)^```", JFROG.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    script = "".join(block.replace("\ncurl", "\necho; curl") for block in blocks if "curl" in block)
    script = script.replace("http://127.0.0.1:8080", url).replace("curl -s ", "curl -sS --fail-with-body ")
    result = subprocess.run(["bash", "-e", "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    made, version, promoted, *_, finished = [json.loads(line) for line in result.stdout.splitlines() if line]
    assert (made["name"], version["status"], promoted["status"]) == ("churn", "staging", "production")
    assert (finished["status"], finished["metrics"], finished["parameters"]) == ("completed", {"loss": 0.2}, {"depth": "6"})
