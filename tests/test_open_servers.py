"""A server without accounts is for this machine alone, and says so."""

from pathlib import Path

import pytest

from modelyard.settings import Settings
from tests.inprocess import CannotStartError, call, running

MODELS = "/api/model_registry/v1alpha3/registered_models"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3"])
async def test_beyond_loopback_it_does_not_start_without_accounts(host: str, tmp_path: Path) -> None:
    with pytest.raises(CannotStartError) as refusal:
        async with running(Settings(host=host, data_dir=str(tmp_path))):
            pass
    for said in (host, "modelyard admin init", "--insecure-no-auth"):
        assert said in str(refusal.value)


@pytest.mark.parametrize(("host", "insecure"), [("0.0.0.0", True), ("127.0.0.1", False), ("::1", False)])
async def test_on_loopback_it_is_open_and_beyond_when_that_is_wanted(host: str, insecure: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter of the test
    async with running(Settings(host=host, insecure_no_auth=insecure, data_dir=str(tmp_path))) as edge:
        assert (await call(edge, "GET", MODELS)).status == 200
        answer = await call(edge, "GET", MODELS, {"authorization": "Bearer nobody"})
        assert (answer.status, answer.json["code"]) == (401, "Unauthorized")
