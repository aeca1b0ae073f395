"""`nrii`: reports what a source states to the national platform (NRII): once, in the right order.

- Equipment (4) goes first; customs data (5) and service records (6) follow only for instruments
  whose equipment was accepted, in this run or before.
- An object is sent once: what was accepted, or refused for what it says, is sent again only when
  its record has changed. A failure of the platform is tried again in the next run.
- A call is never repeated by itself. One that surely did not leave is as good as not sent; one that
  may have arrived is UNSURE and stays so until `resend_unsure` says otherwise.
- A run can be cut off anywhere and begun again. The platform is spared: a second after each 500.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters._nrii_report import (
    NriiObject,
    customs_object,
    equipment_object,
    record_object,
)
from adapters._nrii_service import CUSTOMS, EQUIPMENT, RECORD, WSDL, ReturnMeaning, meaning_of
from connectors.document import digest_of
from connectors.errors import (
    BadRequestError,
    PayloadError,
    SourceRefusedError,
    SourceUnavailableError,
)
from connectors.http.session import HttpSession
from connectors.soap import SoapService
from hub.clock import Clock
from hub.exchange.limits import (
    NRII_PAGE_ROWS,
    NRII_PAUSE_EACH,
    NRII_PAUSE_S,
    NRII_TOLD_MAX,
)
from hub.exchange.nrii_ledger import NriiLedger, SentObject
from hub.store.database import Database
from schema.canonical import parse_canonical

__all__ = ["NriiReport", "NriiReporter"]

OPERATION = "instruInfo"
VERSION = "sender"
TRIED_AGAIN = frozenset({ReturnMeaning.FAILED, ReturnMeaning.UNIT_UNKNOWN, ReturnMeaning.UNKNOWN})
"""What a code may mean that is no judgement of the object itself."""
_PAGE = """
SELECT DISTINCT ON (s.key) s.key, s.revision, b.canon
FROM {table} s JOIN entry_body b USING (entry_id)
WHERE s.source = %s AND NOT s.withdrawn AND s.key > %s
ORDER BY s.key, s.accepted_at DESC LIMIT %s
"""
_PRICES = """
SELECT b.canon FROM {table} s JOIN entry_body b USING (entry_id)
WHERE s.source = %s AND NOT s.withdrawn AND s.instrument_key = %s ORDER BY s.key
"""


@dataclass(kw_only=True)
class NriiReport:
    """What one run did; lists are bounded, counts are not."""

    counts: Counter[str] = field(default_factory=Counter)
    """Objects by type and what became of them: `4 ACCEPTED`."""
    told: list[str] = field(default_factory=list)
    """Each object that was not accepted, with the reason."""
    left_out: set[str] = field(default_factory=set)
    """Members about persons that the form has and that were not sent."""

    def note(self, one: NriiObject, what: str, why: str = "") -> None:
        """Count one object, and tell of it where there is something to tell."""
        self.counts[f"{one.type} {what}"] += 1
        self.left_out.update(one.left_out)
        if why and len(self.told) < NRII_TOLD_MAX:
            self.told.append(f"{one.type} {one.key}: {what} {why}")


class NriiReporter:
    """Reports to one account of the platform."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        session: HttpSession,
        facts: Mapping[str, Any],
        *,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._clock = clock
        self._session = session
        self._facts = facts
        self._version = str(facts.get("version", VERSION))
        self._ledger = NriiLedger(database, session.source)
        self._service = SoapService(path="cxf/instru", wsdl=WSDL)
        self._pause = pause
        self._calls = 0

    async def report(
        self, source: str, *, dry_run: bool = False, resend_unsure: bool = False
    ) -> NriiReport:
        """Send what a source states and the platform does not have; `dry_run` sends nothing."""
        run = _Run(NriiReport(), dry_run, resend_unsure)
        async with self._ledger.held():
            await self._all(source, run)
        return run.report

    async def _all(self, source: str, run: _Run) -> None:
        for kind, objects in (
            (EQUIPMENT, self._equipment(source)),
            (CUSTOMS, self._objects(source, "CustomsSupervision", customs_object)),
            (RECORD, self._objects(source, "ServiceRecord", record_object)),
        ):
            async for page in objects:
                await self._page(kind, page, run)

    async def _page(self, kind: str, page: list[tuple[int, NriiObject]], run: _Run) -> None:
        before = await self._ledger.sent(kind, [one.key for _, one in page])
        accepted = await self._accepted_of(page) if kind != EQUIPMENT else frozenset()
        for revision, one in page:
            known = [sent for sent in before if sent.key == one.key]
            if one.missing:
                run.report.note(one, "INCOMPLETE", f"lacks {', '.join(one.missing)}")
            elif kind != EQUIPMENT and one.instrument not in accepted | run.would_be_accepted:
                run.report.note(one, "WAITS", "its instrument is not accepted yet")
            elif self._is_done(one, known, run):
                continue
            elif run.dry_run:
                run.report.note(one, "WOULD_BE_SENT")
                run.would_be_accepted |= {one.instrument}
            else:
                await self._send(one, revision, run.report)

    async def _accepted_of(self, page: list[tuple[int, NriiObject]]) -> frozenset[str]:
        """Return the instruments of a page whose equipment the platform has accepted."""
        sent = await self._ledger.sent(EQUIPMENT, {one.instrument for _, one in page})
        return frozenset(each.key for each in sent if self._means(each) is ReturnMeaning.ACCEPTED)

    def _is_done(self, one: NriiObject, known: list[SentObject], run: _Run) -> bool:
        """Tell whether an object needs no sending, and count it so."""
        if not known or known[-1].digest != _digest(one):
            return False
        same = known[-1]
        if same.code is None:
            if run.resend_unsure:
                return False
            run.report.note(one, "UNSURE", "it may have arrived; look there, then --resend-unsure")
            return True
        meaning = self._means(same)
        if meaning in TRIED_AGAIN:
            return False
        why = "" if meaning is ReturnMeaning.ACCEPTED else f"{same.code} as before; correct it"
        run.report.note(one, "SENT_BEFORE" if not why else "REFUSED_BEFORE", why)
        return True

    def _means(self, sent: SentObject) -> ReturnMeaning | None:
        return None if sent.code is None else meaning_of(self._version, sent.code)[0]

    async def _send(self, one: NriiObject, revision: int, report: NriiReport) -> None:
        """Send one object; a line of the ledger is written before, and the answer after."""
        if self._calls and self._calls % NRII_PAUSE_EACH == 0:
            await self._pause(NRII_PAUSE_S)
        self._calls += 1
        digest = _digest(one)
        await self._ledger.begin(one.type, one.key, digest, revision, self._clock())
        arguments = {
            "insCode": str(self._facts.get("insCode", "")),
            "instruType": one.type,
            "instruList": json.dumps(one.wire, ensure_ascii=False),
        }
        try:
            reply = await self._service.call_text(self._session, OPERATION, arguments)
        except (SourceUnavailableError, SourceRefusedError, BadRequestError) as error:
            if not getattr(error, "was_sent", False):  # a refusal took nothing
                await self._ledger.forget(one.type, one.key, digest)
            raise
        code = reply.strip()
        await self._ledger.answered(one.type, one.key, digest, code, self._clock())
        meaning, words = meaning_of(self._version, code)
        is_accepted = meaning is ReturnMeaning.ACCEPTED
        report.note(one, meaning.value, "" if is_accepted else f"{code} {words}".strip())
        if meaning is ReturnMeaning.UNIT_UNKNOWN:
            raise PayloadError(
                self._session.source,
                f"the platform does not know the unit: {code} {words}",
                hint="correct facts.insCode in the file of this account",
            )

    async def _equipment(self, source: str) -> AsyncIterator[list[tuple[int, NriiObject]]]:
        async for rows in self._rows(source, "Instrument"):
            page = []
            for key, revision, record in rows:
                price = await self._price(source, key)
                page.append((revision, equipment_object(key, record, price, self._facts)))
            yield page

    async def _objects(
        self, source: str, record_type: str, made: Callable[[str, Any, Any], NriiObject]
    ) -> AsyncIterator[list[tuple[int, NriiObject]]]:
        async for rows in self._rows(source, record_type):
            yield [(revision, made(key, record, self._facts)) for key, revision, record in rows]

    async def _rows(
        self, source: str, record_type: str
    ) -> AsyncIterator[list[tuple[str, int, dict[str, Any]]]]:
        """Read what a source states of one type, page by page, by key."""
        after, statement = "", _PAGE.format(table=self._table(record_type))
        while True:
            rows = await self._database.writes.fetch_all(statement, (source, after, NRII_PAGE_ROWS))
            if rows:
                yield [(key, revision, parse_canonical(bytes(c))) for key, revision, c in rows]
            if len(rows) < NRII_PAGE_ROWS:
                return
            after = rows[-1][0]

    def _table(self, record_type: str) -> str:
        """Return the name of the table of what sources state of a type."""
        return self._database.records.tables[record_type].source.name

    async def _price(self, source: str, key: str) -> str | None:
        """Return what a source publishes of the prices of an instrument, in words."""
        statement = _PRICES.format(table=self._table("ServiceOffer"))
        rows = await self._database.writes.fetch_all(statement, (source, key))
        words = []
        for (canon,) in rows:
            offer = parse_canonical(bytes(canon))
            price = offer.get("price")
            if offer.get("priceNote"):
                words.append(offer["priceNote"])
            elif price:
                name = (offer.get("name") or {}).get("zh", offer["code"])
                words.append(f"{name} {price['amount']} {price['currency']}")
        return "；".join(words) or None


@dataclass
class _Run:
    report: NriiReport
    dry_run: bool
    resend_unsure: bool
    would_be_accepted: frozenset[str] = frozenset()
    """Instruments that a dry run takes for accepted."""


def _digest(one: NriiObject) -> bytes:
    return digest_of(json.dumps(one.wire, sort_keys=True, ensure_ascii=False).encode())
