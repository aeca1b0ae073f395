"""`rounds`: messages that wait at the same time are taken in one transaction.

- A round has messages of one issuer, each about another voucher. It locks those vouchers that
  nobody else is at work on, looks at all of them side by side, judges one after the other, writes
  what they leave as one batch, and ends once. So under load the work of a transaction is shared,
  and a message that comes alone waits for nothing.
- Whether a message is taken does not depend on its company: where a round cannot be written whole,
  nothing of it is, and each message is taken by itself, read from all movements of its voucher.
- A voucher that somebody else has locked is waited for outside of rounds, so a round waits for no
  voucher. Services are marked in the order of their keys, so two rounds do not wait for each other.
- What is checked for one holder goes in rounds one after the other, for its year is counted.
- A message that was begun is ended, also if who sent it has gone: the same request again is told.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from hub.errors import RefusedError
from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.locks import free_of_others
from hub.vouchers.limits import ALONE_AT_ONCE, ROUND_MESSAGES_MAX, ROUNDS_AT_ONCE
from hub.vouchers.marks import ServicesApart
from hub.vouchers.money.ledger import locked, name_of_lock
from hub.vouchers.money.statements import LedgerStatements
from hub.vouchers.question import (
    LookedAt,
    VoucherAsking,
    VoucherCase,
    VoucherMessageSent,
    VoucherTold,
    VoucherWanted,
)
from schema.codes import VoucherEvent

_LOG = logging.getLogger(__name__)


class MessageJudge(Protocol):
    """Who knows what a message does."""

    def statements(self, issuer: str) -> LedgerStatements:
        """Return where what messages leave is collected."""

    async def look(
        self, connection: Connection, messages: Sequence[VoucherMessageSent], *, is_whole: bool
    ) -> list[LookedAt]:
        """Return each message with its voucher, or its answer where nothing is left to judge.

        Writes nothing. `is_whole`: read all movements of the vouchers.
        """

    async def check(self, cases: Sequence[VoucherCase]) -> list[VoucherCase | BaseException]:
        """Return each case with what is known of its service, where it needs that."""

    async def mark(self, connection: Connection, cases: Sequence[VoucherCase]) -> list[VoucherCase]:
        """Return cases, of which no two meet each other, with the other claims that they meet.

        What is claimed is marked from here on: a round that does not go on has to end.
        """

    async def judge(
        self, connection: Connection, case: VoucherCase, statements: LedgerStatements
    ) -> VoucherTold:
        """Return what comes of a message; what it leaves is in `statements`."""


@dataclass(eq=False, slots=True)
class WaitingMessage:
    """A message, and who waits for its answer."""

    asking: VoucherAsking
    wanted: VoucherWanted
    told: asyncio.Future[VoucherTold]
    came: VoucherTold | BaseException | None = field(default=None)
    """What came of it, told once the transaction has ended."""

    @property
    def voucher(self) -> tuple[str, str]:
        """Return which voucher it is about."""
        return self.wanted.issuer, self.wanted.code

    def tell(self) -> None:
        """Answer who waits, if somebody still does."""
        if self.told.done():
            return
        if isinstance(self.came, BaseException):
            self.told.set_exception(self.came)
        elif self.came is not None:
            self.told.set_result(self.came)


class MessageRounds:
    """Takes messages in rounds; see the module."""

    def __init__(self, database: Database, judge: MessageJudge) -> None:
        self._database = database
        self._judge = judge
        self._waiting: deque[WaitingMessage] = deque()
        self._busy: set[tuple[str, str]] = set()
        self._running: set[asyncio.Task[None]] = set()
        self._rounds = 0
        self._is_beginning = False
        self._alone = asyncio.Semaphore(ALONE_AT_ONCE)
        self._idle = asyncio.Event()
        self._idle.set()

    async def take(self, asking: VoucherAsking, wanted: VoucherWanted) -> VoucherTold:
        """Take one message; raises what judging it raises."""
        told: asyncio.Future[VoucherTold] = asyncio.get_running_loop().create_future()
        self._waiting.append(WaitingMessage(asking, wanted, told))
        self._idle.clear()
        self._begin_soon()
        return await told

    async def idle(self, most_s: float) -> None:
        """Wait until no message is under way, at most for so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(most_s):
                await self._idle.wait()

    def _begin_soon(self) -> None:
        """Begin rounds once those who were told at the same time have said what they want next."""
        if not self._is_beginning:
            self._is_beginning = True
            asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        """Begin as many rounds as there may be."""
        self._is_beginning = False
        while self._rounds < ROUNDS_AT_ONCE and (members := self._picked()):
            self._rounds += 1
            self._busy |= {each.voucher for each in members}
            task = asyncio.create_task(self._round(members))
            self._running.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not self._running and not self._waiting:
            self._idle.set()

    def _picked(self) -> list[WaitingMessage]:
        """Take the messages of the next round from those that wait, in the order they came."""
        picked: list[WaitingMessage] = []
        vouchers: set[tuple[str, str]] = set()
        requests: set[str] = set()
        left: deque[WaitingMessage] = deque()
        for each in self._waiting:
            if each.told.done():  # who sent it has gone, and nothing was begun
                continue
            is_fitting = not picked or each.wanted.issuer == picked[0].wanted.issuer
            is_free = each.voucher not in self._busy | vouchers
            is_free = is_free and each.asking.request not in requests
            if is_fitting and is_free and len(picked) < ROUND_MESSAGES_MAX:
                picked.append(each)
                vouchers.add(each.voucher)
                requests.add(each.asking.request)
            else:
                left.append(each)
        self._waiting = left
        return picked

    async def _round(self, members: Sequence[WaitingMessage]) -> None:
        """Take some messages, together or else each alone, and answer all of them."""
        alone, again, is_whole = list(members), list[WaitingMessage](), False
        try:
            alone, again = await self._together(members)
        except Exception as error:  # noqa: BLE001 - whatever it is, it meets the one it is about
            _LOG.info("a round of %d messages is taken singly: %s", len(members), error)
            is_whole = True
        finally:
            self._rounds -= 1
        for each in members:
            if each not in alone:
                if each not in again:
                    each.tell()
                self._busy.discard(each.voucher)
        self._waiting.extendleft(reversed(again))
        self._begin_soon()
        await asyncio.gather(*(self._singly(each, is_whole=is_whole) for each in alone))

    async def _together(
        self, members: Sequence[WaitingMessage]
    ) -> tuple[list[WaitingMessage], list[WaitingMessage]]:
        """Take messages in one transaction.

        Returns those whose voucher another one holds, and those that must see first what came of
        another message for the same holder, whose year is counted.
        """
        async with self._database.writes.transaction() as connection:
            free = await free_of_others(
                connection, [name_of_lock(*each.voucher) for each in members]
            )
            mine = [each for each, is_free in zip(members, free, strict=True) if is_free]
            statements = self._judge.statements(members[0].wanted.issuer)
            again = await self._side_by_side(connection, mine, statements)
            await statements.write(connection)
        alone = [each for each, is_free in zip(members, free, strict=True) if not is_free]
        return alone, again

    async def _side_by_side(
        self,
        connection: Connection,
        members: Sequence[WaitingMessage],
        statements: LedgerStatements,
        *,
        is_whole: bool = False,
    ) -> list[WaitingMessage]:
        """Look at messages together, and judge one after the other what comes of each.

        Returns those that have to see first what came of another one. Raises what a claim is
        refused for whose service may be marked by then: the round ends, and with it the marks.
        """
        asked = [(each.asking, each.wanted) for each in members]
        looked = await self._judge.look(connection, asked, is_whole=is_whole)
        begun, again = _first_of_holder(_ready(members, looked))
        checked = await self._judge.check([case for _, case in begun])
        apart, later = _apart(_ready([each for each, _ in begun], checked))
        cases = await self._judge.mark(connection, [case for _, case in apart])
        for (each, _), case in zip(apart, cases, strict=True):
            try:
                each.came = await self._judge.judge(connection, case, statements)
            except RefusedError as refused:
                if case.wanted.event is VoucherEvent.CONSUME:
                    raise
                each.came = refused
        return [*again, *later]

    async def _singly(self, message: WaitingMessage, *, is_whole: bool) -> None:
        """Take one message by itself, waiting for its voucher."""
        try:
            async with self._alone, locked(self._database, *message.voucher) as connection:
                statements = self._judge.statements(message.wanted.issuer)
                await self._side_by_side(connection, [message], statements, is_whole=is_whole)
                await statements.write(connection)
        except Exception as error:  # noqa: BLE001 - told to who sent the message
            message.came = error
        message.tell()
        self._busy.discard(message.voucher)
        self._begin_soon()


