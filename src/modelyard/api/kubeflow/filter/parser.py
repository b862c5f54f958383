"""A `filterQuery` as a tree.

```
query     := or                          or   := and ("OR" and)*        and := term ("AND" term)*
term      := "NOT" term | "(" or ")" | condition
condition := property ("=" | "!=" | "<>" | ">" | ">=" | "<" | "<=") value
           | property ["NOT"] ("LIKE" | "ILIKE") text
           | property ["NOT"] "IN" (value | "(" [value ("," value)*] ")")
           | property ["NOT"] "BETWEEN" value "AND" value
           | property "IS" ["NOT"] "NULL"
property  := (word ("." word)* | back-ticked) ["." ("string_value" | "int_value" | "double_value" | "bool_value")]
value     := text | number | "true" | "false"
```
Keywords have any case and are reserved nowhere: where a property is due, each is a property's name (`not` too, before an operator; after
another NOT it takes back-ticks to be certain). NOT is always the complement, so
`x NOT IN (1)` also finds what has no x, which `x != 1` does not. `x BETWEEN a AND b` is `x >= a AND x <= b`.

Open parentheses are kept on a list and not on Python's stack. They may be many; what is bounded tightly is how deep groups of *different*
kinds stand in each other and how many values are compared, because databases set limits there (SQLite: 1,000 levels of expression, of
which a chain of n ANDs takes n, and a parser stack of 100). Both bounds are far from what a person writes.
"""

from typing import NoReturn

from modelyard.api.kubeflow.filter import build
from modelyard.api.kubeflow.filter.lexer import Kind, Token, shortened, syntax_error, tokens
from modelyard.api.kubeflow.filter.subjects import Named, Names, resolve
from modelyard.errors import Invalid
from modelyard.search.tree import And, Compare, Expr, Like, Operator, PropertyType, Scalar

MAX_PARENTHESES = 512
"""Open at once."""
MAX_DEPTH = 16
"""Levels of AND, OR and NOT in each other; parentheses that only group are none."""
MAX_CONDITIONS = 500
"""Conditions in all; each value of an IN list counts as one."""


def parse(text: str, names: Names) -> Expr | None:
    """The filter, or None for a blank text.

    Chains come out flat: no And directly in an And, no Or in an Or, no Not in a Not. Raises `Invalid` (and nothing else, for any text)
    with the line and column. Whether the literals fit the fields is not looked at here but by `search.evaluate.check`.
    """
    if not text.strip():
        return None
    expr = _Parser(text, names).query()
    if build.depth(expr) > MAX_DEPTH:
        raise Invalid(
            f"invalid filter query syntax: AND, OR and NOT stand more than {MAX_DEPTH} levels deep in each other: rewrite the filter "
            "as one OR of ANDs or one AND of ORs",
            field="filterQuery",
        )
    return expr


_OPERATORS = {
    "=": Operator.EQ,
    "!=": Operator.NE,
    "<>": Operator.NE,
    "<": Operator.LT,
    "<=": Operator.LE,
    ">": Operator.GT,
    ">=": Operator.GE,
}
_SUFFIXES = {
    "string_value": PropertyType.TEXT,
    "int_value": PropertyType.INTEGER,
    "double_value": PropertyType.FLOAT,
    "bool_value": PropertyType.BOOLEAN,
}
_AHEAD = 3
"""Tokens that are looked at beyond the next one."""
_BOOLEANS = {"TRUE": True, "FALSE": False}
_VALUE_WORDS = frozenset({"LIKE", "ILIKE", "IN", "BETWEEN"})
_CHECK = ". Check that operators and values are correctly formatted"
_QUOTE = '. Hint: text needs quotes (name = "value"); numbers, true and false do without (id > 5, active = true)'


