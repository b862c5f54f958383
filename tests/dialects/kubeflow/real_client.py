"""Kubeflow's own Python client, unmodified, in an environment of its own: two versions of it cannot live in one."""

import secrets
import subprocess
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
ENVIRONMENTS = ROOT / ".venv-clients"
CONSTRAINTS = ROOT / "constraints.txt"
SCENARIOS = Path(__file__).parent / "client_scenarios"


def python_with(version: str) -> Path:
    """An interpreter that has this version of model-registry; made on first use and kept. Skips when pip cannot get it."""
    home = ENVIRONMENTS / version
    python = home / "bin" / "python"
    done = home / "installed"
    if done.exists():
        return python
    venv.create(home, with_pip=True, clear=True)
    pinned = home / "constraints.txt"
    lines = CONSTRAINTS.read_text().splitlines() if CONSTRAINTS.exists() else []
    pinned.write_text("\n".join(line for line in lines if not line.startswith("model-registry")))
    command = [str(python), "-m", "pip", "install", "--quiet", "--constraint", str(pinned), f"model-registry=={version}"]
    installation = subprocess.run(command, capture_output=True, text=True, check=False)
    if installation.returncode:
        pytest.skip(f"pip cannot install model-registry {version}: {installation.stderr.strip().splitlines()[-1]}")
    done.touch()
    return python


def play(scenario: str, version: str, url: str) -> None:
    """Run one scenario script against the server; its assertions are the test's."""
    command = [str(python_with(version)), "-W", "ignore", str(SCENARIOS / f"{scenario}.py"), url, secrets.token_hex(4)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, env={})
    assert result.returncode == 0, f"{scenario} with model-registry {version}:\n{result.stdout[-3000:]}\n{result.stderr[-5000:]}"
