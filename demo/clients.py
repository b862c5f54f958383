"""Kubeflow's own Python client, unmodified, in environments of their own: two of its versions cannot live in one."""

import subprocess
import venv
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
ENVIRONMENTS = ROOT / ".venv-clients"
CONSTRAINTS = ROOT / "constraints.txt"


class CannotInstallError(Exception):
    """The message has what pip said."""


def python_with(version: str, say: Callable[[str], None] = lambda _: None) -> Path:
    """An interpreter that has this version of model-registry; made on first use and kept. `say` is told when it takes a while.

    Raises `CannotInstallError`.
    """
    home = ENVIRONMENTS / version
    python, done = home / "bin" / "python", home / "installed"
    if done.exists():
        return python
    say(f"Installing Kubeflow's client {version} into {home.relative_to(ROOT)} (half a minute, this once) ...")
    venv.create(home, with_pip=True, clear=True)
    pinned = home / "constraints.txt"
    pinned.write_text("\n".join(line for line in CONSTRAINTS.read_text().splitlines() if not line.startswith("model-registry")))
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--constraint", str(pinned)]
    installation = subprocess.run([*command, f"model-registry=={version}"], capture_output=True, text=True, check=False)  # noqa: S603 - runs pip with arguments of ours; nothing comes from outside
    if installation.returncode:
        reason = (installation.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise CannotInstallError(f"pip cannot install model-registry {version}: {reason}")
    done.touch()
    return python
