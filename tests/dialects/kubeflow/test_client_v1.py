"""The newest client, which speaks v1."""

import pytest

from tests.dialects.kubeflow.real_client import play
from tests.dialects.registry import Registry

pytestmark = pytest.mark.slow

VERSION = "0.3.18"


@pytest.mark.parametrize("scenario", ["registering", "updating", "paging", "asynchronous", "generated_api"])
def test_the_client_does_what_its_readme_shows(registry: Registry, scenario: str) -> None:
    play(scenario, VERSION, registry.base_url)
