"""Answers to requests with an idempotency key, kept in the store."""

import msgspec

from modelyard.api.http.idempotency import Produce, replayed
from modelyard.api.http.message import Response
from modelyard.context import Caller
from modelyard.store.idempotency import Answer, Answers


class KeptAnswers:
    """An `IdempotentRunner` over `store.idempotency`."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers

    async def run(self, caller: Caller, key: str, fingerprint: str, produce: Produce) -> Response:
        async def answer() -> Answer:
            return _kept(await produce())

        kept, replay = await self._answers.run(caller, key, fingerprint, answer)
        response = _response(kept)
        return replayed(response) if replay else response


def _kept(response: Response) -> Answer:
    head = [
        response.content_type.decode("latin-1"),
        *([name.decode("latin-1"), value.decode("latin-1")] for name, value in response.headers),
    ]
    return Answer(response.status, msgspec.json.encode(head).decode(), response.body.decode())


def _response(kept: Answer) -> Response:
    content_type, *headers = msgspec.json.decode(kept.headers)
    encoded = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers)
    return Response(kept.status, kept.body.encode(), content_type.encode("latin-1"), encoded)
