"""The harness measures something, in units that can be right. How fast it is, no test asks."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from perf.cpu import ProcessTree
from perf.load import Load, send_all
from perf.operations import OPERATIONS
from perf.requests import get

ROOT = Path(__file__).parent.parent.parent


@pytest.mark.slow
def test_a_tiny_run_measures_every_operation(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    arguments = ["--database", "sqlite", "--models", "200", "--seconds", "0.3", "--connections", "2", "--json", str(figures)]
    done = subprocess.run([sys.executable, "-m", "perf", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
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
def test_what_the_database_spends_is_counted_apart(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    arguments = ["--database", "postgresql", "--models", "200", "--seconds", "1", "--only", "create", "--json", str(figures)]
    done = subprocess.run([sys.executable, "-m", "perf", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (create,) = measured(figures)["measured"][1]["costs"]
    assert create["server_cpu"] > 0
    assert create["database_cpu"] > 0


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
