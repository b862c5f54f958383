"""The id that a request carries through logs, audit events and its answer."""

import itertools
import os
import re
from collections.abc import Callable

_SANE = re.compile(rb"[A-Za-z0-9._-]{1,128}")


def request_id_maker() -> Callable[[bytes | None], str]:
    """A function from the client's `X-Request-Id` to the id to use: the client's own if it is sane, else a new one.

    New ids are 16 random hex digits, the same for every id of this maker, and a count: unique, and nearly free.
    """
    prefix = os.urandom(8).hex()
    count = itertools.count(1)

    def request_id(given: bytes | None) -> str:
        if given is not None and _SANE.fullmatch(given):
            return given.decode("ascii")
        return f"{prefix}-{next(count):x}"

    return request_id
