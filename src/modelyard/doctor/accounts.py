"""The accounts of the store: whether there are any, so that everybody is asked who they are."""

from modelyard.doctor.findings import Finding, broken, ok, warning
from modelyard.settings import Settings, flag
from modelyard.welcome import CLOSE, OPEN


def judged(settings: Settings, *, some: bool) -> Finding:
    if some:
        return ok("accounts", "there are some, so everybody is asked who they are")
    if not settings.beyond_loopback:
        return ok("accounts", f"none: {OPEN}", CLOSE)
    if settings.insecure_no_auth:
        return warning("accounts", f"none: {OPEN}", CLOSE)
    remedy = (
        f"make the first one by `modelyard admin init`, listen on 127.0.0.1 by {flag('host')}, or allow it by {flag('insecure_no_auth')}"
    )
    return broken("accounts", f"none, and others can reach {settings.host}: the server does not start so", remedy)
