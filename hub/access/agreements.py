"""`agreements`: what was granted to a party, from the records that grant (`schema.traits.Grants`).

- Intake takes such a record only from its owner or the operator, so every stored one is valid.
- Parties are compared by the name of their institution (`hub.identity.links`): what was granted to
  one of its keys holds for every key that is linked with it.
- Grants are cached for `AGREEMENT_CACHE_S`, so an agreement that ends stops within seconds.
- No scope gives more than the grants do.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import date, datetime

from hub.access.grants import Grant, PartyGrants, grants_on
from hub.clock import Clock
from hub.store.database import Database
from hub.store.records import StoredRecords
from hub.store.view import names_now
from schema.codes import AgreementDataset
from schema.dates import local_date
from schema.traits import Grants as Granting

AGREEMENT_CACHE_S = 5.0
"""Seconds after which grants are read again."""
PARTIES_CACHED_MAX = 10_000
"""Parties whose grants are cached."""
GRANTS_MAX = 10_000
"""Grants of one party that are read; the first by data set and provider."""


class Agreements:
    """What each party was granted, read from the stored records."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._statement = granted_statement(database.records)
        self._cached: OrderedDict[str, tuple[datetime, PartyGrants]] = OrderedDict()

    async def of(self, party: str | None) -> PartyGrants:
        """Return what a party may see today; no party (None) sees nothing that is protected."""
        if party is None or not self._statement:
            return PartyGrants(party)
        now = self._clock()
        cached = self._cached.get(party)
        if cached is not None and 0 <= (now - cached[0]).total_seconds() < AGREEMENT_CACHE_S:
            return cached[1]
        name = await self._name(party)
        grants = grants_on(local_date(now), name, await self._stated(name))
        self._cached[party] = (now, grants)
        self._cached.move_to_end(party)
        if len(self._cached) > PARTIES_CACHED_MAX:
            self._cached.popitem(last=False)
        return grants

    async def providers_changed(self, party: str | None, after: date, until: date) -> list[str]:
        """Return the providers whose grants to a party begin or end after a day, until another."""
        if party is None or not self._statement or until <= after:
            return []
        stated = await self._stated(await self._name(party))
        return sorted({grant.provider for grant in stated if grant.changes_between(after, until)})

    async def _name(self, party: str) -> str:
        """Return the name of the institution that a client acts for."""
        async with self._database.reads.connection() as connection:
            return (await names_now(connection, self._database.records)).party(party)

    async def _stated(self, party: str) -> list[Grant]:
        return [
            Grant(
                provider=owner,
                dataset=AgreementDataset[dataset],
                items=frozenset(items),
                since=since,
                until=until,
            )
            for dataset, owner, items, since, until in await self._database.reads.fetch_all(
                self._statement, {"party": party}
            )
        ]


def granted_statement(records: StoredRecords) -> str:
    """Return the statement for what was granted to `party`; empty when no record grants."""
    parts = [
        f"SELECT {trait.dataset} AS dataset, owner, {trait.fields}, {trait.since}, {trait.until} "
        f"FROM {records.tables[spec.name].read.name} "
        f"WHERE {trait.consumer} = %(party)s AND speaks"
        for spec, trait in records.registry.with_trait(Granting)
    ]
    return f"{' UNION ALL '.join(parts)} ORDER BY 1, 2 LIMIT {GRANTS_MAX}" if parts else ""
