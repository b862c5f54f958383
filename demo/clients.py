"""Kubeflow's own Python client, unmodified, in environments of their own: two of its versions cannot live in one."""

import fcntl
import subprocess
import venv
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parent.parent
ENVIRONMENTS = ROOT / ".venv-clients"
CONSTRAINTS = ROOT / "constraints.txt"
DONE = "installed"
"""The file in an environment that says it is complete."""


class CannotInstallError(Exception):
    """The message has what pip said."""


def python_with(version: str, say: Callable[[str], None] = lambda _: None) -> Path:
    """An interpreter that has this version of model-registry; made on first use and kept. `say` is told when it takes a while.

    Raises `CannotInstallError`.
    """
    home = ENVIRONMENTS / version
    if not (home / DONE).exists():
        say(f"Installing Kubeflow's client {version} into {home.relative_to(ROOT)} (half a minute, this once) ...")
    return installed("model-registry", version, home)


def installed(package: str, version: str, home: Path, free: tuple[str, ...] = ()) -> Path:
    """An interpreter in an environment of its own that has this package; made on first use and kept.

    Of what it needs, the pinned versions, but of `free` packages those that it wants. Raises `CannotInstallError`.
    """
    python = home / "bin" / "python"
    home.parent.mkdir(exist_ok=True)
    # Two processes may want it at the same time, as the tests' do.
    with home.with_name(f".{home.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (home / DONE).exists():
            _install(package, version, home, python, free)
    return python


def _install(package: str, version: str, home: Path, python: Path, free: tuple[str, ...]) -> None:
    venv.create(home, with_pip=True, clear=True)
    pinned = home / "constraints.txt"
    unpinned = tuple(f"{name}==" for name in (package, *free))
    pinned.write_text("\n".join(line for line in CONSTRAINTS.read_text().splitlines() if not line.startswith(unpinned)))
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--constraint", str(pinned)]
    installation = subprocess.run([*command, f"{package}=={version}"], capture_output=True, text=True, check=False)  # noqa: S603 - runs pip with arguments of ours; nothing comes from outside
    if installation.returncode:
        reason = (installation.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise CannotInstallError(f"pip cannot install {package} {version}: {reason}")
    (home / DONE).touch()
