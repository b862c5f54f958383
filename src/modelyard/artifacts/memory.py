"""The links of artifacts in memory, for tests of services."""

from modelyard.artifacts.entities import Artifact
from modelyard.artifacts.parents import Namesake, P
from modelyard.records.memory import MemoryLinks
from modelyard.records.repository import Records
from modelyard.search.page import ListQuery
from modelyard.search.tree import both, equals
from modelyard.store.database import Unit


class MemoryArtifactParents(MemoryLinks):
    async def lock_with(
        self, unit: Unit, parents: Records[P], artifacts: Records[Artifact], wanted: Namesake
    ) -> tuple[P | None, Artifact | None]:
        project, parent_id, type_, name = wanted
        scope = both(equals("parent_id", parent_id), equals("type", type_.value), equals("name", name))
        found = (await artifacts.page(unit, project, ListQuery(scope=scope))).items
        found.sort(key=lambda artifact: artifact.owner_id != parent_id)
        return await parents.lock(unit, project, parent_id), found[0] if found else None
