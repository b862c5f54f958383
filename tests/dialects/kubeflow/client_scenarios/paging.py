"""The client's pagers, which walk in circles and know the end by the first page's token. Arguments: the server's URL, a unique text."""

import sys
from collections.abc import Callable

from model_registry import ModelRegistry
from model_registry.types import ModelVersion, Pager

url, stem = sys.argv[1:]
registry = ModelRegistry(url, author="Ada", is_secure=False)
name = f"paged {stem}"
expected = [f"v{number}" for number in range(12)]
for version in expected:
    registry.register_model(name, "s3://bucket/x", version=version, model_format_name="onnx", model_format_version="1")


def walked(configure: Callable[[Pager[ModelVersion]], Pager[ModelVersion]]) -> list[str]:
    """The whole walk, which must end by itself; done twice, because a pager can be started again."""
    pager = configure(registry.get_model_versions(name))
    first = [version.name for version in pager]
    assert [version.name for version in pager.restart()] == first
    return first


assert walked(lambda pager: pager) == expected
for size in (5, 6, 12, 13):

    def sized(pager: Pager[ModelVersion], size: int = size) -> Pager[ModelVersion]:
        return pager.page_size(size)

    assert walked(sized) == expected, size
    assert walked(lambda pager, sized=sized: sized(pager).descending()) == expected[::-1], size  # type: ignore[misc]  # the default binds the loop's value, and a lambda cannot say its type
    assert walked(lambda pager, sized=sized: sized(pager).order_by_creation_time()) == expected, size  # type: ignore[misc]  # likewise
    assert walked(lambda pager, sized=sized: sized(pager).order_by_id().descending()) == expected[::-1], size  # type: ignore[misc]  # likewise
    assert walked(lambda pager, sized=sized: sized(pager).order_by_update_time().ascending()) == expected, size  # type: ignore[misc]  # likewise

touched = registry.get_model_version(name, "v3")
assert touched is not None
touched.description = "touched"
registry.update(touched)
latest = walked(lambda pager: pager.order_by_update_time().descending().page_size(5))
assert latest[0] == "v3"
assert sorted(latest) == sorted(expected)

by_hand = registry.get_model_versions(name).page_size(5)
assert [version.name for version in by_hand.next_page()] == expected[:5]
assert [version.name for version in by_hand.next_page()] == expected[5:10]
assert [version.name for version in by_hand.next_page()] == expected[10:]
assert [version.name for version in by_hand.next_page()] == expected[:5]
assert registry.get_model_versions(name).page_size(2).next_item().name == "v0"

empty = f"without versions {stem}"
registry.async_runner(registry._register_model(empty))
assert list(registry.get_model_versions(empty)) == []
assert list(registry.get_model_versions(empty).page_size(3)) == []
assert name in [model.name for model in registry.get_registered_models().page_size(50)]
assert name in [model.name for model in registry.get_registered_models().order_by_creation_time().descending().page_size(7)]
