"""What a real database server says of itself."""

import asyncpg
import pytest

from modelyard.app import open_database
from modelyard.settings import Settings
from modelyard.store.facts import ServerFacts, server_facts
from modelyard.store.urls import DatabaseUrl
from tests.store.conftest import NewStore

pytestmark = pytest.mark.servers


async def asked(url: str) -> ServerFacts:
    database = open_database(Settings(), DatabaseUrl.parse(url))
    await database.open()
    try:
        return await server_facts(database)
    finally:
        await database.close()


@pytest.mark.parametrize(
    ("flavour", "product", "durability"), [("postgresql", "PostgreSQL", "fsync"), ("mysql", "MariaDB", "innodb_flush_log_at_trx_commit")]
)
async def test_a_server_tells_its_version_settings_and_time(flavour: str, product: str, durability: str, new_store: NewStore) -> None:
    facts = await asked(await new_store(flavour))
    assert facts.product == product
    assert facts.version[0].isdigit()
    assert facts.settings["max_connections"] == "200"
    assert facts.settings[durability] in ("off", "2")  # as the tests' servers are started
    assert abs(facts.skew_seconds) < 60
    assert facts.never_analysed == ()


async def test_postgresql_names_large_tables_until_they_are_analysed(new_store: NewStore) -> None:
    url = await new_store("postgresql")
    connection = await asyncpg.connect(**DatabaseUrl.parse(url).connect_arguments())
    try:
        for table, rows in (("large", 2000), ("small", 10)):
            await connection.execute(f"CREATE TABLE {table} WITH (autovacuum_enabled = off) AS SELECT generate_series(1, {rows}) AS n")
        await connection.execute("SELECT pg_stat_force_next_flush()")
        await connection.execute("SELECT 1")  # the flush comes with the end of a statement
        assert (await asked(url)).never_analysed == ("large",)
        await connection.execute("ANALYZE large")
        assert (await asked(url)).never_analysed == ()
    finally:
        await connection.close()
