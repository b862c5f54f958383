import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, bindparam, insert, literal_column, select

from modelyard.store.statements import Bulk, Flavour, Statement

THING = Table("thing", MetaData(), Column("id", Integer, primary_key=True), Column("name", String(255)))
NAMED = select(THING.c.id).where(THING.c.name == bindparam("name"), THING.c.id > bindparam("id"), literal_column("1") == bindparam("id"))


@pytest.mark.parametrize(
    ("flavour", "marks"),
    [(Flavour.SQLITE, ("?", "?", "?")), (Flavour.MYSQL, ("%s", "%s", "%s"))],
)
def test_values_are_bound_by_position(flavour: Flavour, marks: tuple[str, ...]) -> None:
    compiled = Statement("named", NAMED).compiled(flavour)

    assert compiled.names == ("name", "id", "id")
    assert compiled.bind({"id": 7, "name": "x", "more": 1}) == ("x", 7, 7)
    assert compiled.sql.count(marks[0]) == len(marks)


def test_a_value_that_is_missing_is_not_made_up() -> None:
    with pytest.raises(KeyError, match="id"):
        Statement("named", NAMED).compiled(Flavour.SQLITE).bind({"name": "x"})


@pytest.mark.parametrize("flavour", Flavour)
def test_constants_of_the_statement_are_bound_with_it(flavour: Flavour) -> None:
    compiled = Statement("six", select(THING.c.id).where(THING.c.id == 6, THING.c.name == bindparam("name"))).compiled(flavour)

    assert compiled.bind({"name": "x"}) == (6, "x")


@pytest.mark.parametrize("flavour", Flavour)
def test_each_flavour_is_compiled_once(flavour: Flavour) -> None:
    statement = Statement("all", select(THING.c.id))

    assert statement.compiled(flavour) is statement.compiled(flavour)


def test_an_insert_names_every_column_but_those_the_database_fills() -> None:
    assert Bulk("insert", THING).compiled(Flavour.POSTGRESQL).names == ("id", "name")
    assert Bulk("insert", THING, without=("id",)).compiled(Flavour.SQLITE).names == ("name",)
    assert "RETURNING" not in Bulk("insert", THING, without=("id",)).compiled(Flavour.POSTGRESQL).sql


def test_a_percent_sign_in_a_statement_reaches_the_driver_as_it_expects_it() -> None:
    statement = Statement("percent", insert(THING).values(name=literal_column("'100%'"), id=bindparam("id")))

    assert "100%%" in statement.compiled(Flavour.MYSQL).sql
    assert "100%'" in statement.compiled(Flavour.SQLITE).sql
