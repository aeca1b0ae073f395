"""`LiveAnswer`: what one source said of one instrument, and what follows from it; pure.

- Rows are mapped as a harvest maps them. Rows of other instruments are left out: a source may
  ignore the filter by which it was asked.
- Where a row of this instrument could not be read, or the list may not be whole, the rows that
  could be read go in, and no more: nothing is withdrawn, and nothing is said to be known.
- Else what the store has of the source within the window, and the answer lacks, is withdrawn; but
  an answer without a booking withdraws only where the adapter says that it may be believed, or the
  source says in a row that it covers the instrument.
- What was stated after the question was asked stays: the answer may not know it yet.
- Whether the calendar is covered the source says as it does to a harvest: in rows, or by what holds
  once a list was read. One whose unit does not report is known to be unknown, never free.
"""

from __future__ import annotations

from collections.abc import Collection as Some
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

from adapters._adapter import Adapter, Collection, Context, Live, Mapped, Removed, Yielded
from connectors.document import Document
from hub.intake.renewing import fingerprint
from hub.store.transient import Span
from schema.canonical import digest, encode
from schema.codes import Certainty
from schema.conform import conform
from schema.dates import parse_instant
from schema.errors import CanonicalError
from schema.item import camel
from schema.registry import Registry
from schema.traits import Covers, Occupies

__all__ = ["Conclusion", "LiveAnswer"]

