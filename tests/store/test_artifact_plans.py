"""How SQLite, which knows nothing of how much there is, goes about finding an artifact."""

import sqlite3
from contextlib import closing

import pytest

from modelyard.artifacts import repository
from modelyard.experiments.repository import runs
from modelyard.models.repository import versions
from modelyard.store.statements import Flavour, Statement
from modelyard.store.urls import DatabaseUrl
from tests.store.conftest import NewStore


@pytest.mark.parametrize(
    "statement",
    [repository._NAMESAKE, repository._with_namesake(versions()), repository._with_namesake(runs())],
    ids=["namesake", "with its version", "with its run"],
)
async def test_a_namesake_is_looked_for_among_those_of_its_parent_only(statement: Statement, new_store: NewStore) -> None:
    path = DatabaseUrl.parse(await new_store("sqlite")).path
    assert path is not None
    compiled = statement.compiled(Flavour.SQLITE)

    with closing(sqlite3.connect(path)) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {compiled.sql}", [1] * len(compiled.names))]

    assert "SEARCH artifact_parent USING PRIMARY KEY (parent_id=?)" in plan
    assert [step for step in plan if step.startswith("SCAN")] == []
    assert [step for step in plan if "ix_artifact_type" in step] == []
