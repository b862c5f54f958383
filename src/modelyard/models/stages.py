"""How far a version has come: archived, or else one of three stages, which the custom property `stage` keeps."""

from enum import StrEnum

from modelyard.models.entities import ModelState, ModelVersion
from modelyard.records.properties import Properties

STAGE = "stage"


class Stage(StrEnum):
    DRAFT = "draft"
    STAGING = "staging"
    PRODUCTION = "production"
    ARCHIVED = "archived"


_KEPT = {stage.value: stage for stage in (Stage.DRAFT, Stage.STAGING, Stage.PRODUCTION)}


def stage_of(version: ModelVersion) -> Stage:
    """What was never staged, or has a word of its own there, is a draft."""
    if version.archived:
        return Stage.ARCHIVED
    kept = version.properties.get(STAGE)
    return _KEPT.get(kept, Stage.DRAFT) if isinstance(kept, str) else Stage.DRAFT


def staged(properties: Properties, stage: Stage) -> tuple[ModelState, Properties]:
    """The state and properties of a version that is brought there. Archiving keeps the stage that it had."""
    if stage is Stage.ARCHIVED:
        return ModelState.ARCHIVED, properties
    return ModelState.LIVE, {**properties, STAGE: stage.value}
