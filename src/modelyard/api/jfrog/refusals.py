"""How this dialect says no to a request before any service is asked."""

from collections.abc import Sequence

from modelyard.api.jfrog.wire import Fault


class Refused(Exception):
    """`faults` are what is wrong with which fields of a body, where it is these."""

    def __init__(self, status: int, detail: str, faults: Sequence[Fault] = ()) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.faults = list(faults)


def unprocessable(field: str, message: str) -> Refused:
    return Refused(422, f"{field} {message}", [Fault(field, message)])
