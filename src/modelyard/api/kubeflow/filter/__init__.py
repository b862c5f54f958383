"""The dialect's filter language: `filterQuery`, as text, to `search.tree`."""

from modelyard.api.kubeflow.filter.parser import parse
from modelyard.api.kubeflow.filter.subjects import ByLiteral, Names

__all__ = ["ByLiteral", "Names", "parse"]
