"""What the statements of lists say to one database and not to the others."""

import pytest

from modelyard.models.tables import MODEL, MODEL_VERSION
from modelyard.records import listing
from modelyard.records.listing import Order
from modelyard.search.compile import Source
from modelyard.search.page import SortKey
from modelyard.search.shape import TRUE, Shape
from modelyard.search.tree import Operator
from modelyard.store.statements import Flavour, Statement

MODELS, VERSIONS = Source(MODEL, 1), Source(MODEL_VERSION, 2)
OF_ONE_MODEL: Shape = ("compare", 0, "model_id", Operator.EQ)


def sql(source: Source, flavour: Flavour, sort: SortKey, scope: Shape, *, after: bool = True) -> str:
    order = Order(sort=sort, descending=False, after=after)
    return Statement("list", listing.page(source, flavour, [source.table.c.id], order, scope)).compiled(flavour).sql


@pytest.mark.parametrize(
    ("source", "sort", "scope", "index"),
    [
        (MODELS, SortKey.ID, TRUE, "ix_model_id"),
        (MODELS, SortKey.CREATED, TRUE, "ix_model_created"),
        (MODELS, SortKey.UPDATED, TRUE, "ix_model_updated"),
        (VERSIONS, SortKey.ID, OF_ONE_MODEL, "ix_model_version_model"),
    ],
)
def test_mariadb_is_told_which_index_a_later_page_begins_in(source: Source, sort: SortKey, scope: Shape, index: str) -> None:
    assert f"FORCE INDEX ({index})" in sql(source, Flavour.MYSQL, sort, scope)
    assert "INDEX" not in sql(source, Flavour.MYSQL, sort, scope, after=False)
    for other in (Flavour.SQLITE, Flavour.POSTGRESQL):
        assert "INDEX" not in sql(source, other, sort, scope)


def test_the_indexes_that_are_named_are_there() -> None:
    assert {index.name for index in listing.indexes(MODEL_VERSION)} == {
        "",
        "ix_model_version_created",
        "ix_model_version_id",
        "ix_model_version_model",
        "ix_model_version_updated",
        "uq_model_version_external_id",
        "uq_model_version_name",
    }
