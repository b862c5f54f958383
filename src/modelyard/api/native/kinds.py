"""The kinds of record, in words."""

from typing import Annotated

from msgspec import Meta

from modelyard.records.kinds import Kind

NUMBERS = {kind.label.replace(" ", "_"): int(kind) for kind in Kind}
_WORDS = {number: word for word, number in NUMBERS.items()}

KindWord = Annotated[str, Meta(description=f"One of {', '.join(f'`{word}`' for word in NUMBERS)}.")]


def word(kind: int) -> KindWord:
    """A kind that this program does not know, which a newer one may have left, is told by its number."""
    return _WORDS.get(kind) or str(int(kind))
