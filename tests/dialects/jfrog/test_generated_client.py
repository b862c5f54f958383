"""The contract's referee: no client of JFrog's speaks these paths, so one made of the contract does."""

from pathlib import Path

import pytest

from tests.dialects.jfrog.generated_client import generated, play
from tests.dialects.jfrog.registry import CONTRACT, Jfrog
from tests.dialects.registry import on_every_database

pytestmark = [
    pytest.mark.slow,
    on_every_database,
    pytest.mark.skipif(not CONTRACT.exists(), reason="the published contract is not in the folder beside this repository"),
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """An interpreter, and the folder that has the client."""
    folder = tmp_path_factory.mktemp("client")
    return generated(folder), folder


def test_it_walks_every_operation(jfrog: Jfrog, client: tuple[Path, Path]) -> None:
    python, folder = client
    play("walk", python, folder, f"{jfrog.kubeflow.base_url}/ml/api")
