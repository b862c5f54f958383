"""Whatever is changed through one dialect is at once, and completely, what the other shows: random changes against one plain model.

A short run, always the same, is part of the tests; `make fuzz` sets FUZZ_EXAMPLES for a long one with another seed each time.
"""

import asyncio
import logging
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
import uvloop
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from modelyard.settings import Settings
from tests.dialects.two_doors.machine import TwoDoors
from tests.inprocess import running

LONG = "FUZZ_EXAMPLES" in os.environ
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "30"))
"""Programs on SQLite; a fifth of them on database servers, where each request takes longer."""
STEPS = 60 if LONG else 25
"""Changes in a program, at most."""
SEED = int(os.environ.get("FUZZ_SEED", secrets.randbits(32) if LONG else 1))


@pytest.fixture
def quiet() -> Iterator[None]:
    """No line for each of some hundred thousand requests."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    yield
    structlog.reset_defaults()


@pytest.mark.fuzz
@pytest.mark.slow
@pytest.mark.usefixtures("quiet")
def test_both_doors_show_one_truth(database_url: str, tmp_path: Path) -> None:
    plan = settings(
        max_examples=EXAMPLES if database_url.startswith("sqlite") else max(EXAMPLES // 5, 1),
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    server = Settings(data_dir=str(tmp_path), database_url=database_url)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        life = running(server)
        edge = runner.run(life.__aenter__())
        try:
            machine = type(f"Seed{SEED}", (TwoDoors,), {"edge": edge, "does": staticmethod(runner.run)})
            run_state_machine_as_test(seed(SEED)(machine), settings=plan)
        finally:
            runner.run(life.__aexit__(None, None, None))
