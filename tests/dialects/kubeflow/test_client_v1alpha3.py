"""The last client that speaks v1alpha3, and with it experiments."""

import pytest

from tests.dialects.kubeflow.real_client import play
from tests.dialects.registry import Registry

pytestmark = pytest.mark.slow

VERSION = "0.3.14"


@pytest.mark.parametrize("scenario", ["registering", "updating", "paging", "asynchronous", "experiments", "generated_api"])
def test_the_client_does_what_its_readme_shows(registry: Registry, scenario: str) -> None:
    play(scenario, VERSION, registry.base_url)