class _Parser:
    def __init__(self, text: str, names: Names) -> None:
        self.text = text
        self.names = names
        found = tokens(text)
        self.tokens = [*found, *found[-1:] * _AHEAD]
        self.index = 0
        self.conditions = 0

    def query(self) -> Expr:
        groups = [build.Group(negated=False)]
        while True:
            negated = self._negations()
            opening = self._peek()
            if self._accept("("):
                if len(groups) > MAX_PARENTHESES:
                    self._fail(opening, f"more than {MAX_PARENTHESES} parentheses are open")
                groups.append(build.Group(negated=negated))
                continue
            groups[-1].terms.append(build.negate(self._condition(), negated=negated))
            while len(groups) > 1 and self._accept(")"):
                inner = groups.pop().finish()
                groups[-1].terms.append(inner)
            if len(groups) == 1 and self._peek().kind is Kind.END:
                return groups[0].finish()
            if self._accept("OR"):
                groups[-1].close_alternative()
            elif not self._accept("AND"):
                self._unexpected(self._peek(), '")"' if len(groups) > 1 else "AND, OR or the end of the filter")

    def _negations(self) -> bool:
        negated = False
        while self._peek().key == "NOT" and not self._not_is_a_name():
            self.index += 1
            negated = not negated
        return negated

    def _not_is_a_name(self) -> bool:
        """Whether the `not` here is a property's name: something that only follows a name comes next, with what it needs."""
        first, second, third = self._peek(1), self._peek(2), self._peek(3)
        if first.kind is Kind.SYMBOL:
            return first.raw == "." or first.raw in _OPERATORS
        if first.key in _VALUE_WORDS:
            return second.raw == "(" or second.kind in (Kind.TEXT, Kind.NUMBER) or second.key in _BOOLEANS
        return first.key == "IS" and "NULL" in (second.key, third.key if second.key == "NOT" else "")

    def _condition(self) -> Expr:
        subject = self._subject()
        operator = self._next()
        if operator.raw in _OPERATORS:
            return self._compare(subject, _OPERATORS[operator.raw])
        if operator.key == "IS":
            absent = not self._accept("NOT")
            self._expect("NULL")
            self._count(operator)
            return build.negate(build.exists(subject), negated=absent)
        negated = operator.key == "NOT"
        return build.negate(self._worded(subject, self._next() if negated else operator), negated=negated)

    def _compare(self, subject: Named, operator: Operator) -> Compare:
        value = self._value()
        return Compare(subject.beside(value), operator, value)

    def _worded(self, subject: Named, operator: Token) -> Expr:
        word = operator.key
        if word == "IN":
            return build.in_(subject, self._values())
        if word == "BETWEEN":
            lowest = self._compare(subject, Operator.GE)
            self._expect("AND")
            return And((lowest, self._compare(subject, Operator.LE)))
        if word not in ("LIKE", "ILIKE"):
            self._unexpected(operator, "an operator")
        return Like(subject.text, self._pattern(), fold=word == "ILIKE")

    def _subject(self) -> Named:
        first = self._next()
        if first.kind is Kind.NAME:
            return resolve(self.names, str(first.value), self._suffix() if self._accept(".") else None)
        if first.kind is not Kind.WORD:
            self._unexpected(first, "a property")
        parts = [first.raw]
        while self._accept("."):
            part = self._next()
            if part.kind is not Kind.WORD:
                self._unexpected(part, "the rest of a name")
            parts.append(part.raw)
        type_ = _SUFFIXES.get(parts[-1]) if len(parts) > 1 else None
        return resolve(self.names, ".".join(parts if type_ is None else parts[:-1]), type_)

    def _suffix(self) -> PropertyType:
        token = self._next()
        if token.raw not in _SUFFIXES:
            self._unexpected(token, ", ".join(_SUFFIXES))
        return _SUFFIXES[token.raw]

    def _value(self) -> Scalar:
        token = self._next()
        self._count(token)
        if token.kind in (Kind.TEXT, Kind.NUMBER):
            return token.value
        if token.key not in _BOOLEANS:
            self._unexpected(token, "a value", _QUOTE)
        return _BOOLEANS[token.key]

    def _pattern(self) -> str:
        token = self._next()
        self._count(token)
        if token.kind is not Kind.TEXT:
            self._unexpected(token, "text in quotes", _QUOTE)
        return str(token.value)

    def _values(self) -> tuple[Scalar, ...]:
        if not self._accept("("):
            return (self._value(),)
        if self._accept(")"):
            self._count(self._peek())
            return ()
        values = [self._value()]
        while self._accept(","):
            values.append(self._value())
        if not self._accept(")"):
            self._unexpected(self._peek(), '"," or ")"')
        return tuple(values)

    def _count(self, token: Token) -> None:
        self.conditions += 1
        if self.conditions > MAX_CONDITIONS:
            self._fail(token, f"more than {MAX_CONDITIONS} values are compared")

    def _peek(self, ahead: int = 0) -> Token:
        return self.tokens[self.index + ahead]

    def _next(self) -> Token:
        token = self.tokens[self.index]
        self.index += 1
        return token

    def _accept(self, symbol_or_keyword: str) -> bool:
        """Step over the token if it is the one. Text and back-ticked names never are."""
        if self.tokens[self.index].key != symbol_or_keyword:
            return False
        self.index += 1
        return True

    def _expect(self, keyword: str) -> None:
        if not self._accept(keyword):
            self._unexpected(self._peek(), keyword)

    def _unexpected(self, token: Token, expected: str, hint: str = _CHECK) -> NoReturn:
        self._fail(token, f'unexpected token "{shortened(token.raw)}" (expected {expected}){hint}')

    def _fail(self, token: Token, problem: str) -> NoReturn:
        syntax_error(self.text, token.offset, problem)
