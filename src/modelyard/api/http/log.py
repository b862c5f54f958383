"""The part of a structlog logger that the edge writes to."""

from typing import Any, Protocol


class Log(Protocol):
    def info(self, event: str, **fields: Any) -> Any: ...

    def error(self, event: str, **fields: Any) -> Any: ...

    def exception(self, event: str, **fields: Any) -> Any: ...
