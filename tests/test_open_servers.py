"""A server without accounts is for this machine alone, and says so."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from modelyard.access.directory import LOOK_SECONDS
from modelyard.app import admit_admin
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
    assert not [path for path in open_files() if path.is_relative_to(tmp_path)]


def open_files() -> list[Path]:
    """Those of this process."""
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # that of the folder itself is gone by now
            found.append(link.readlink())
    return found


@pytest.mark.parametrize(("host", "insecure"), [("0.0.0.0", True), ("127.0.0.1", False), ("::1", False)])
async def test_on_loopback_it_is_open_and_beyond_when_that_is_wanted(host: str, insecure: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter of the test
    async with running(Settings(host=host, insecure_no_auth=insecure, data_dir=str(tmp_path))) as edge:
        assert (await call(edge, "GET", MODELS)).status == 200
        answer = await call(edge, "GET", MODELS, {"authorization": "Bearer nobody"})
        assert (answer.status, answer.json["code"]) == (401, "Unauthorized")


async def test_a_page_that_came_by_dns_rebinding_reads_nothing(tmp_path: Path) -> None:
    """It comes under a name of its own, and has no token. Probes may come under any name: they learn that a server is there."""
    settings = Settings(data_dir=str(tmp_path))
    rebound = {"host": "evil.example.org"}
    async with running(settings) as edge:
        for path in (MODELS, "/ml/api/v1/models", "/api/v1/me", "/docs", "/openapi/native.json", "/metrics"):
            assert (await call(edge, "GET", path)).status == 200
            assert (await call(edge, "GET", path, rebound)).status == 403
        assert (await call(edge, "GET", "/healthz", rebound)).json == {"status": "ok"}
        assert (await call(edge, "GET", "/metrics", {"host": "10.1.2.3:8080"})).status == 200, "no page comes under an address"
        token = (await asyncio.to_thread(admit_admin, settings, "ada", again=False)).text
        await asyncio.sleep(LOOK_SECONDS)
        assert (await call(edge, "GET", MODELS)).status == 401
        assert (await call(edge, "GET", "/metrics", rebound)).status == 401
        assert (await call(edge, "GET", "/metrics", {**rebound, "authorization": f"Bearer {token}"})).status == 200
