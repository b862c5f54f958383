"""The words of a lowered filter: what a condition looks for, where it is kept, and at which number its literals are.

| shape | literals, from `at` on | holds for a row whose |
|---|---|---|
| `("and", *shapes)`, `("or", *shapes)`, `("not", shape)`, `TRUE`, `FALSE` | | |
| `("exists", column)` | | column is not NULL |
| `("compare", at, column, operator)` | value | column compares so |
| `("among", at, column, length)` | values | column is one of them |
| `("like", at, column, case, bounded)` | pattern, and if bounded: from, below | column is like it |
| `("list any", column)` | | list has an element |
| `("link", at, column, operator)` | parent's id | id is linked to the parent |
| `("links", at, column, length)` | parents' ids | id is linked to one of the parents |
| `("number", at, types, operator, name at)` | value; elsewhere the name | property compares so |
| `("number any", at, types)` | name | property is a number of these types |
| `("text", at, listed, operator)` | name, value | property, or an element of the list, compares so |
| `("texts", at, listed, length)` | name, values | likewise, is one of them |
| `("text any", at, listed)` | name | property is a text |
| `("text like", at, pattern at, listed, case, bounded)` | name; elsewhere as `like` | property or element is like it |
| `("property exists", at)` | name | property is there |
"""

from typing import Any

from modelyard.search.tree import PropertyType

Shape = tuple[Any, ...]
TRUE: Shape = ("true",)
FALSE: Shape = ("false",)

LIST_FIELD = 100
"""Added to a kind's number: the elements of its list fields, apart from its custom properties."""
TEXT_WHOLE, TEXT_CUT, OPAQUE = 1, 2, 3
"""Types in the text index: whole, cut to what an index can keep, and a struct or proto, which only `Exists` can see."""
NUMBER_TYPES = {PropertyType.INTEGER: 1, PropertyType.FLOAT: 2, PropertyType.BOOLEAN: 3}
