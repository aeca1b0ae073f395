"""`hooks`: what GraphQL uses of other parts of the hub, as types that `hub.app` implements."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hub.access.gate import Signed
from hub.access.rates import RateStanding
from hub.access.resource import Caller
from hub.audit.protected import ProtectedRead
from hub.customs.service import CustomsDesk
from hub.exchange.exports.service import ExportDesk
from hub.exchange.page import FollowChanges
from hub.intake.batch import Batch, Outcomes
from hub.orders.partner import PartnerDesk
from hub.query.plan.limits import QueryLimits
from hub.query.sql.model import Model
from hub.receipts.answer import Receipts
from hub.vouchers.served import NO_VOUCHERS, ServedVouchers

Submit = Callable[[Batch], Awaitable[Outcomes]]
"""`hub.intake.service.submit`, bound to a database and a clock."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ServiceFacts:
    """The facts that `serviceInfo` answers."""

    version: str
    standard_version: str
    sandbox: bool


@dataclass(frozen=True, slots=True)
class RequestAllowance:
    """How much a caller may ask: of requests, where it is counted, and of cost."""

    requests: RateStanding | None
    limits: QueryLimits
    is_known: bool
    """It has shown a token."""


RootReader = Callable[[Any], Awaitable[Any]]
"""Takes graphql-core's info of a resolver and returns the value of its root field."""


@dataclass(kw_only=True, slots=True)
class RequestContext:
    """What resolvers of one request share."""

    caller: Caller
    now: datetime
    language: str
    facts: ServiceFacts
    model: Model
    read: RootReader
    charge: Callable[[int], Awaitable[None]]
    """Charges the caller a cost that no compiled statement accounts for."""
    submit: Submit | None = None
    receipts: Receipts | None = None
    changes: FollowChanges | None = None
    customs: CustomsDesk | None = None
    bookings: PartnerDesk | None = None
    vouchers: ServedVouchers = NO_VOUCHERS
    is_event: bool = False
    """Whether it is one event of a subscription (`hub.graphql.streaming`)."""
    exports: ExportDesk | None = None
    allowance: RequestAllowance | None = None
    request_id: str = ""
    signed: Signed | None = None
    reads: set[ProtectedRead] = field(default_factory=set)
    """Where resolvers note what they read that not everybody may read."""
    errors: Sequence[Any] = ()
