"""What artifacts may ask of their links to the versions and runs that list them, whatever keeps these."""

from typing import Any, NamedTuple, Protocol, TypeVar

from modelyard.artifacts.entities import Artifact, ArtifactType
from modelyard.context import ProjectId
from modelyard.records.record import Record
from modelyard.records.repository import Links, Records
from modelyard.store.database import Unit

P = TypeVar("P", bound=Record)


class Namesake(NamedTuple):
    """What a metric or parameter is called, and under which version or run."""

    project: ProjectId
    parent_id: int
    type: ArtifactType
    name: str

    @property
    def values(self) -> dict[str, Any]:
        """As statements take them."""
        return {"project": self.project, "parent_id": self.parent_id, "type": self.type.value, "name": self.name}


class Parents(Links, Protocol):
    async def lock_with(
        self, unit: Unit, parents: Records[P], artifacts: Records[Artifact], wanted: Namesake
    ) -> tuple[P | None, Artifact | None]:
        """Lock a version or run, and the artifact under it that is called so: its own or else, of those attached to it, the first."""
        ...
