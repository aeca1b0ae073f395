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
from dataclasses import dataclass, field
from typing import Protocol

from hub.errors import RefusedError
from hub.store.copying import Connection
from hub.store.database import Database
from hub.store.locks import free_of_others
from hub.vouchers.ledger import locked, name_of_lock
from hub.vouchers.limits import ALONE_AT_ONCE, ROUND_MESSAGES_MAX, ROUNDS_AT_ONCE
from hub.vouchers.question import VoucherAsking, VoucherCase, VoucherTold, VoucherWanted
from hub.vouchers.statements import LedgerStatements
from schema.codes import VoucherEvent

_LOG = logging.getLogger(__name__)


class MessageJudge(Protocol):
    """Who knows what a message does."""

    def statements(self, issuer: str) -> LedgerStatements:
        """Return where what messages leave is collected."""

    async def look(
        self,
        connection: Connection,
        asking: VoucherAsking,
        wanted: VoucherWanted,
        *,
        is_whole: bool,
    ) -> VoucherCase | VoucherTold:
        """Return what a message is judged on, or the answer where nothing is left to judge.

        Writes nothing. `is_whole`: read all movements of the voucher. Raises `RefusedError`.
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

    async def take(self, asking: VoucherAsking, wanted: VoucherWanted) -> VoucherTold:
        """Take one message; raises what judging it raises."""
        told: asyncio.Future[VoucherTold] = asyncio.get_running_loop().create_future()
        self._waiting.append(WaitingMessage(asking, wanted, told))
        self._begin_soon()
        return await told

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
            task.add_done_callback(self._running.discard)

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
            looked = await asyncio.gather(
                *(
                    self._judge.look(connection, each.asking, each.wanted, is_whole=False)
                    for each in mine
                ),
                return_exceptions=True,
            )
            again: list[WaitingMessage] = []
            holders: set[str] = set()
            for each, case in sorted(zip(mine, looked, strict=True), key=_by_service):
                if isinstance(case, VoucherCase) and case.checked is not None:
                    holder = case.voucher.granted.holder
                    if holder in holders:
                        again.append(each)
                        continue
                    holders.add(holder)
                each.came = await self._judged(connection, case, statements)
            await statements.write(connection)
        alone = [each for each, is_free in zip(members, free, strict=True) if not is_free]
        return alone, again

    async def _judged(
        self,
        connection: Connection,
        case: VoucherCase | VoucherTold | BaseException,
        statements: LedgerStatements,
    ) -> VoucherTold | RefusedError:
        """Judge one message.

        Raises what it is refused for where it may have marked its service by then: the round ends,
        and with it the marks.
        """
        if isinstance(case, VoucherTold | RefusedError):
            return case
        if isinstance(case, BaseException):
            raise case
        try:
            return await self._judge.judge(connection, case, statements)
        except RefusedError as refused:
            if case.wanted.event is VoucherEvent.CONSUME:
                raise
            return refused

    async def _singly(self, message: WaitingMessage, *, is_whole: bool) -> None:
        """Take one message by itself, waiting for its voucher."""
        asking, wanted = message.asking, message.wanted
        try:
            async with self._alone, locked(self._database, *message.voucher) as connection:
                case = await self._judge.look(connection, asking, wanted, is_whole=is_whole)
                if isinstance(case, VoucherTold):
                    message.came = case
                else:
                    statements = self._judge.statements(wanted.issuer)
                    message.came = await self._judge.judge(connection, case, statements)
                    await statements.write(connection)
        except Exception as error:  # noqa: BLE001 - told to who sent the message
            message.came = error
        message.tell()
        self._busy.discard(message.voucher)
        self._begin_soon()


def _by_service(
    pair: tuple[WaitingMessage, VoucherCase | VoucherTold | BaseException],
) -> tuple[str, str]:
    wanted = pair[0].wanted
    return wanted.service or "", wanted.code
