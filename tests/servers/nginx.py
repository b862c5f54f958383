"""nginx as people put it in front of a server, on loopback."""

import contextlib
import functools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.servers.process import Child, accepts, free_port

ADDRESS = "127.0.0.2"
"""Where it calls the server from, so that it can be told from a test that does so itself."""

_CONFIGURATION = """
daemon off;
master_process off;
pid {home}/pid;
error_log stderr;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {home}/body;
  proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/fastcgi;
  uwsgi_temp_path {home}/uwsgi;
  scgi_temp_path {home}/scgi;
  proxy_bind {address};
  server {{
    listen 127.0.0.1:{port};
{locations}
  }}
}}
"""


@functools.cache
def program() -> str | None:
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextlib.contextmanager
def nginx(locations: str, *, home: Path) -> Iterator[str]:
    """Run it with these `location` blocks until the block ends; yields its base URL, without a slash at the end."""
    found = program()
    assert found is not None, "nginx is not installed"
    port = free_port()
    configuration = home / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(home=home, address=ADDRESS, port=port, locations=locations))
    child = Child([found, "-c", configuration, "-p", home, "-e", "stderr"], log=home / "nginx.log")
    try:
        child.wait_until(lambda: accepts(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        child.stop()
