"""`supervision`: what an office supervises in term, from the records that say so.

- A record with the trait `schema.traits.Supervises` names an office. What the office may see by it
  is declared with the rows (`schema.visibility.Supervised`); here is which keys that is about.
- The term by kind of goods is the law's (`hub.policy.customs.term`): what was released on the first
  day that is still in term today, or later, is in term. A kind that nobody states has the longest
  term, and goods without any day are in term: customs law treats them as supervised.
- Opens rights, so only who may speak for the owner is believed: a system that is registered for it,
  or a customs system. A platform that speaks for everybody opens nothing by what it says.
"""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, date, datetime
from typing import Any

from hub.access.grants import NOTHING_SUPERVISED, SupervisedKeys
from hub.identity.links import Names
from hub.identity.precedence import kind_for
from hub.policy.bounds import LackingError
from hub.policy.customs.term import first_release_in_term
from hub.policy.law import EVERYWHERE, Law, LawOnDay
from hub.store.database import Database
from schema.codes import CustomsGoodsKind, SourceKind, SystemPurpose
from schema.dates import local_day
from schema.traits import Supervises

SUPERVISED_MAX = 20_000
"""Supervisions in term of one office that are read; of further ones it sees nothing."""
ALWAYS = datetime.min.replace(tzinfo=UTC)
"""When supervision began of which no day is stated."""
_OWN_WORD = [SourceKind.OWN.value, SourceKind.DELEGATE.value]
_LOG = logging.getLogger(__name__)


class Supervisions:
    """Reads what offices supervise; every answer is for one day."""

    def __init__(self, database: Database, law: Law) -> None:
        self._database = database
        self._law = law
        self._tables = [
            (database.records.tables[spec.name].source.name, trait)
            for spec, trait in database.records.registry.with_trait(Supervises)
        ]

    async def keys(self, office: str, day: date, names: Names) -> SupervisedKeys:
        """Return what an office supervises on a day."""
        since: dict[str, datetime] = {}
        async for key, thing, _, began in self._believed(office, "in_term", (day, day), names):
            for each in (key, thing):
                since[each] = min(began, since.get(each, began))
        return SupervisedKeys.of(since) if since else NOTHING_SUPERVISED

    async def owners_left(self, office: str, after: date, until: date, names: Names) -> set[str]:
        """Return whose supervisions were in term on a day and are no more on a later one."""
        left = self._believed(office, "in_term AND NOT in_term_later", (after, until), names)
        return {owner async for _, _, owner, _ in left}

    async def _believed(
        self, office: str, condition: str, days: tuple[date, date], names: Names
    ) -> AsyncIterator[tuple[str, str, str, datetime]]:
        values = term_values(self._law, days[0], "day") | term_values(self._law, days[1], "later")
        for table, trait in self._tables:
            rows = await self._database.reads.fetch_all(
                _statement(table, trait, condition),
                {"office": office, "own_word": _OWN_WORD, **values},
            )
            if len(rows) > SUPERVISED_MAX:
                _LOG.warning("%s supervises more than %d items: raise it", office, SUPERVISED_MAX)
            for key, thing, owner, began, kind, owners in rows[:SUPERVISED_MAX]:
                if kind_for(kind, owners, owner, names.party) is not SourceKind.NONE:
                    yield key, thing, owner, ALWAYS if began is None else local_day(began)[0]


def term_values(law: Law, day: date, name: str) -> dict[str, Any]:
    """Return the values of the parameters that `in_term` names for a day."""
    first = dict(_first_releases(law.on(day, EVERYWHERE)))
    return {
        name: day,
        f"{name}_first": json.dumps({kind.name: on.isoformat() for kind, on in first.items()}),
        f"{name}_least": min(first.values(), default=date.max),
    }


def _first_releases(law: LawOnDay) -> Iterator[tuple[CustomsGoodsKind, date]]:
    """Give the first day of release that is in term, of each kind whose term the law states."""
    for kind in CustomsGoodsKind:
        try:
            yield kind, first_release_in_term(kind, law.day, law)
        except LackingError:
            continue


def _statement(table: str, trait: Supervises, condition: str) -> str:
    began = f"coalesce(x.{trait.released}, x.{trait.arrived})"
    return (
        f"SELECT x.key, x.thing, x.owner, x.began, s.kind, s.owners FROM ("  # noqa: S608 - own names
        f"SELECT x.key, x.{trait.thing} AS thing, x.owner, x.source, {began} AS began, "
        f"{in_term(trait, 'x', 'day')} AS in_term, {in_term(trait, 'x', 'later')} AS in_term_later "
        f"FROM {table} x WHERE x.{trait.office} = %(office)s AND x.speaks AND NOT x.withdrawn) x "
        f"JOIN source s ON s.source_id = x.source WHERE {condition} "
        f"AND (s.purpose = '{SystemPurpose.CUSTOMS.value}' OR s.kind = ANY(%(own_word)s)) "
        f"ORDER BY x.key LIMIT {SUPERVISED_MAX + 1}"
    )


def in_term(trait: Supervises, alias: str, day: str) -> str:
    """Return the condition that a supervision runs on the day whose parameters begin with `day`."""
    began = f"coalesce({alias}.{trait.released}, {alias}.{trait.arrived})"
    first = (
        f"coalesce((%({day}_first)s::jsonb ->> {alias}.{trait.kind})::date, %({day}_least)s::date)"
    )
    settled = f"coalesce({alias}.{trait.settled} <= %({day})s::date, false)"
    return f"(NOT {settled} AND coalesce({began} >= {first}, true))"
