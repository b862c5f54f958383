"""A small table to try a `Database` with, on any flavour."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import BigInteger, Column, Double, MetaData, String, Table, Text, bindparam, func, insert, select, update

from modelyard.store.database import Database, IdSequence, Unit
from modelyard.store.mysql import MySqlDatabase
from modelyard.store.postgres import PostgresDatabase
from modelyard.store.sqlite import SqliteDatabase
from modelyard.store.statements import Flavour, Statement
from modelyard.store.urls import DatabaseUrl
from tests.servers.sql import execute

THING = Table(
    "thing",
    MetaData(),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String(255), nullable=False),
    Column("score", Double),
    Column("size", BigInteger),
    Column("note", Text),
)
"""`name` is unique under the name uq_thing_name."""

INSERT = Statement("insert thing", insert(THING).values({c.name: bindparam(c.name, type_=c.type) for c in THING.columns}).inline())
NAMED = Statement("thing by name", select(THING.c.id, THING.c.name).where(THING.c.name == bindparam("name")))
ALL = Statement("all things", select(THING.c.name, THING.c.score, THING.c.size, THING.c.note).order_by(THING.c.id))
COUNT = Statement("count things", select(func.count()).select_from(THING))
SET_SCORE = Statement("set score", update(THING).where(THING.c.name == bindparam("which")).values(score=bindparam("score_now")))

_TABLES = {
    Flavour.SQLITE: """
        CREATE TABLE id_sequence (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
        INSERT INTO id_sequence VALUES ('resource', 0);
        CREATE TABLE thing (
            id INTEGER PRIMARY KEY, name VARCHAR(255) NOT NULL, score DOUBLE, size BIGINT, note TEXT,
            CONSTRAINT uq_thing_name UNIQUE (name)
        )""",
    Flavour.POSTGRESQL: """
        CREATE SEQUENCE resource_id_seq;
        CREATE TABLE thing (
            id BIGINT PRIMARY KEY,
            name VARCHAR(255) COLLATE "C" NOT NULL, score DOUBLE PRECISION, size BIGINT, note TEXT,
            CONSTRAINT uq_thing_name UNIQUE (name)
        )""",
    Flavour.MYSQL: """
        CREATE TABLE resource_sequence (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY);
        CREATE TABLE thing (
            id BIGINT PRIMARY KEY, name VARCHAR(255) NOT NULL, score DOUBLE, size BIGINT, note LONGTEXT,
            CONSTRAINT uq_thing_name UNIQUE (name)
        ) DEFAULT CHARSET utf8mb4 COLLATE utf8mb4_nopad_bin""",
}


def create_tables(url: str) -> None:
    execute(url, _TABLES[DatabaseUrl.parse(url).flavour])


def connected(url: str, **options: Any) -> Database:
    """The flavour's `Database`, not yet open."""
    parsed = DatabaseUrl.parse(url)
    if parsed.flavour is Flavour.POSTGRESQL:
        return PostgresDatabase(parsed, **options)
    if parsed.flavour is Flavour.MYSQL:
        return MySqlDatabase(parsed, **options)
    assert parsed.path is not None
    return SqliteDatabase(parsed.path, **options)


@asynccontextmanager
async def opened(url: str, **options: Any) -> AsyncIterator[Database]:
    database = connected(url, **options)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


async def add(unit: Unit, name: str, **columns: Any) -> int:
    """Insert a thing; returns its id."""
    identity = await unit.next_id(IdSequence.RESOURCE)
    await unit.execute(INSERT, {"id": identity, "name": name, "score": None, "size": None, "note": None} | columns)
    return identity


async def count(database: Database) -> int:
    row = await database.reader.row(COUNT, {})
    assert row is not None
    return int(row[0])
