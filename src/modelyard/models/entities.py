"""A model, and the versions that were made of it."""

from enum import StrEnum

from msgspec import UNSET, UnsetType

from modelyard.records.record import NewRecord, Record, RecordPatch


class ModelState(StrEnum):
    LIVE = "LIVE"
    ARCHIVED = "ARCHIVED"


class Model(Record, frozen=True):
    """A named model. Unique by name in its project. The fields from `readme` on are its model card."""

    owner: str | None
    state: ModelState | None
    readme: str | None
    maturity: str | None
    provider: str | None
    logo: str | None
    license: str | None
    license_link: str | None
    library_name: str | None
    language: tuple[str, ...] | None
    tasks: tuple[str, ...] | None


class NewModel(NewRecord, frozen=True, kw_only=True):
    owner: str | None = None
    state: ModelState | None = ModelState.LIVE
    readme: str | None = None
    maturity: str | None = None
    provider: str | None = None
    logo: str | None = None
    license: str | None = None
    license_link: str | None = None
    library_name: str | None = None
    language: tuple[str, ...] | None = None
    tasks: tuple[str, ...] | None = None


class ModelPatch(RecordPatch, frozen=True, kw_only=True):
    name: str | UnsetType = UNSET
    owner: str | None | UnsetType = UNSET
    state: ModelState | None | UnsetType = UNSET
    readme: str | None | UnsetType = UNSET
    maturity: str | None | UnsetType = UNSET
    provider: str | None | UnsetType = UNSET
    logo: str | None | UnsetType = UNSET
    license: str | None | UnsetType = UNSET
    license_link: str | None | UnsetType = UNSET
    library_name: str | None | UnsetType = UNSET
    language: tuple[str, ...] | None | UnsetType = UNSET
    tasks: tuple[str, ...] | None | UnsetType = UNSET


class ModelVersion(Record, frozen=True):
    """One version of a model. Unique by name in its model."""

    model_id: int
    author: str | None
    state: ModelState | None

    @property
    def archived(self) -> bool:
        return self.state is ModelState.ARCHIVED


class NewVersion(NewRecord, frozen=True, kw_only=True):
    model_id: int
    author: str | None = None
    state: ModelState | None = ModelState.LIVE


class VersionPatch(RecordPatch, frozen=True, kw_only=True):
    author: str | None | UnsetType = UNSET
    state: ModelState | None | UnsetType = UNSET
