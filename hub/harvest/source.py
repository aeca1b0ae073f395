"""`HarvestSource`: one deployed source: which adapter reads it, where it is, how it lets us in.

Addresses, credentials and facts of an installation are given by the operator; what a source is and
how its rows read stands in its adapter.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adapters import Adapter
from adapters._adapter import Mode
from adapters._proof import Judge
from connectors.limits import Limits
from connectors.reader import Session
from hub.harvest.connections import HubConnection, SourceConnection
from hub.harvest.drift import DriftMode
from hub.harvest.tables import TablesRoad
from hub.store.database import Database
from hub.store.feeds import FeedRow
from hub.store.homes import keep_homes
from hub.store.sources import register_source
from hub.watching.scrub import SCRUBBER
from schema.codes import SourceKind, SystemPurpose

__all__ = ["MODE", "HarvestSource", "register"]

MODE = "HARVEST"
"""How a deployed source comes in, at its registration and at its runs."""


@dataclass(frozen=True, kw_only=True)
class HarvestSource:
    """A source as this hub runs it."""

    id: str
    adapter: Adapter
    connection: SourceConnection
    institution: Mapping[str, Any] = field(default_factory=dict)
    """The Institution record it stands for, in wire form, where the adapter states none itself."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What the adapter's docstring asks for."""
    owners: tuple[str, ...] | None
    """Institutions it may speak for; None: anybody (a province platform)."""
    kind: SourceKind | None = None
    """What it is to them; by default their own system, or a platform."""
    purpose: SystemPurpose | None = None
    """What it is kept for; by default what its adapter says."""
    authority: str | None = None
    """Whose numbers it states: `<institution that operates the system>/<name of the system>`; by
    default its only owner and its id."""
    division_code: str | None = None
    """GB/T 2260 code of where its publisher sits."""
    limits: Limits = field(default_factory=Limits)
    tables: TablesRoad | None = None
    """Of a source that leaves tables in a folder: which mapping reads which file."""
    title_zh: str = ""
    title_en: str = ""
    drift: Mapping[str, DriftMode] = field(default_factory=dict)
    """What is done where the form of a list changes, by record type; the empty name: all others."""

    @property
    def judge(self) -> Judge | None:
        """What judges the receipts of a peer whose log the operator pinned."""
        return self.connection.judge if isinstance(self.connection, HubConnection) else None

    @property
    def origins(self) -> frozenset[str]:
        """Names of the logs of the hub that it is, as the operator pinned them."""
        if isinstance(self.connection, HubConnection):
            return self.connection.origins
        return frozenset()

    @property
    def sends_by_itself(self) -> bool:
        """Whether nobody asks it: its readings come as messages, as long as the hub runs."""
        feeds = self.adapter.feeds
        return bool(feeds) and all(feed.mode is Mode.PUSH for feed in feeds)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """Reach it for as long as the block runs; what lets us in is kept out of the log."""
        SCRUBBER.hide(*self.connection.secrets)
        async with self.connection.session(self.id, self.limits) as session:
            yield session


async def register(database: Database, source: HarvestSource, now: datetime) -> None:
    """Add a deployed source, or renew what describes it and its feeds; its history stays."""
    adapter = source.adapter
    await register_source(
        database,
        source.id,
        source.title_zh or adapter.title_zh,
        mode=MODE,
        now=now,
        owners=source.owners,
        kind=source.kind,
        purpose=(source.purpose or adapter.purpose).value,
        authority=source.authority,
        feeds=[
            FeedRow(
                record_type=feed.record_type,
                mode=feed.mode.value,
                every_s=None if feed.every is None else round(feed.every.total_seconds()),
                promised_freshness_s=round(feed.promised_freshness.total_seconds()),
            )
            for feed in adapter.feeds
        ],
        title_en=source.title_en or adapter.title_en,
        publisher=adapter.metadata.publisher_zh,
        division_code=source.division_code,
        via=sorted(source.origins),
        promised_freshness_s=int(adapter.promised_freshness.total_seconds()),
    )
    if isinstance(source.connection, HubConnection):
        async with database.writes.transaction() as connection:
            await keep_homes(
                connection, source.id, tuple(source.connection.homes), source.connection.place
            )
