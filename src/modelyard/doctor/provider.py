"""The OpenID Connect provider: whether it publishes the keys by which its tokens are proven."""

from collections.abc import AsyncIterator

from modelyard.doctor.findings import Finding, ok, warning
from modelyard.settings import Settings, variable


async def look(settings: Settings) -> AsyncIterator[Finding]:
    issuer = settings.oidc_issuer
    if not issuer:
        return
    try:
        from modelyard.access.oidc import FAILURES, fetch_over_http, published_keys  # noqa: PLC0415 - an extra
    except ModuleNotFoundError:
        return  # `program` tells
    try:
        await published_keys(issuer, fetch_over_http)
    except FAILURES as error:
        remedy = f"start it, or correct {variable('oidc_issuer')}; until then, nobody comes in by a token of it"
        yield warning("identity provider", f"{issuer} does not publish its keys: {str(error) or type(error).__name__}", remedy)
    else:
        yield ok("identity provider", f"{issuer} publishes its keys")
