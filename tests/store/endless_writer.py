"""Creates models in a SQLite file for ever, several at once, and prints the id of each once it is told that it is durable.

A process of its own, so that it can be killed: `python -m tests.store.endless_writer FILE NAME`.
"""

import asyncio
import sys

from modelyard.models.entities import NewModel
from tests.store.worlds import world_at
from tests.unit.world import ANN, World

WRITERS = 8


async def write(world: World, name: str) -> None:
    number = 0
    while True:
        number += 1
        model = await world.models.create_model(ANN, NewModel(name=f"{name} {number}", properties={"number": number}))
        sys.stdout.write(f"{model.id} {model.name}\n")
        sys.stdout.flush()


async def main(path: str, name: str) -> None:
    async with world_at(f"sqlite:///{path}") as world:
        await asyncio.gather(*(write(world, f"{name}.{writer}") for writer in range(WRITERS)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
