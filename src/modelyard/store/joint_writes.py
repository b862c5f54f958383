"""Units that end in the same turn of the event loop, and have only one statement to run, as one statement.

As with reads (`store.joint`), a round trip has its price for both sides, a change's commit among it. Each is durable before it is answered.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence

from modelyard.errors import Unavailable
from modelyard.store.connection import Connection, ConnectionLostError
from modelyard.store.database import Row
from modelyard.store.joint import of_all
from modelyard.store.joint_batch import Shape, Work, give, join
from modelyard.store.meter import Cause, Meter, Retried
from modelyard.store.pool import Pool
from modelyard.store.statements import Statement
from modelyard.tally import current_tally

MOST = 16
"""Units that share a statement."""
SHY = 100
"""After a statement has failed, so many units that begin likewise run alone: a client whose every other change is refused costs the others
little.
"""
MOST_TEXT = 4_000_000
"""Characters of the rows of all who share a statement. With more, each runs alone: one that PostgreSQL finds too large harms no other."""


class _Member:
    __slots__ = ("answer", "sent", "work")

    def __init__(self, work: Work, answer: "asyncio.Future[bool]") -> None:
        self.work = work
        self.answer = answer
        """Whether it is done; else it has to be done alone."""
        self.sent: asyncio.Task[None] | None = None
        """What waits for the statement's answer, once that has been sent."""

    def tell(self, done: bool) -> None:  # noqa: FBT001 - what it tells
        if not self.answer.done():  # else its unit has been cancelled
            self.answer.set_result(done)

    def fail(self, error: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)


class JointWrites:
    def __init__(self, connections: Pool[Connection], meter: Meter) -> None:
        self._pool = connections
        self._meter = meter
        self._members: dict[Shape, list[_Member]] = {}
        """Those of this turn."""
        self._shy: Counter[Statement] = Counter()
        self._running: set[asyncio.Task[None]] = set()

    async def done(self, work: Work) -> bool:
        """Do it together with others. False: it has not been done and is to be done alone.

        Raises `ConnectionLostError`, and `Unavailable` where it would have been raised alone. When the caller is cancelled before the
        statement is sent it is not done. After that it may be, whole, and the caller waits until nothing of it is under way any more,
        unless it is cancelled once more.
        """
        first = work.changes[0].statement
        if self._shy[first] > 0:
            self._shy[first] -= 1
            return False
        loop, started = asyncio.get_running_loop(), time.perf_counter()
        member = _Member(work, loop.create_future())
        if not self._members:
            loop.call_soon(self._begin, context=of_all())
        self._members.setdefault(work.shape, []).append(member)
        try:
            if not await member.answer:
                return False
        except asyncio.CancelledError:
            if member.sent is not None:
                await asyncio.wait([member.sent])
            raise
        tally = current_tally.get()
        tally.statements += 1
        tally.seconds += time.perf_counter() - started
        return True

    def _begin(self) -> None:
        loop = asyncio.get_running_loop()
        everyone, self._members = self._members, {}
        for members in everyone.values():
            wanted = [one for one in members if not one.answer.done()]
            try:
                groups = _groups(wanted)
            except Exception as error:  # noqa: BLE001 - a flaw of ours, which is told; nobody waits for ever because of it
                loop.call_exception_handler({"message": "units could not be put together", "exception": error})
                groups = [[one] for one in wanted]
            for group in groups:
                if len(group) == 1:
                    _alone(group)
                    continue
                task = loop.create_task(self._run(group))
                self._running.add(task)
                task.add_done_callback(self._running.discard)

    async def _run(self, group: list[_Member]) -> None:
        try:
            await self._answer(group)
        except BaseException:
            for one in group:  # nobody waits for ever, nor does again what may have been done
                one.fail(ConnectionLostError("what units share was interrupted"))
            raise

    async def _answer(self, group: list[_Member]) -> None:
        first = group[0].work.changes[0].statement
        try:
            row = await self._together(group, first)
        except (ConnectionLostError, Unavailable) as error:
            for one in group:
                one.fail(error)
        except _NotSentError:
            _alone(group)
        except Exception:  # noqa: BLE001 - whose error it is, each finds out alone, and says it in its own words
            self._shy[first] = SHY
            self._meter.retries[Retried.SHARED, Cause.REFUSED] += 1
            _alone(group)
        else:
            give([one.work for one in group], row)
            for one in group:
                one.tell(True)  # noqa: FBT003 - see `tell`

    async def _together(self, group: list[_Member], first: Statement) -> Row:
        """Takes out of the group who has been cancelled before it has a connection."""
        sql, arguments = join([one.work for one in group])
        if sum([len(rows) for rows in arguments if type(rows) is str]) > MOST_TEXT:
            self._shy[first] = SHY
            raise _NotSentError
        connection = self._pool.take() or await self._pool.wait()
        wanted = [one for one in group if not one.answer.done()]
        if len(wanted) < len(group):
            group[:] = wanted
            if len(wanted) < 2:
                self._pool.give(connection)
                raise _NotSentError
            sql, arguments = join([one.work for one in wanted])
        task = asyncio.current_task()
        for one in group:
            one.sent = task
        started = time.perf_counter()
        try:
            row = await connection.row(sql, arguments)
        except Exception as error:
            meaning = connection.meaning(error)
            self._pool.give(connection)
            if meaning is error:
                raise
            raise meaning from error
        except BaseException:
            self._pool.discard(connection)
            raise
        finally:
            self._meter.ran(f"batch: {first.name}", time.perf_counter() - started, None)
        self._pool.give(connection)
        assert row is not None  # noqa: S101 - the statement has one row
        return row


class _NotSentError(Exception):
    """The statement was not sent, and is not to be: each runs alone."""


def _alone(members: Sequence[_Member]) -> None:
    for one in members:
        one.tell(False)  # noqa: FBT003 - see `tell`


def _groups(members: Sequence[_Member]) -> list[list[_Member]]:
    """Those that may share a statement, each in the order in which all processes lock."""
    groups: list[list[_Member]] = []
    seen: list[tuple[set[object], set[object]]] = []
    for member in sorted(members, key=lambda one: one.work.place) if len(members) > 1 else members:
        for group, (looked_at, changed) in zip(groups, seen, strict=True):
            if len(group) < MOST and member.work.apart(looked_at, changed):
                break
        else:
            group, looked_at, changed = [], set(), set()
            groups.append(group)
            seen.append((looked_at, changed))
        group.append(member)
        looked_at |= member.work.looked_at
        changed |= member.work.changed
    return groups
