"""A real OpenID Connect provider (oidc-provider-mock, from PyPI): discovery, keys, and the flow by which people get tokens."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.servers.process import Child, accepts, free_port

CLIENT = "modelyard"
_BACK = "http://127.0.0.1/back"


class Identity:
    """A provider at a port of its own. Started again, it is the same issuer with new keys."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._port = free_port()
        self.issuer = f"http://127.0.0.1:{self._port}"

    @contextlib.contextmanager
    def running(self, *, token_seconds: int = 3600) -> Iterator["Identity"]:
        options = ("--port", str(self._port), "--token-max-age", str(token_seconds))
        command = (sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", *options)
        child = Child(command, log=self._home / "identity.log", env={**os.environ, "NO_COLOR": "1"})
        try:
            child.wait_until(lambda: accepts(self._port))
            yield self
        finally:
            child.stop()

    def sign_in(self, name: str, groups: list[str], *, audience: str = CLIENT) -> str:
        """The token that someone in these groups gets for a service, by the authorization code flow."""
        with httpx.Client(base_url=self.issuer, timeout=30) as browser:
            browser.put(f"/users/{name}", json={"preferred_username": name, "groups": groups}).raise_for_status()
            asked = {"client_id": audience, "redirect_uri": _BACK, "response_type": "code", "scope": "openid profile"}
            sent_back = browser.post("/oauth2/authorize", params=asked, data={"sub": name}).headers["location"]
            code = parse_qs(urlsplit(sent_back).query)["code"][0]
            traded = {"grant_type": "authorization_code", "code": code, "redirect_uri": _BACK}
            answer = browser.post("/oauth2/token", data=traded, auth=(audience, "any secret"))
            return str(answer.raise_for_status().json()["id_token"])
