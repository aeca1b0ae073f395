"""`steps`: what follows a booking, each step stated by the party that it is of.

- The owner of the instrument states use, result, charge and payment; the institution that ordered
  states the review. Each statement is a signed request, which the step names as its evidence.
- The hub moves no money: the payment step says who paid what against which invoice, and which part
  a voucher pays.
- Stated again, a step corrects itself; what was said before stays in the steps.
- A review of an order at another hub is passed on to it, as the order was.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

from hub.errors import ErrorCode, RefusedError
from hub.harvest.source import HarvestSource
from hub.intake.idempotency import check_key
from hub.orders.asked import PartnerRequest
from hub.orders.booking import alone_at
from hub.orders.entries import NO_ORDER, RECORD, KeptOrder, NextStep, OrderEntries, refused
from hub.orders.home_hub import Forwarded, HomeHubs, is_home_hub
from hub.orders.promised import forget, keep, taken
from hub.store.fair import Asker, FairQueue
from schema.codes import OrderState
from schema.records.order_path import HUB_ORDER, missing_in, reached_in

Sources: TypeAlias = Callable[[], Awaitable[Mapping[str, HarvestSource]]]
BY_USER = frozenset({OrderState.REVIEWED})
"""Steps that the institution that ordered states; the owner of the instrument states the others."""
NOT_YOURS = (
    "该步骤由另一方陈述",
    "another party states this step",
    "使用、结果、计费与支付由管理单位陈述，评价由用户单位陈述",
    "use, result, charge and payment are the owner's to state, the review is the user's",
)
NOT_HERE = (
    "该订单不在本枢纽",
    "this order is not held by this hub",
    "请在仪器的归属枢纽陈述，或由登记该订单的系统报送",
    "state it at the instrument's home hub, or let the system that keeps the order report it",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class StatedStep:
    """A step that somebody states of an order, with the items that come with it, in wire form."""

    order_id: str
    state: OrderState
    note: str | None = None
    items: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class StepAnswer:
    """How an order stands after a statement. `missing`: steps of a whole service not yet shown."""

    order_id: str
    state: OrderState
    missing: tuple[str, ...]
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class StepDesk:
    """Takes statements of what follows a booking."""

    entries: OrderEntries
    sources: Sources
    turns: FairQueue
    """Those of the booking desk: a statement holds a connection as a booking does."""
    home_hubs: HomeHubs

    async def state(self, asking: PartnerRequest, step: StatedStep) -> StepAnswer:
        """Add a step to an order, or correct one.

        Raises `RefusedError`: NOT_FOUND for an order that is none of the caller's, FORBIDDEN for a
        step that another party states, CONFLICT for one that cannot come now, BAD_USER_INPUT,
        IDEMPOTENCY_CONFLICT.
        """
        check_key(asking.idempotency)
        async with self.turns.turn(Asker(asking.client)):
            return await self._once(asking, step)

    async def _once(self, asking: PartnerRequest, step: StatedStep) -> StepAnswer:
        """Return the answer that this request has got already, or work for one and keep it."""
        database, mine = self.entries.database, (asking.client, asking.idempotency)
        earlier = await taken(database, *mine, self.entries.clock())
        if earlier is not None:
            told = earlier["step"]
            state, missing = OrderState[told["state"]], tuple(told["missing"])
            return StepAnswer(**{**told, "state": state, "missing": missing, "replayed": True})
        try:
            first = await self._own(asking, step)
            home = await self._home_of(asking, first, step)
            if home is None:
                answer = _answer(await self._stated(asking, first, step))
            else:
                answer = await self._passed_on(home, asking, step)
        except RefusedError:
            await forget(database, *mine)
            raise
        key = f"{first.record['instrumentKey']}/{first.record['localId']}"
        told = {**asdict(answer), "state": answer.state.value}
        await keep(database, *mine, {"step": told, "rows": [{"type": RECORD, "key": key}]})
        return answer

    async def _passed_on(
        self, home: HarvestSource, asking: PartnerRequest, step: StatedStep
    ) -> StepAnswer:
        """State a review at the home hub of an order, for a client that is registered here."""
        asked = Forwarded.review(asking, step.order_id, step.items["review"])
        told = await self.home_hubs.state_review(home, asked)
        return StepAnswer(
            order_id=step.order_id,
            state=OrderState[told["state"]],
            missing=tuple(map(str, told["missing"])),
        )

    async def _home_of(
        self, asking: PartnerRequest, kept: KeptOrder, step: StatedStep
    ) -> HarvestSource | None:
        """Return the hub that holds an order, where that is another one; None: this one."""
        source = (await self.sources()).get(kept.source)
        if source is None or not is_home_hub(source):
            return None
        if step.state not in BY_USER or asking.peer is not None:
            raise refused(ErrorCode.FORBIDDEN, NOT_HERE)
        return source

    async def _stated(
        self, asking: PartnerRequest, first: KeptOrder, step: StatedStep
    ) -> KeptOrder:
        async with alone_at(self.entries.database, str(first.record["instrumentKey"])):
            kept = await self._own(asking, step)
            if _says_nothing_new(kept, step):
                return kept
            made = NextStep(step.state, note=step.note, word=asking.word)
            await self.entries.add(kept.source, kept.record, made, **step.items)
            return await self._own(asking, step)

    async def _own(self, asking: PartnerRequest, step: StatedStep) -> KeptOrder:
        """Return the order of a step, where this caller may state it here."""
        kept = await self.entries.of_id(step.order_id)
        if kept is None or asking.party not in (kept.owner, kept.user):
            raise refused(ErrorCode.NOT_FOUND, NO_ORDER)
        if asking.peer is not None and not kept.number.startswith(f"{asking.client}:"):
            raise refused(ErrorCode.NOT_FOUND, NO_ORDER)  # a peer speaks of what it has placed
        if asking.party != (kept.user if step.state in BY_USER else kept.owner):
            raise refused(ErrorCode.FORBIDDEN, NOT_YOURS)
        if not str(kept.record["localId"]).startswith(HUB_ORDER):
            raise refused(ErrorCode.FORBIDDEN, NOT_HERE)
        return kept


def _answer(kept: KeptOrder) -> StepAnswer:
    missing = tuple(missing_in(kept.record["steps"]))
    return StepAnswer(order_id=kept.item_id, state=kept.state, missing=missing)


def _says_nothing_new(kept: KeptOrder, step: StatedStep) -> bool:
    """Whether an order says already what is stated."""
    same = all(kept.record.get(name) == value for name, value in step.items.items())
    return same and step.note is None and step.state in reached_in(kept.record["steps"])
