"""The permissions that routes declare. Every route of every dialect names one; who holds which comes with roles."""

from enum import StrEnum


class Permission(StrEnum):
    PUBLIC = "public"
    """Needs no principal: health, documents, the landing page."""
    MODELS_READ = "models:read"
    MODELS_WRITE = "models:write"
    EXPERIMENTS_READ = "experiments:read"
    EXPERIMENTS_WRITE = "experiments:write"
    ARTIFACTS_READ = "artifacts:read"
    ARTIFACTS_WRITE = "artifacts:write"
    DEPLOYMENTS_READ = "deployments:read"
    DEPLOYMENTS_WRITE = "deployments:write"
    TRASH_READ = "trash:read"
    TRASH_WRITE = "trash:write"
    """To restore."""
    TRASH_PURGE = "trash:purge"
    EVENTS_READ = "events:read"
