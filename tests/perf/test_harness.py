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
from perf.load import send_all
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

    async def run() -> Any:
        async with await asyncio.start_server(lambda reader, writer: dribble(reader, writer, answers), "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            return await send_all(port, iter([get("/a"), get("/b")]), bodies.append, connections=1)

    load = asyncio.run(run())
    assert bodies == [b"hello"]
    assert (len(load.latencies), load.refused) == (1, 1)
    assert load.complaint.startswith("HTTP/1.1 404")


def test_a_server_that_hangs_up_ends_the_run() -> None:
    async def run() -> None:
        async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
            await send_all(server.sockets[0].getsockname()[1], iter([get("/a")]), connections=1)

    with pytest.raises(OSError, match=r"closed|reset"):
        asyncio.run(run())


async def dribble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answers: list[bytes]) -> None:
    for answer in answers:
        await reader.readuntil(b"\r\n\r\n")
        for start in range(0, len(answer), 7):
            writer.write(answer[start : start + 7])
            await asyncio.sleep(0.002)
    await hang_up(reader, writer)


async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()
    await writer.wait_closed()


def measured(path: Path) -> Any:
    return msgspec.json.decode(path.read_bytes())
