"""`world`: the rows that the table speaks of, put into a hub, and everything that was ever stated.

Each row is stated twice, the second time corrected; of each record type and owner one more is
stated and withdrawn. An institution has one key only, so its own was withdrawn and stated anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hub.clock import system_clock
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome, RowOutcome
from hub.intake.service import submit
from hub.store.database import Database
from hub.store.sources import register_source
from tests.integration.rights.rows import MAKE, Blank, key_in, owner_in, ranked
from tests.integration.rights.table import Row, Table

HUB = "hub:delta.example"
MANY = {"UsageRecord": ("1", "2", "3"), "ServiceRecord": ("1", "2", "3"), "Institution": ("1",)}
STANDS, OLD, GONE, TOMBSTONE = "stands", "old", "gone", "tombstone"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What was stated once: of which row, what, and how it stands now."""

    row: Row
    state: str
    stated: Mapping[str, Any]
    entry_id: str
    revision_id: str
    number: str

    @property
    def stands(self) -> bool:
        return self.state == STANDS


@dataclass
class Stock:
    """Rows that stand, what was ever stated, and what rows are sorted by."""

    rows: dict[str, list[Row]] = field(default_factory=lambda: defaultdict(list))
    entries: list[Entry] = field(default_factory=list)
    ids: dict[tuple[str, str], str] = field(default_factory=dict)
    ranks: dict[tuple[str, str], int] = field(default_factory=dict)


def harvested(source: str, rows: list[Any], *, dry_run: bool = False) -> Batch:
    """Return a batch as the hub makes it when it reads a source."""
    return Batch(
        source=source,
        party=HUB,
        channel=Channel.HARVEST,
        rows=rows,
        evidence=Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="1"),
        as_of=system_clock(),
        dry_run=dry_run,
    )


def withdrawal(record: str, key: str) -> dict[str, Any]:
    """Return the row that withdraws a record."""
    return {"type": record, "withdraw": {"key": key, "reason": "test"}}


