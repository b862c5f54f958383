"""Kubeflow's own Python client, unmodified, in an environment of its own: two versions of it cannot live in one."""

import secrets
import subprocess
from pathlib import Path

import pytest

from demo.clients import CannotInstallError, python_with

SCENARIOS = Path(__file__).parent / "client_scenarios"


def python(version: str) -> Path:
    """An interpreter that has this version of model-registry; made on first use and kept. Skips when pip cannot get it."""
    try:
        return python_with(version)
    except CannotInstallError as error:
        pytest.skip(str(error))


def play(scenario: str, version: str, url: str, *more: str) -> None:
    """Run one scenario script against the server, with whatever more it needs; its assertions are the test's."""
    command = [str(python(version)), "-W", "ignore", str(SCENARIOS / f"{scenario}.py"), url, secrets.token_hex(4), *more]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env={})
    assert result.returncode == 0, f"{scenario} with model-registry {version}:\n{result.stdout[-3000:]}\n{result.stderr[-5000:]}"
