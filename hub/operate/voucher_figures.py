"""`voucher_figures`: how far whoever follows the feed for vouchers is, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from hub.operate.limits import ENTRIES_COUNTED_MAX
from hub.store.copying import Connection
from hub.store.database import Database
from hub.vouchers.followed.findings import open_by_kind


@dataclass(frozen=True, slots=True, kw_only=True)
class VoucherFigures:
    """What vouchers wait for."""

    behind: int = 0
    """Entries of the feed that were not looked at for vouchers, at most `ENTRIES_COUNTED_MAX`."""
    behind_s: float = 0.0
    """Age of the oldest of them; 0 where there is none."""
    findings: Mapping[str, int] = field(default_factory=dict)
    """Findings that are open for a person, by kind."""


_BEHIND = f"""
SELECT count(*), min(accepted_at) FROM (
  SELECT e.accepted_at FROM entry e
  WHERE (e.xid, e.entry_id) > (
    coalesce((SELECT xid FROM voucher_place WHERE name = 'entry'), '0')::xid8,
    coalesce((SELECT entry_id FROM voucher_place WHERE name = 'entry'), 0))
  ORDER BY e.xid, e.entry_id LIMIT {ENTRIES_COUNTED_MAX}) w
"""  # noqa: S608 - constants


async def voucher_figures(
    database: Database, connection: Connection, now: datetime
) -> VoucherFigures:
    """Return how vouchers stand."""
    cursor = await connection.execute(_BEHIND.encode())
    row = await cursor.fetchone()
    behind, oldest = row or (0, None)
    return VoucherFigures(
        behind=behind,
        behind_s=0.0 if oldest is None else max(0.0, (now - oldest).total_seconds()),
        findings=await open_by_kind(database, connection),
    )
