"""Parts of a filter put together so that the tree stays flat."""

from modelyard.api.kubeflow.filter.subjects import Named
from modelyard.search.tree import And, Exists, Expr, In, Not, Or, Scalar


class Group:
    """What stands between two parentheses, while it is read: the ANDs before the last OR, and the terms since."""

    def __init__(self, *, negated: bool) -> None:
        self.negated = negated
        self.alternatives: list[Expr] = []
        self.terms: list[Expr] = []

    def close_alternative(self) -> None:
        self.alternatives.append(chain(And, self.terms))
        self.terms = []

    def finish(self) -> Expr:
        self.close_alternative()
        return negate(chain(Or, self.alternatives), negated=self.negated)


def chain(kind: type[And | Or], exprs: list[Expr]) -> Expr:
    terms = tuple(term for expr in exprs for term in (expr.terms if isinstance(expr, kind) else (expr,)))
    return kind(terms) if len(terms) > 1 else terms[0]


def negate(expr: Expr, *, negated: bool) -> Expr:
    if not negated:
        return expr
    return expr.term if isinstance(expr, Not) else Not(expr)


def in_(subject: Named, values: tuple[Scalar, ...]) -> Expr:
    if subject.number == subject.text or not values:
        return In(subject.number, values)
    texts = tuple(value for value in values if isinstance(value, str))
    others = tuple(value for value in values if not isinstance(value, str))
    return chain(Or, [In(part, group) for part, group in ((subject.number, others), (subject.text, texts)) if group])


def exists(subject: Named) -> Expr:
    return Exists(subject.number) if subject.number == subject.text else Or((Exists(subject.number), Exists(subject.text)))


def depth(expr: Expr) -> int:
    """Counted level by level, because a tree too deep is what it looks for."""
    depth, level = 0, [expr]
    while level := [inner for outer in level for inner in _inner(outer)]:
        depth += 1
    return depth


def _inner(expr: Expr) -> tuple[Expr, ...]:
    return expr.terms if isinstance(expr, And | Or) else (expr.term,) if isinstance(expr, Not) else ()
