"""The SQLAlchemy engine that migrations use reaches the same database as the program."""

from sqlalchemy import create_engine, text
from sqlalchemy.ext.asyncio import create_async_engine

from modelyard.store.statements import Flavour
from modelyard.store.urls import DatabaseUrl
from tests.servers.sql import execute


async def test_the_engine_connects(database_url: str) -> None:
    url = DatabaseUrl.parse(database_url)
    execute(database_url, "CREATE TABLE here (id INTEGER)")
    execute(database_url, "INSERT INTO here VALUES (7)")

    if url.flavour is Flavour.SQLITE:
        engine = create_engine(url.sqlalchemy_url())
        with engine.connect() as connection:
            found = connection.scalar(text("SELECT id FROM here"))
        engine.dispose()
    else:
        async_engine = create_async_engine(url.sqlalchemy_url(), connect_args=url.connect_arguments())
        async with async_engine.connect() as async_connection:
            found = await async_connection.scalar(text("SELECT id FROM here"))
        await async_engine.dispose()

    assert found == 7


def test_its_url_hides_the_password_when_printed() -> None:
    url = DatabaseUrl.parse("postgresql://ann:secret@host/db").sqlalchemy_url()

    assert "secret" not in str(url)
