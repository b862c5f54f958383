"""Whatever is changed through one dialect is at once, and completely, what the other shows: random changes against one plain model."""

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import pytest
import uvloop
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from modelyard.api.http.edge import Edge
from modelyard.settings import LogLevel, Settings
from tests.dialects.two_doors.machine import TwoDoors
from tests.inprocess import running

LONG = "FUZZ_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "25"))
"""Programs of at most `STEPS` changes, on SQLite; fewer on servers, where each request takes longer."""
STEPS = 60 if LONG else 25
FEWER = 5
SEED = int(os.environ.get("FUZZ_SEED", "1"))


@pytest.mark.fuzz
def test_both_doors_show_one_truth(database_url: str, tmp_path: Any) -> None:
    examples = EXAMPLES if database_url.startswith("sqlite") else max(EXAMPLES // FEWER, 1)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        life = running(Settings(data_dir=str(tmp_path), database_url=database_url, log_level=LogLevel.ERROR))
        edge = runner.run(life.__aenter__())
        try:
            machine = seed(SEED)(type("Machine", (TwoDoors,), {"edge": edge, "does": staticmethod(runner.run)}))
            run_state_machine_as_test(
                machine,
                settings=settings(
                    max_examples=examples,
                    stateful_step_count=STEPS,
                    deadline=None,
                    database=None,
                    phases=[Phase.generate, Phase.shrink],
                    suppress_health_check=list(HealthCheck),
                ),
            )
        finally:
            runner.run(life.__aexit__(None, None, None))
