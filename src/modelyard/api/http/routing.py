"""From a method and a path to an operation, by dictionaries built once."""

from collections.abc import Callable, Iterable
from operator import itemgetter
from urllib.parse import unquote

from modelyard.api.http.operation import Operation


class NoRoute(Exception):
    """`allowed` holds the methods that the path does answer, sorted; empty when there is no such path."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__(allowed)
        self.allowed = allowed


Variables = tuple[tuple[str, int], ...]
"""Names of variable segments and where in the path they stand."""


class _Shape:
    """All paths of one length whose variable segments stand in the same places: one look-up by the written segments finds theirs."""

    __slots__ = ("ends_variable", "operations", "written")

    def __init__(self, variable: tuple[bool, ...]) -> None:
        self.ends_variable = variable[-1]
        self.written: Callable[[list[str]], object] = itemgetter(*(place for place, varies in enumerate(variable) if not varies))
        self.operations: dict[object, dict[str, tuple[Operation, Variables]]] = {}


class Router:
    """Paths are relative to the dialect's prefix. A written segment wins over a variable one; a trailing slash is another path."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._fixed: dict[tuple[str, str], Operation] = {}
        self._shapes: dict[int, list[_Shape]] = {}
        shapes: dict[tuple[bool, ...], _Shape] = {}
        for operation in operations:
            segments = operation.path.split("/")
            variable = tuple(segment.startswith("{") for segment in segments)
            _enter(shapes.setdefault(variable, _Shape(variable)), operation, segments)
            if not any(variable):
                self._fixed[operation.method, operation.path] = operation
        # In this order the first shape that matches is the one a walk from the left, written segments first, would find.
        for variable in sorted(shapes):
            self._shapes.setdefault(len(variable), []).append(shapes[variable])

    def find(self, method: str, path: str) -> tuple[Operation, dict[str, str]]:
        """The operation and the values of its variable segments. `path` is still percent-encoded. Raises `NoRoute`."""
        if operation := self._fixed.get((method, path)):
            return operation, {}
        segments = path.split("/")
        if "%" in path:
            segments = [unquote(segment) for segment in segments]
        allowed: set[str] = set()
        for shape in self._shapes.get(len(segments), ()):
            # An empty segment between slashes is a value, which the handler judges; after the last slash there is no segment.
            operations = shape.operations.get(shape.written(segments))
            if operations is None or (shape.ends_variable and not segments[-1]):
                continue
            if found := operations.get(method):
                operation, variables = found
                return operation, {name: segments[place] for name, place in variables}
            allowed.update(operations)
        raise NoRoute(tuple(sorted(allowed)))


def _enter(shape: _Shape, operation: Operation, segments: list[str]) -> None:
    operations = shape.operations.setdefault(shape.written(segments), {})
    if operation.method in operations:
        raise ValueError(f"{operation.id}: {operation.method} {operation.path} is already {operations[operation.method][0].id}")
    variables = tuple((segment[1:-1], place) for place, segment in enumerate(segments) if segment.startswith("{"))
    operations[operation.method] = (operation, variables)