Begun: TypeAlias = tuple[WaitingMessage, VoucherCase]


def _ready(members: Sequence[WaitingMessage], looked: Sequence[LookedAt]) -> list[Begun]:
    """Return messages that are still to be judged; the others have their answer."""
    ready: list[Begun] = []
    for each, case in zip(members, looked, strict=True):
        if isinstance(case, VoucherCase):
            ready.append((each, case))
        elif isinstance(case, VoucherTold | RefusedError):
            each.came = case
        else:
            raise case
    return ready


def _first_of_holder(begun: Sequence[Begun]) -> tuple[list[Begun], list[WaitingMessage]]:
    """Return messages of which one holder has one that is checked, and those that come after.

    The year of a holder is counted, and a message counts what those before it took.
    """
    first: list[Begun] = []
    again: list[WaitingMessage] = []
    holders: set[str] = set()
    for each, case in sorted(begun, key=_by_service):
        holder = case.voucher.granted.holder
        if case.wanted.is_checked and holder in holders:
            again.append(each)
            continue
        if case.wanted.is_checked:
            holders.add(holder)
        first.append((each, case))
    return first, again


def _apart(begun: Sequence[Begun]) -> tuple[list[Begun], list[WaitingMessage]]:
    """Return messages whose services do not meet each other, and those that come after."""
    apart: list[Begun] = []
    again: list[WaitingMessage] = []
    services = ServicesApart()
    for each, case in begun:
        if case.claimed is None or services.add(case.claimed):
            apart.append((each, case))
        else:
            again.append(each)
    return apart, again


def _by_service(pair: Begun) -> tuple[str, str]:
    wanted = pair[0].wanted
    return wanted.service or "", wanted.code
