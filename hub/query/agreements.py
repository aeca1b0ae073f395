"""`agreements`: whose protected data a party may see today.

- A party sees its own; beyond that, what an agreement valid today covers: a whole data set of a
  provider, or the items that it names.
- An operator sees everything.
- Grants are at most `AGREEMENT_CACHE_S` old, so an agreement that ends stops within seconds.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from datetime import datetime

from hub.clock import Clock
from hub.query.grants import Grants
from hub.store.database import Database
from schema.codes import AgreementDataset
from schema.dates import local_date

AGREEMENT_CACHE_S = 5.0
"""Age after which grants are read again."""
PARTIES_CACHED_MAX = 10_000
"""Parties whose grants are kept."""
OPERATOR_SCOPE = "operator:policy"
"""Whoever sets the rules sees what they apply to."""

_VALID = (
    "SELECT dataset, provider_key, fields FROM agreement_source WHERE consumer_key = %s"
    " AND NOT withdrawn AND (valid_from IS NULL OR valid_from <= %s)"
    " AND (valid_until IS NULL OR valid_until >= %s) ORDER BY dataset, provider_key LIMIT 10000"
)


class Agreements:
    """Grants by party, from the agreements in the store."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._kept: OrderedDict[str, tuple[datetime, Grants]] = OrderedDict()

    async def of(self, party: str | None, scopes: frozenset[str]) -> Grants:
        """Return what a party may see; nobody's party sees nothing that is protected."""
        if OPERATOR_SCOPE in scopes:
            return Grants(party, everything=True)
        if party is None:
            return Grants(None)
        now = self._clock()
        kept = self._kept.get(party)
        if kept is not None and 0 <= (now - kept[0]).total_seconds() < AGREEMENT_CACHE_S:
            return kept[1]
        grants = await self._read(party, now)
        self._kept[party] = (now, grants)
        self._kept.move_to_end(party)
        if len(self._kept) > PARTIES_CACHED_MAX:
            self._kept.popitem(last=False)
        return grants

    async def _read(self, party: str, now: datetime) -> Grants:
        today = local_date(now)
        whole: defaultdict[AgreementDataset, list[str]] = defaultdict(list)
        partly: defaultdict[AgreementDataset, defaultdict[str, list[str]]] = defaultdict(
            lambda: defaultdict(list)
        )
        for name, provider, fields in await self._database.reads.fetch_all(
            _VALID, (party, today, today)
        ):
            dataset = AgreementDataset[name]
            if not fields:
                whole[dataset].append(provider)
            for item in fields:
                partly[dataset][item].append(provider)
        return Grants(
            party,
            whole={key: tuple(value) for key, value in whole.items()},
            partly={
                key: {item: tuple(owners) for item, owners in value.items()}
                for key, value in partly.items()
            },
        )
