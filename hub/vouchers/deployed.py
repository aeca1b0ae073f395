"""`deployed`: the attestation desk of a hub as its settings say, for the hub and for commands."""

from __future__ import annotations

from collections.abc import Callable

from hub.access.agreements import Agreements
from hub.clock import Clock
from hub.crypto.keys import SigningKey
from hub.customs.service import CustomsDesk
from hub.policy.law import current_law
from hub.settings import Settings
from hub.store.database import Database
from hub.vouchers.attesting import AttestationDesk
from hub.vouchers.stored import StoredServices


def attestation_desk(
    settings: Settings,
    database: Database,
    agreements: Agreements,
    customs: CustomsDesk,
    clock: Clock,
    key: Callable[[], SigningKey],
) -> AttestationDesk:
    """Return who attests claims in this hub's name, over its own log."""
    return AttestationDesk(
        database,
        StoredServices(database, customs, current_law(), settings.log_origin),
        agreements,
        clock,
        base=settings.base,
        origin=settings.log_origin,
        key=key,
    )
