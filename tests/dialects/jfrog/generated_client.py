"""A client generated from the published contract by openapi-python-client, which lives in an environment of its own: it wants another
typer than we have.
"""

import secrets
import subprocess
from pathlib import Path

import pytest

from demo.clients import ENVIRONMENTS, CannotInstallError, installed
from tests.dialects.jfrog.registry import CONTRACT

GENERATOR, VERSION = "openapi-python-client", "0.29.1"
SCENARIOS = Path(__file__).parent / "client_scenarios"
PACKAGE = "jfrog_ml"


def generated(folder: Path) -> Path:
    """Generate the client as the package `jfrog_ml` in the folder; returns the interpreter to use it with. Skips when pip cannot help."""
    try:
        python = installed(GENERATOR, VERSION, ENVIRONMENTS / f"{GENERATOR}-{VERSION}", free=("ruff", "typer"))
    except CannotInstallError as error:
        pytest.skip(str(error))
    command = [str(python), "-m", "openapi_python_client", "generate", "--path", str(CONTRACT), "--meta", "none"]
    run([*command, "--output-path", str(folder / PACKAGE)])
    return python


def play(scenario: str, python: Path, folder: Path, url: str) -> None:
    """Run one scenario script against the server; its assertions are the test's."""
    run([str(python), "-W", "error", str(SCENARIOS / f"{scenario}.py"), url, secrets.token_hex(4)], PYTHONPATH=str(folder))


def run(command: list[str], **environment: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env=environment)
    assert result.returncode == 0, f"{command}:\n{result.stdout[-3000:]}\n{result.stderr[-5000:]}"
