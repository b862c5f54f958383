"""MLflow in a Python environment of its own: it brings some ninety packages, and other versions of ours among them."""

import subprocess
import venv
from collections.abc import Sequence
from pathlib import Path

from perf.seed import Progress

ROOT = Path(__file__).parent.parent.parent
HOME = ROOT / ".venv-mlflow"
PROGRAM = HOME / "bin" / "mlflow"
PACKAGES = "packages of MLflow"
_PINS = Path(__file__).with_name("requirements.txt")
_DONE = HOME / "installed.txt"
"""A copy of the pins, once all of them are there."""


class CannotInstallError(Exception):
    """The message has what pip said."""


def pins() -> Sequence[str]:
    """Such as `mlflow==3.17.2`."""
    return [line for line in _PINS.read_text().splitlines() if not line.startswith("#")]


def version() -> str:
    return next(pin for pin in pins() if pin.startswith("mlflow==")).partition("==")[2]


def ready() -> bool:
    """Whether it is installed as pinned."""
    return _DONE.exists() and _DONE.read_text() == _PINS.read_text()


def install(progress: Progress) -> None:
    """Make the environment anew; `progress` is told of each of the `pins`, as `PACKAGES`. Raises `CannotInstallError`."""
    try:
        venv.create(HOME, with_pip=True, clear=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CannotInstallError(f"the environment {HOME.name} cannot be made: {error}") from error
    _pip(HOME / "bin" / "python", progress)
    _DONE.write_text(_PINS.read_text())


def _pip(python: Path, progress: Progress) -> None:
    """Install the pins where this interpreter lives. Raises `CannotInstallError`."""
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--requirement", str(_PINS)]
    complaint = "pip said nothing"
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as pip:  # noqa: S603 - runs this interpreter's pip with arguments of our own
        for line in pip.stdout or ():
            if line.startswith(("Collecting ", "Processing ")):  # from an index, from a folder
                progress(PACKAGES, 1)
            elif line.startswith("ERROR"):
                complaint = line.strip()
    if pip.returncode:
        raise CannotInstallError(complaint)
