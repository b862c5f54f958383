"""Thousands of requests recorded from the original server, sent to ours: every difference is one that we chose."""

import gzip
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import NewDatabase, Serve
from tests.dialects.kubeflow.golden import RULES, Promises, agree, gist

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared"
TOOL = SHARED / "tools" / "kubeflow_golden.py"
RECORDINGS = sorted(SHARED.glob("data/kubeflow_walk_*.jsonl.gz"))
DIFFERENCES = ROOT / "docs" / "reference" / "kubeflow-differences.md"

pytestmark = pytest.mark.skipif(
    not RECORDINGS or not TOOL.exists(), reason="the recordings of the original server are not beside this project"
)


def wire(url: str) -> Any:
    """The recorder's own client: it puts our ids in the place of symbols and symbols in the place of our ids."""
    names: dict[str, Any] = {"__name__": "kubeflow_golden"}
    source = TOOL.read_text().rstrip().removesuffix("main()")
    exec(compile(source, TOOL, "exec"), names)  # noqa: S102 - a tool of ours, without its last line, which would run it
    return names["Wire"](url)


@pytest.mark.slow
@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.name.partition(".")[0])
@pytest.mark.parametrize(
    "flavour",
    [
        pytest.param("sqlite", id="sqlite"),
        pytest.param("postgresql", id="postgresql", marks=pytest.mark.servers),
        pytest.param("mysql", id="mariadb", marks=pytest.mark.servers),
    ],
)
# The recorder leaves refusals to the garbage collector, which Python 3.14 warns of.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_every_difference_is_explained(new_database: NewDatabase, serve: Serve, flavour: str, recording: Path) -> None:
    client, promises = wire(serve(new_database(flavour))), Promises()
    unexplained: list[str] = []
    used: Counter[str] = Counter()
    with gzip.open(recording, "rt") as lines:
        for number, line in enumerate(lines):
            record = json.loads(line)
            step = {key: value for key, value in record.items() if key not in {"s", "r"}}
            status, body = client.step(step)
            promise = promises.of(step, record["s"], record["r"])
            used.update(promise.rules)
            if not agree(promise, status, body) or not _messages_agree(record["r"], body, same_status=status == record["s"]):
                unexplained.append(
                    f"#{number} {json.dumps(step, ensure_ascii=False)[:400]}\n  original {record['s']} {str(record['r'])[:400]}"
                    f"\n  promised {promise.status} {str(promise.body)[:400]} {promise.rules}\n  answered {status} {str(body)[:400]}"
                )
    assert not unexplained, f"{len(unexplained)} differences that no rule explains; used {dict(used)}:\n" + "\n".join(unexplained[:10])
    assert used


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_is_documented(rule: str) -> None:
    headings = re.findall(r"^### (.+)$", DIFFERENCES.read_text(), re.MULTILINE)
    assert rule in {heading.lower().replace(" ", "-") for heading in headings}


def _messages_agree(want: Any, got: Any, *, same_status: bool) -> bool:
    if not (same_status and isinstance(want, dict) and "message" in want):
        return True
    return gist(want["message"]) == gist(got["message"])
