"""`python -m demo.run`: one run through the main job, on a registry of its own. Exit code 1 when anything is amiss.

Needs no network, but for the first time, when it installs a second client.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from demo.clients import CannotInstallError, python_with
from demo.logbook import VERSION
from demo.screen import Screen
from demo.server import DemoError, registry


def main() -> int:
    keep = _arguments().keep
    screen = Screen()
    screen.say("\n[bold]Modelyard: from training to a model that is found again.[/] [dim]A few seconds for scikit-learn to load ...[/]")
    try:
        _run(screen, keep=keep)
    except KeyboardInterrupt:
        return 130
    except (DemoError, CannotInstallError) as error:
        screen.fail(str(error))
        return 1
    except Exception as error:  # noqa: BLE001 - a client's error, say; the demo fails in its own words whatever happens
        screen.fail(f"{type(error).__name__}: {error}")
        return 1
    return 0


def _run(screen: Screen, *, keep: bool) -> None:
    from demo import story  # noqa: PLC0415 - slow to import: something is said first

    python_with(VERSION, screen.say)

    with tempfile.TemporaryDirectory(prefix="modelyard-demo-") as folder, registry(Path(folder)) as url:
        story.tell(screen, url, Path(folder))
        story.where_next(screen, url, keep=keep)
        if keep:
            _wait()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("demo", description="Train, register, look back, ask: the main job on a registry of its own.")
    parser.add_argument("--keep", action="store_true", help="leave the registry running at the end, to look around in it")
    return parser.parse_args()


def _wait() -> None:
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        return


if __name__ == "__main__":
    sys.exit(main())