class Builder:
    """Puts the world into a database."""

    def __init__(self, database: Database, table: Table) -> None:
        self.database = database
        self.table = table
        self.stock = Stock()
        self._names = {said["key"]: name for name, said in table.parties.items()}

    async def build(self) -> Stock:
        """Register the sources and state everything."""
        for source, said in self.table.sources.items():
            owners = said["speaks_for"]
            keys = None if owners == "anybody" else [self.table.key(each) for each in owners]
            await register_source(
                self.database,
                source,
                source,
                mode="PUSH",
                owners=keys,
                authority=f"platform:{source}/lims",
                now=system_clock(),
            )
        blanks = self._blanks()
        gone = [pair for pair in blanks if pair[1].number == "gone"]
        kept = [pair for pair in blanks if pair[1].number != "gone"]
        await self._state(GONE, gone)
        await self._withdraw(gone)
        await self._state(OLD, kept)
        await self._state(STANDS, self._sorted_against_their_ids(kept))
        await self._agree()
        return self.stock

    def _blanks(self) -> list[tuple[str, Blank]]:
        made = []
        for owner, said in self.table.parties.items():
            if "source" not in said:
                continue
            speaks_for = self.table.sources[said["source"]]["speaks_for"]
            for record, about in self.table.records.items():
                if about["gives"] == "right" and speaks_for == "anybody":
                    continue  # a platform gives no rights; who decides has a source of his own
                made += [
                    (record, self.blank(owner, number))
                    for number in (*MANY.get(record, ("1", "2")), "gone")
                ]
        return made

    def blank(self, owner: str, number: str) -> Blank:
        """Return what a record of an owner is made from: 1 and 3 name the user institution."""
        named = "N" if number == "2" or owner == "U" else "U"
        return Blank(
            owner=self.table.key(owner),
            number=number,
            named=self.table.key(named),
            mark="gone" if number == "gone" else "first",
            is_personal=number != "3",
        )

    def _sorted_against_their_ids(self, kept: list[tuple[str, Blank]]) -> list[tuple[str, Blank]]:
        """Give ranks so that rows sorted by any value come in the reverse order of their ids."""
        corrected = []
        for record in MAKE:
            found = {key_in(name, MAKE[name](of)): of for name, of in kept if name == record}
            order = sorted(found, key=lambda key: self.stock.ids[record, key], reverse=True)
            for rank, key in enumerate(order, start=1):
                self.stock.ranks[record, key] = rank
                corrected.append((record, ranked(found[key], rank)))
        return corrected

    async def _state(self, state: str, pairs: list[tuple[str, Blank]]) -> None:
        by_source: dict[str, list[tuple[str, Blank, dict[str, Any]]]] = defaultdict(list)
        for record, of in pairs:
            makes = self._mistaken(record, of) if state == OLD else of
            source = self._source(record, of)
            by_source[source].append((record, of, MAKE[record](makes)))
        for source, stated in by_source.items():
            rows = [{"type": record, "record": wire} for record, _, wire in stated]
            outcomes = await self._taken(source, rows)
            for (record, of, wire), outcome in zip(stated, outcomes, strict=True):
                row = self._row(record, MAKE[record](of), source, of.number)
                self._note(row, of.number, state, wire, outcome)

    def _mistaken(self, record: str, of: Blank) -> Blank:
        """Return what the first revision is made from: it names the wrong user institution."""
        if self.table.records[record].get("names") != "userKey":
            return of
        return Blank(
            owner=of.owner, number=of.number, named=self.table.key("F"), is_personal=of.is_personal
        )

    async def _withdraw(self, pairs: list[tuple[str, Blank]]) -> None:
        by_source: dict[str, list[Row]] = defaultdict(list)
        for record, of in pairs:
            source = self._source(record, of)
            by_source[source].append(self._row(record, MAKE[record](of), source, of.number))
        for source, gone in by_source.items():
            rows = [withdrawal(row.record, row.key) for row in gone]
            for row, outcome in zip(gone, await self._taken(source, rows), strict=True):
                self._note(row, "gone", TOMBSTONE, {}, outcome)

    async def _agree(self) -> None:
        """State the agreements of the table."""
        for said in self.table.agreements:
            source = self.table.parties[said["from"]]["source"]
            for dataset in said["datasets"]:
                wire = {
                    "providerKey": self.table.key(said["from"]),
                    "consumerKey": self.table.key(said["to"]),
                    "dataset": dataset,
                    "purpose": "测试",
                    **({"fields": said["items"]} if "items" in said else {}),
                    **({"validFrom": said["since"]} if "since" in said else {}),
                    **({"validUntil": said["until"]} if "until" in said else {}),
                }
                row = self._row("Agreement", wire, source, "granted")
                (outcome,) = await self._taken(source, [{"type": "Agreement", "record": wire}])
                if said.get("withdrawn"):
                    await self._taken(source, [withdrawal("Agreement", row.key)])
                else:
                    self._note(row, "granted", STANDS, wire, outcome)

    async def _taken(self, source: str, rows: list[Any]) -> tuple[RowOutcome, ...]:
        outcomes = await submit(self.database, harvested(source, rows), clock=system_clock)
        bad = [each for each in outcomes.rows if each.outcome is Outcome.QUARANTINED]
        assert bad == [], [(each.record_type, each.problems) for each in bad][:5]
        return outcomes.rows

    def _source(self, record: str, of: Blank) -> str:
        if self.table.records[record]["gives"] == "decision":
            return str(self.table.decider)
        return str(self.table.parties[self._names[of.owner]]["source"])

    def _row(self, record: str, wire: dict[str, Any], source: str, number: str) -> Row:
        names = self.table.records[record].get("names")
        key = key_in(record, wire)
        owner = self._names[owner_in(record, wire)]
        return Row(
            record=record,
            key=key,
            owner=owner,
            named=self._names[wire[names]] if names else None,
            source=source,
            supervised=self._supervised(record, owner, number, wire),
            wire=wire,
        )

    def _supervised(self, record: str, owner: str, number: str, wire: dict[str, Any]) -> str | None:
        """Return how a row stands to the office: every owner's first supervision is in term."""
        by = self.table.records[record].get("supervised")
        if by is None:
            return None
        if self.table.sources[self.table.parties[owner]["source"]]["speaks_for"] == "anybody":
            return "supervised by hearsay"
        if by == "item":
            return "supervised" if number == "1" else "supervised once"
        return "served inside" if wire.get("userSide") == "INSIDE" else "supervised"

    def _note(
        self, row: Row, number: str, state: str, wire: dict[str, Any], outcome: RowOutcome
    ) -> None:
        assert (outcome.record_type, outcome.key) == (row.record, row.key)
        assert outcome.item_id is not None
        assert outcome.revision_id is not None
        self.stock.ids[row.record, row.key] = outcome.item_id
        if state == STANDS:
            row = replace(row, wire=wire)
            self.stock.rows[row.record].append(row)
        self.stock.entries.append(
            Entry(
                row=row,
                state=state,
                stated=wire,
                entry_id=str(outcome.entry_id),
                revision_id=outcome.revision_id,
                number=number,
            )
        )