NOT_REPORTED = "NOT_REPORTED: the source no longer names it"


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What goes to intake of an answer."""

    records: tuple[Mapped, ...]
    withdrawn: Mapping[str, str] = field(default_factory=dict)
    """Keys that are not true any more, with the reason."""
    coverage: tuple[Mapped, ...] = ()
    """What the source says of how far this is all; nothing where the answer may not be whole."""
    uncovered: tuple[str, ...] = ()
    """Keys of coverage that does not hold any more."""
    is_whole: bool = False
    """Whether the source has said all that it can of the instrument."""


@dataclass(frozen=True, slots=True)
class SaidCalendar:
    """What a whole answer says, as hashes (`hub.intake.renewing`)."""

    rows: str
    coverage: str
    coverage_keys: tuple[str, ...]


class LiveAnswer:
    """Takes the documents of one answer."""

    def __init__(
        self, adapter: Adapter, live: Live, registry: Registry, context: Context, key: str
    ) -> None:
        spec = registry[live.record_type]
        takes = spec.trait(Occupies)
        assert takes is not None, "live questions are about what takes time"
        self._adapter, self._live, self._spec, self._context = adapter, live, spec, context
        self._of = {spec.name: camel(takes.of)}
        self._of |= {each.name: camel(covers.of) for each, covers in registry.with_trait(Covers)}
        self._registry = registry
        self._key = key
        self._records: dict[str, Mapped] = {}
        self._gone: dict[str, str] = {}
        self._coverage: dict[str, Mapped] = {}
        self._wires: dict[tuple[str, str], Mapping[str, Any]] = {}
        self._lists: dict[str, Collection] = {}
        self._is_sure = True
        self._has_documents = False
        self._documents = sha256()
        self.rows = 0
        """Rows that came."""

    @property
    def record_type(self) -> str:
        """What was asked for."""
        return self._live.record_type

    @property
    def digest(self) -> bytes:
        """SHA-256 over the hashes of all documents in their order."""
        return self._documents.digest()

    def take(self, collection: Collection, document: Document) -> None:
        """Take in what a document says of the instrument."""
        self._has_documents = True
        self._lists[collection.name] = collection
        self._documents.update(document.digest)
        self._is_sure = self._is_sure and document.doubt is None
        self.rows += len(document.rows)
        for raw in document.rows:
            converted = self._adapter.convert(collection, raw, self._context)
            if converted.problems:
                self._doubt(converted.withheld)
            for one in converted.yielded:
                self._add(one)

    def _doubt(self, withheld: tuple[Yielded, ...]) -> None:
        """Note a row that could not be read, unless it is surely about another instrument."""
        if not withheld or any(self._may_be_own(one) for one in withheld):
            self._is_sure = False

    def _may_be_own(self, one: Yielded) -> bool:
        if one.type not in self._of:
            return False
        if isinstance(one, Removed):
            return one.key.startswith(f"{self._key}/")
        return one.record.get(self._of[one.type]) in (self._key, "", None)

    def _add(self, one: Yielded) -> None:
        if one.type not in self._of:
            return
        if isinstance(one, Removed):
            if one.type == self.record_type and one.key.startswith(f"{self._key}/"):
                self._gone[one.key] = one.reason
        elif one.record.get(self._of[one.type]) == self._key:
            spec = self._registry[one.type]
            wire, problems = conform(spec, one.record)
            if problems:
                self._is_sure = False
            else:
                made = self._records if spec is self._spec else self._coverage
                key = spec.key_of(wire)
                made[key] = one
                self._wires[spec.name, key] = wire

    def conclude(self, known: Mapping[str, datetime], covered: Some[str] = ()) -> Conclusion:
        """Return what follows from the answer.

        `known`: keys that the store has within the window, with when each was stated. `covered`:
        keys of the coverage that it has from now on.
        """
        records: tuple[Mapped, ...] = tuple(self._records.values())
        standing = {key for key, at in known.items() if at <= self._context.now}
        gone = {k: why for k, why in self._gone.items() if k in standing and k not in self._records}
        if not (self._is_sure and self._has_documents):
            return Conclusion(records, gone)
        missing = standing - self._records.keys() - gone.keys()
        is_empty = not (self._records or self._gone or self._coverage)
        if missing and is_empty and not self._live.complete_within:
            return Conclusion(records)
        coverage = self._closed()
        return Conclusion(
            records,
            gone | dict.fromkeys(missing, NOT_REPORTED),
            coverage=tuple(coverage.values()),
            uncovered=() if coverage else tuple(sorted(covered)),
            is_whole=True,
        )

    def _closed(self) -> dict[str, Mapped]:
        """Return the coverage, with what holds once all lists were read.

        What rows say stays apart: only that makes an answer without a booking believable.
        """
        stated = dict(self._coverage)
        for each in self._lists.values():
            for one in each.closes(self._context, [self._key]):
                self._add(one)
        coverage, self._coverage = self._coverage, stated
        return coverage

    def said(self) -> SaidCalendar | None:
        """Return all that a whole answer says, to be compared with what stands.

        None where that decides nothing: the answer is not whole, covers nothing, or passes on the
        numbers of other systems.
        """
        if not (self._is_sure and self._has_documents):
            return None
        coverage = self._closed()
        every = (*self._records.values(), *coverage.values())
        if not coverage or any(each.authority is not None for each in every):
            return None
        rows = self._digests(self._records)
        covers = self._digests(coverage)
        if rows is None or covers is None:
            return None
        return SaidCalendar(fingerprint(rows), fingerprint(covers), tuple(sorted(covers)))

    def _digests(self, rows: Mapping[str, Mapped]) -> dict[str, bytes] | None:
        """Return the digests of some records; None where one cannot be an entry."""
        try:
            return {key: digest(encode(self._wires[one.type, key])) for key, one in rows.items()}
        except CanonicalError:
            return None

    def spans(self, conclusion: Conclusion) -> dict[str, list[Span]]:
        """Return the time that is taken for certain, tentatively, and covered: `firm` and so on."""
        takes = self._spec.trait(Occupies)
        assert takes is not None, "live questions are about what takes time"
        spans: dict[str, list[Span]] = {"firm": [], "tentative": [], "cover": []}
        for one in conclusion.records:
            is_firm = one.record[camel(takes.certainty)] == Certainty.FIRM.name
            span = _span(one, takes.start, takes.end)
            spans["firm" if is_firm else "tentative"].append(span)
        for one in conclusion.coverage:
            covers = self._registry[one.type].trait(Covers)
            assert covers is not None, "only coverage covers"
            spans["cover"].append(_span(one, covers.start, covers.end))
        return spans


def _span(one: Mapped, start: str, end: str) -> Span:
    first, last = (parse_instant(one.record[camel(name)]).at for name in (start, end))
    return first, last
