"""What a server says when it is ready."""

from io import StringIO

import pytest
from rich.console import Console

from modelyard import welcome
from modelyard.settings_sources import load


@pytest.mark.parametrize("open_", [True, False])
def test_the_example_is_one_that_works(*, open_: bool) -> None:
    out = StringIO()
    welcome.show("http://127.0.0.1:8080", load({}, {}), Console(file=out, width=200), open_=open_)
    said = out.getvalue()
    assert "curl -s http://127.0.0.1:8080/api/model_registry/v1alpha3/registered_models \\\n" in said
    assert ('-H "Authorization: Bearer $TOKEN"' in said) is not open_
    assert ("nobody is asked" in said) is open_
