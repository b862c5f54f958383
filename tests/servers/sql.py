"""SQL run beside the program: to make tables, to look, to break things."""

import asyncio
import sqlite3
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import asyncmy
import asyncpg

from modelyard.store.statements import Flavour
from modelyard.store.urls import DatabaseUrl


def execute(url: str, sql: str) -> Sequence[Sequence[Any]]:
    """Run one or more statements; returns the rows of the first, if it has any. Works with an event loop running, too."""
    parsed = DatabaseUrl.parse(url)
    if parsed.flavour is Flavour.SQLITE:
        return _on_sqlite(parsed, sql)
    on_server = _on_postgres if parsed.flavour is Flavour.POSTGRESQL else _on_mysql
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, on_server(parsed, sql)).result()


def _on_sqlite(url: DatabaseUrl, sql: str) -> Sequence[Sequence[Any]]:
    assert url.path is not None
    with closing(sqlite3.connect(url.path)) as connection:
        if ";" in sql:
            connection.executescript(sql)
            return []
        rows = connection.execute(sql).fetchall()
        connection.commit()
        return rows


async def _on_postgres(url: DatabaseUrl, sql: str) -> Sequence[Sequence[Any]]:
    connection = await asyncpg.connect(**url.connect_arguments())
    try:
        if ";" in sql:
            await connection.execute(sql)
            return []
        return [tuple(row) for row in await connection.fetch(sql)]
    finally:
        await connection.close()


async def _on_mysql(url: DatabaseUrl, sql: str) -> Sequence[Sequence[Any]]:
    connection = await asyncmy.connect(**url.connect_arguments(), autocommit=True)
    try:
        cursor = connection.cursor()
        await cursor.execute(sql)
        rows: Sequence[Sequence[Any]] = await cursor.fetchall() or ()
        while await cursor.nextset():
            pass
        return rows
    finally:
        connection.close()
