"""`agreements`: what was granted to a party, from the records that grant (`schema.traits.Grants`).

- Intake takes such a record only from its owner or the operator, so every stored one is valid.
- Parties are compared by the name of their institution (`hub.identity.links`): what was granted to
  one of its keys holds for every key that is linked with it.
- Grants are cached for `AGREEMENT_CACHE_S`, so an agreement that ends stops within seconds.
- What a customs office supervises opens rows to it like a grant (`hub.access.supervision`), and is
  read and cached with them.
- No scope gives more than the grants do.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from datetime import date, datetime

from hub.access.grants import Grant, PartyGrants, grants_on
from hub.access.supervision import Supervisions
from hub.clock import Clock
from hub.identity.links import Names
from hub.policy.law import Law, current_law
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

    def __init__(self, database: Database, clock: Clock, law: Law | None = None) -> None:
        self._database = database
        self._clock = clock
        self._supervisions = Supervisions(database, law or current_law())
        self._statement = granted_statement(database.records)
        self._cached: OrderedDict[str, tuple[datetime, PartyGrants]] = OrderedDict()

    async def of(self, party: str | None) -> PartyGrants:
        """Return what a party may see today; no party (None) sees nothing that is protected."""
        if party is None:
            return PartyGrants(party)
        now = self._clock()
        cached = self._cached.get(party)
        if cached is not None and 0 <= (now - cached[0]).total_seconds() < AGREEMENT_CACHE_S:
            return cached[1]
        names = await self._names()
        name, day = names.party(party), local_date(now)
        grants = replace(
            grants_on(day, name, await self._stated(name)),
            supervised=await self._supervisions.keys(name, day, names),
        )
        self._cached[party] = (now, grants)
        self._cached.move_to_end(party)
        if len(self._cached) > PARTIES_CACHED_MAX:
            self._cached.popitem(last=False)
        return grants

    async def providers_changed(self, party: str | None, after: date, until: date) -> list[str]:
        """Return the parties of whose data a party sees other things on a later day.

        Their grants to it begin or end, or it supervises something of theirs no longer.
        """
        if party is None or until <= after:
            return []
        names = await self._names()
        name = names.party(party)
        stated = await self._stated(name)
        turned = {grant.provider for grant in stated if grant.changes_between(after, until)}
        return sorted(turned | await self._supervisions.owners_left(name, after, until, names))

    async def _names(self) -> Names:
        """Return the present names of institutions."""
        async with self._database.reads.connection() as connection:
            return await names_now(connection, self._database.records)

    async def _stated(self, party: str) -> list[Grant]:
        if not self._statement:
            return []
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
