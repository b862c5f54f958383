"""`make demo` does what it says, and says so when it cannot."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sklearn", reason="the extra `demo` is not installed; `make test` installs it")

from demo import clients
from demo.clients import CannotInstallError, python_with
from demo.logbook import VERSION, logbook
from demo.screen import Screen, sparkline
from demo.server import DemoError
from tests.servers.process import free_port

ROOT = Path(__file__).parent.parent.parent
FACTS = (
    "experiment_runs",
    "filterQuery=accuracy >= 0.97",
    "model-registry 0.3.14",
    "has no experiments any more",
    "SHA-256",
    "JFrog's words",
    "All as it should be",
)


def run(*arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "demo.run", *arguments]
    environ = {"PATH": "/usr/bin:/bin", "PYTHONPATH": path, "PYTHONIOENCODING": "utf-8", "http_proxy": "http://127.0.0.1:9"}
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=600, check=False)


@pytest.mark.slow
def test_it_trains_registers_reads_back_and_asks() -> None:
    python_with(VERSION)  # pip may take longer than the demo has
    done = run()
    assert done.returncode == 0, done.stdout + done.stderr
    assert [fact for fact in FACTS if fact not in done.stdout] == []
    assert done.stderr == ""
    assert done.stdout.count("✓") == 18


@pytest.mark.slow
def test_a_server_that_does_not_start_is_reported_with_what_it_said(tmp_path: Path) -> None:
    (tmp_path / "modelyard").mkdir()
    (tmp_path / "modelyard" / "__init__.py").touch()
    (tmp_path / "modelyard" / "__main__.py").write_text('raise SystemExit("the disk is on holiday")')
    done = run(path=str(tmp_path))
    assert done.returncode == 1
    assert "The demo failed." in done.stdout
    assert "the disk is on holiday" in done.stdout


def test_a_broken_promise_fails_with_both_sides() -> None:
    with pytest.raises(DemoError, match=r"Every run is there: no\.\nExpected: 4\nGot:      3"):
        Screen().check("Every run is there", 3, 4)


def test_a_curve_spans_the_blocks_by_ratio() -> None:
    assert sparkline([1.0, 0.1, 0.01], low=0.01, high=1.0) == "█▅▁"
    assert sparkline([0.5], low=0.5, high=0.5) == "▁"


@pytest.mark.slow
def test_a_client_that_fails_is_reported_with_what_it_said() -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    with (
        pytest.raises(DemoError, match=r"(?s)start_experiment through Kubeflow's client 0\.3\.14 failed.*Cannot connect"),
        logbook(nobody) as log,
    ):
        log.start_experiment("nobody listens")


@pytest.mark.slow
def test_a_release_that_does_not_exist_is_reported_and_not_taken_for_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "ROOT", tmp_path)
    monkeypatch.setattr(clients, "ENVIRONMENTS", tmp_path / "clients")
    said: list[str] = []
    for _ in range(2):
        with pytest.raises(CannotInstallError, match=r"model-registry 0\.0\.0\.1"):
            python_with("0.0.0.1", said.append)
    assert said == ["Installing Kubeflow's client 0.0.0.1 into clients/0.0.0.1 (half a minute, this once) ..."] * 2


def test_an_installed_release_is_used_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "ENVIRONMENTS", tmp_path)
    (tmp_path / "1.0").mkdir()
    (tmp_path / "1.0" / "installed").touch()
    said: list[str] = []
    assert python_with("1.0", said.append) == tmp_path / "1.0" / "bin" / "python"
    assert said == []
