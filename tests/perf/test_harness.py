"""The harness measures something, in units that can be right. How fast it is, no test asks."""

import asyncio
import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from perf.cpu import ProcessTree
from perf.load import Load, send_all, send_for
from perf.operations import OPERATIONS
from perf.requests import get

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.slow
def test_a_tiny_run_measures_every_operation(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    arguments = [
        "--database",
        "sqlite",
        "--models",
        "200",
        "--seconds",
        "0.3",
        "--connections",
        "2",
        "--without",
        "mlflow",
        "--json",
        str(figures),
    ]
    done = subprocess.run([sys.executable, "-m", "perf", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    edge, sqlite = measured(figures)["measured"]
    assert {cost["operation"] for cost in sqlite["costs"]} == set(OPERATIONS)
    for cost in [*edge["costs"], *sqlite["costs"]]:
        assert (cost["refused"], cost["database_cpu"]) == (0, 0.0)
        assert cost["requests"] > 0
        assert 0 < cost["p50"] <= cost["p99"] < 10_000
    assert "list of 100 versions" in done.stdout


@pytest.mark.servers
@pytest.mark.slow
def test_database_and_each_worker_are_counted_apart(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    arguments = ["--database", "postgresql", "--models", "200", "--seconds", "1", "--only", "create", "--without", "mlflow"]
    arguments += ["--workers", "2", "--json", str(figures)]
    done = subprocess.run([sys.executable, "-m", "perf", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    _, one, two = measured(figures)["measured"]
    assert (one["workers"], two["workers"]) == (1, 2)
    for costs in (one, two):
        (create,) = costs["costs"]
        assert create["refused"] == 0
        assert create["database_cpu"] > 0
        assert len(create["workers"]) == costs["workers"]
        assert sum(create["workers"]) == pytest.approx(create["server_cpu"] * create["per_second"] / 1e6, abs=0.1)
    assert "busy cores" in done.stdout
    assert "of the original's CPU" in done.stdout


@pytest.mark.slow
def test_a_tiny_registry_answers_every_published_filter(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    arguments = ["--database", "sqlite", "--models", "1000", "--seconds", "0.05", "--json", str(figures)]
    done = subprocess.run(
        [sys.executable, "-m", "perf.scale", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    filters, calls = measured(figures)["sqlite"]["1000"]
    assert len(filters) > 20
    assert {what: items for what, (_, _, items, _) in filters.items() if not what.startswith("models")} == {
        "versions of a crowded model: LIKE": 10,
        "versions of a crowded model: none match": 0,
        "versions of a lonely model": 1,
        "artifacts of a crowded version: LIKE": 1,
        "artifacts: one of all": 1,
        "metric history of a crowded run": 0,
    }
    assert not any(more and items < 20 for _, _, items, more in filters.values())
    assert set(calls) == {"get", "find by name", "list of 20", "selective filter", "create"}
    assert "The worst filter" in done.stdout


def test_an_unknown_operation_is_refused_with_those_there_are() -> None:
    done = subprocess.run([sys.executable, "-m", "perf", "--only", "fly"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "fly" in done.stderr
    assert "find by name" in done.stderr


def test_cpu_of_a_child_that_has_ended_still_counts() -> None:
    tree = ProcessTree(os.getpid())
    before = tree.cpu_seconds()
    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass"], check=True)
    assert 0.25 <= tree.cpu_seconds() - before < 2


def test_cpu_of_a_running_grandchild_counts() -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\ntime.sleep(60)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}])"
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, start_new_session=True) as child:
        assert child.stdout is not None
        child.stdout.readline()
        spent = ProcessTree(child.pid).cpu_seconds()
        os.killpg(child.pid, 9)
    assert spent >= 0.25


def test_answers_in_pieces_are_put_together_and_refusals_counted() -> None:
    answers = [b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno"]
    bodies: list[bytes] = []
    load = asyncio.run(sent_to(answers, [get("/a"), get("/b")], bodies))
    assert bodies == [b"hello"]
    assert (len(load.latencies), load.refused) == (1, 1)
    assert load.complaint.startswith("HTTP/1.1 404")


def test_a_slow_server_is_measured_until_it_has_answered() -> None:
    async def load() -> Load:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.readuntil(b"\r\n\r\n"):
                await asyncio.sleep(0.1)
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await send_for(0.03, port, itertools.repeat(get("/a")), lambda: None, connections=2, warm_up=0.01)

    assert len(asyncio.run(load()).latencies) >= 2


def test_a_server_that_hangs_up_ends_the_run() -> None:
    with pytest.raises(OSError, match=r"closed|reset"):
        asyncio.run(sent_to([], [get("/a")], []))


async def sent_to(answers: list[bytes], requests: list[bytes], bodies: list[bytes]) -> Load:
    """Send the requests to a server that answers in small pieces and then hangs up."""
    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readuntil(b"\r\n\r\n")
            for start in range(0, len(answer), 7):
                writer.write(answer[start : start + 7])
                await asyncio.sleep(0.002)
        writer.close()
        await writer.wait_closed()
        ended.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        try:
            return await send_all(server.sockets[0].getsockname()[1], iter(requests), bodies.append, connections=1)
        finally:
            await ended.wait()


def measured(path: Path) -> Any:
    return msgspec.json.decode(path.read_bytes())
