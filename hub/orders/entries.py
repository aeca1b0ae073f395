"""`entries`: an order as it stands at this hub, and its next step, with what vouches for that step.

What somebody states (the wish, a charge, a review) is vouched for by the request that they signed;
what the hub saw at the source of an instrument, by the hub and the hash of what it was told. The
step names both, and the entry keeps the signed request as evidence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

from hub.clock import Clock
from hub.errors import ErrorCode, RefusedError
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome, RequestSignature
from hub.intake.service import submit
from hub.store.database import Database
from schema.canonical import canonical
from schema.codes import OrderState
from schema.dates import format_instant
from schema.records import ServiceOrder
from schema.records.order_path import HUB_ORDER, may_follow, reached_in

RECORD = ServiceOrder.__name__
NO_ORDER = (
    "没有这个订单",
    "there is no such order",
    "订单编号与仪器须与预约时一致",
    "name the order and the instrument as they were booked",
)
NOT_NOW = (
    "订单此时不能进入该步骤",
    "this step cannot come now",
    "请先查看订单的过程（steps）",
    "look at the steps of the order first",
)


@dataclass(frozen=True, slots=True)
class SignedWord:
    """On whose word a step is: the party's, and the request in which it said so."""

    party: str
    request: RequestSignature


@dataclass(frozen=True, slots=True)
class NextStep:
    """A step that an order takes. `seen`: hash of what the hub was told; `word`: who said it."""

    state: OrderState
    note: str | None = None
    word: SignedWord | None = None
    seen: bytes | None = None

    def wire(self, at: datetime) -> dict[str, str]:
        """Return the step as it stands in the record."""
        evidence = self.word.request.hash if self.word else self.seen
        told = {
            "state": self.state.value,
            "at": format_instant(at),
            "note": self.note,
            "statedBy": self.word.party if self.word else None,
            "evidence": None if evidence is None else evidence.hex(),
        }
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptOrder:
    """An order as it stands here. `source`: the system that keeps its calendar, or a peer hub."""

    source: str
    authority: str
    item_id: str
    owner: str
    record: Mapping[str, Any]

    @property
    def state(self) -> OrderState:
        """Return how far it has gone."""
        return OrderState[self.record["state"]]

    @property
    def number(self) -> str:
        """Return its number at this hub, `<client>:<number>`."""
        return order_of(str(self.record["localId"]))

    @property
    def user(self) -> str | None:
        """Return the institution that ordered."""
        return self.record.get("userKey")

    def may_take(self, state: OrderState) -> bool:
        """Whether a step may come now."""
        return may_follow(reached_in(self.record["steps"]), state)


@dataclass(frozen=True, slots=True)
class OrderEntries:
    """Reads and states orders. `party`: the hub's own, which vouches for what it saw."""

    database: Database
    party: str
    clock: Clock

    async def at(self, source: str, instrument: str, order: str) -> KeptOrder | None:
        """Return the order of a number at a source."""
        key = f"{instrument}/{local_id(order)}"
        found = await self._where("s.source = %s AND s.key = %s", (source, key))
        return found[0] if found else None

    async def of_id(self, item_id: str) -> KeptOrder | None:
        """Return the order of an identity, where one source states it."""
        found = await self._where("s.item_id = %s", (item_id,))
        return found[0] if len(found) == 1 else None

    async def in_states(
        self, states: tuple[OrderState, ...], before: datetime, most: int
    ) -> list[KeptOrder]:
        """Return orders of this hub in some states that were stated before an instant."""
        return await self._where(
            "s.state = ANY(%s) AND s.local_id LIKE %s AND s.accepted_at < %s",
            ([each.value for each in states], f"{HUB_ORDER}%", before),
            f"ORDER BY random() LIMIT {most}",  # those that stay open keep no other one waiting
        )

    async def _where(
        self, condition: str, values: tuple[Any, ...], then: str = "LIMIT 2"
    ) -> list[KeptOrder]:
        table = self.database.records.tables[RECORD].source.name
        rows = await self.database.writes.fetch_all(
            f"SELECT s.source, s.authority, s.item_id, s.owner, b.canon FROM {table} s "  # noqa: S608 - own names
            f"JOIN entry_body b USING (entry_id) WHERE NOT s.withdrawn AND {condition} {then}",
            values,
        )
        return [
            KeptOrder(
                source=source,
                authority=authority,
                item_id=item_id,
                owner=owner,
                record=json.loads(canon),
            )
            for source, authority, item_id, owner, canon in rows
        ]

    async def begin(
        self, source: str, wish: Mapping[str, Any], word: SignedWord | None
    ) -> Mapping[str, Any]:
        """State an order for the first time: asked for, and not known to be booked."""
        now = self.clock()
        asked = NextStep(OrderState.REQUESTED, word=word).wire(now)
        held = NextStep(OrderState.TENTATIVE).wire(now)
        record = {**wish, "requestedAt": asked["at"], "steps": [asked, held]}
        return await self._put(source, {**record, "state": held["state"]}, word, now)

    async def add(
        self, source: str, record: Mapping[str, Any], step: NextStep, **items: Any
    ) -> Mapping[str, Any]:
        """State the next step of an order, with the items that come with it.

        Raises `RefusedError` CONFLICT where the step cannot come now.
        """
        if not may_follow(reached_in(record["steps"]), step.state):
            raise refused(ErrorCode.CONFLICT, NOT_NOW)
        now = self.clock()
        told = {name: value for name, value in items.items() if value is not None}
        steps = [*record["steps"], step.wire(now)]
        row = {**record, **told, "state": step.state.value, "steps": steps}
        return await self._put(source, row, step.word, now)

    async def _put(
        self, source: str, row: Mapping[str, Any], word: SignedWord | None, now: datetime
    ) -> Mapping[str, Any]:
        evidence = Evidence(
            assurance=Assurance.REQUEST_SIGNED if word else Assurance.HUB_OBSERVED,
            request=word.request if word else None,
            document_hash=None if word else sha256(canonical(dict(row))).digest(),
            run_id=None if word else f"booking {row['localId']}",
        )
        batch = Batch(
            source=source,
            party=word.party if word else self.party,
            channel=Channel.LIVE,
            rows=[{"type": RECORD, "record": dict(row)}],
            evidence=evidence,
            as_of=now,
        )
        (outcome,) = (await submit(self.database, batch, clock=self.clock)).rows
        if outcome.outcome is Outcome.QUARANTINED:
            told = "; ".join(f"{each.path} {each.code} {each.en}" for each in outcome.problems)
            told_zh = "；".join(f"{each.path} {each.code} {each.zh}" for each in outcome.problems)
            raise RefusedError(ErrorCode.BAD_USER_INPUT, hint=told, hint_zh=told_zh)
        return row


def local_id(order: str) -> str:
    """Return the number of the record of an order."""
    return f"{HUB_ORDER}{order}"


def order_of(number: str) -> str:
    """Return the number of an order, from that of its record."""
    return number.removeprefix(HUB_ORDER)


def refused(code: ErrorCode, words: tuple[str, str, str, str]) -> RefusedError:
    """Return a refusal in both languages: what, what, advice, advice."""
    zh, en, hint_zh, hint = words
    return RefusedError(code, zh, en, hint_zh=hint_zh, hint=hint)
