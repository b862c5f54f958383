"""Behind nginx, under a path prefix that it passes on or takes off; and what a client cannot make the server believe."""

import json
import subprocess
import sys
from collections.abc import Iterator

import httpx
import msgspec
import pytest

from tests.conftest import NewDatabase
from tests.servers import nginx
from tests.servers.modelyard import Serving, serving

pytestmark = pytest.mark.servers

MODELS = "/api/model_registry/v1alpha3/registered_models"

PASSES_IT_ON = """
    location /registry {{
      proxy_pass {url};
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Prefix "";
    }}
"""
TAKES_IT_OFF = """
    location /registry/ {{
      proxy_pass {url}/;
      proxy_set_header X-Forwarded-Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Prefix /registry;
    }}
"""


class Behind(msgspec.Struct, frozen=True):
    """A server, and the URL at which nginx shows it."""

    server: Serving
    url: str

    def log_line(self, request_id: str) -> dict[str, object]:
        """The access log's line of the request; it is written before the answer has been read."""
        self.server.child.wait_until(lambda: request_id in self.server.child.tail(), seconds=10)
        [line] = [line for line in self.server.child.tail().splitlines() if request_id in line]
        fields: dict[str, object] = json.loads(line)
        return fields


@pytest.fixture(scope="module", params=["passes it on", "takes it off"])
def behind(request: pytest.FixtureRequest, new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Behind]:
    if nginx.program() is None:
        pytest.skip("nginx is not installed (apt-get install nginx)")
    home = tmp_path_factory.mktemp("behind")
    passes = request.param == "passes it on"
    env = {"MODELYARD_TRUSTED_PROXIES": nginx.ADDRESS, **({"MODELYARD_PATH_PREFIX": "/registry"} if passes else {})}
    with (
        serving(new_database("sqlite"), home=home, env=env) as server,
        nginx.nginx((PASSES_IT_ON if passes else TAKES_IT_OFF).format(url=server.url), home=home) as url,
    ):
        yield Behind(server, f"{url}/registry")


def test_everything_answers_under_the_prefix(behind: Behind) -> None:
    assert httpx.post(behind.url + MODELS, json={"name": "a"}).status_code == 201
    assert "a" in [model["name"] for model in httpx.get(behind.url + MODELS).json()["items"]]
    for path in ("/healthz", "/readyz", "/readyz/isDirty", "/docs", "/docs/app.js", "/version", "/openapi/kubeflow.json"):
        assert httpx.get(behind.url + path).status_code == 200, path
    page = httpx.get(f"{behind.url}/", headers={"Accept": "text/html"})
    assert 'href="/registry/docs"' in page.text


CLIENT = """
import sys
from model_registry import ModelRegistry
registry = ModelRegistry(sys.argv[1], author="ann", is_secure=False)
registry.register_model("through nginx", "s3://models/a.onnx", version="1", model_format_name="onnx", model_format_version="1")
print([model.name for model in registry.get_registered_models()])
"""


def test_kubeflows_own_client_works_with_a_url_that_has_the_prefix_and_the_port(behind: Behind) -> None:
    result = subprocess.run([sys.executable, "-c", CLIENT, behind.url], capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert "through nginx" in result.stdout


def test_the_documents_say_where_the_server_is_as_the_client_sees_it(behind: Behind) -> None:
    assert httpx.get(f"{behind.url}/openapi/kubeflow.json").json()["servers"] == [{"url": behind.url}]


def test_the_log_tells_the_client_that_nginx_saw(behind: Behind) -> None:
    made_up = {"X-Forwarded-For": "6.6.6.6", "X-Request-Id": "through-nginx"}
    httpx.get(behind.url + MODELS, headers=made_up)
    line = behind.log_line("through-nginx")
    assert (line["client"], line["path"]) == ("127.0.0.1", MODELS)


def test_who_goes_around_the_proxy_is_not_believed(behind: Behind) -> None:
    forged = {
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Prefix": "/evil",
        "X-Request-Id": "around-nginx",
    }
    answer = httpx.get(f"{behind.server.url}/openapi/kubeflow.json", headers=forged)
    [place] = answer.json()["servers"]
    assert place["url"] in ("/", "/registry")
    assert behind.log_line("around-nginx")["client"] == "127.0.0.1"


def test_the_host_check_holds_behind_the_proxy(behind: Behind) -> None:
    assert httpx.get(behind.url + MODELS, headers={"Host": "evil.example"}).status_code == 403
    around = {"Host": "evil.example", "X-Forwarded-Host": "localhost"}
    assert httpx.get(behind.server.url + MODELS, headers=around).status_code == 403
