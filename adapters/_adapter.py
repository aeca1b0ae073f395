"""`Adapter`: what a source module declares, and how one of its rows is converted.

Everything here is pure. The application reads the collections in their order, hands each row to
`convert`, and gives what comes out to intake; records are in the wire form of the standard and are
checked there, like everybody's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from adapters._feed import Feed, Mode
from adapters._live import Live, LiveList
from adapters._row import Row
from connectors.document import RawRow
from connectors.mqtt import Messages
from connectors.reader import EVERYTHING, Reader, Window
from connectors.sheet import Sheet
from schema.codes import SystemPurpose
from schema.dates import SHANGHAI, format_instant
from schema.errors import Problem

__all__ = [
    "Adapter",
    "Collection",
    "Context",
    "ConvertedRow",
    "Feed",
    "Live",
    "LiveList",
    "Mapped",
    "Mode",
    "Probe",
    "Removed",
    "Yielded",
    "covered",
]

MEMORY_MAX = 2_000_000
"""Facts that one run remembers from its look-up collections."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """A record made from a row, in wire form."""

    type: str
    record: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Removed:
    """A record that is no longer true at its source: it was cancelled, moved or removed."""

    type: str
    key: str
    reason: str


Yielded: TypeAlias = Mapped | Removed


@dataclass(kw_only=True)
class Context:
    """What a mapping may know beside its row: facts of the deployment, and of this run."""

    source: str
    now: datetime
    """Start of the run, aware UTC."""
    institution: Mapping[str, Any] = field(default_factory=dict)
    """The Institution record a source of one institution stands for, in wire form."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """Facts of this installation that the adapter asks for in its docstring."""
    weeks_back: int = 4
    weeks_ahead: int = 4
    lookback: timedelta = timedelta(days=100)
    """How far back records are read again, because sources correct them without notice."""
    _memory: dict[tuple[str, str], Any] = field(default_factory=dict)

    @property
    def remembered(self) -> int:
        """How many facts later rows of this run can recall."""
        return len(self._memory)

    @property
    def institution_key(self) -> str:
        """Key of the one institution behind this source."""
        return str(self.institution["institutionKey"])

    @property
    def window_start(self) -> datetime:
        """Start of the occupancy window: a Monday, Asia/Shanghai, so that its key stays a week."""
        local = self.now.astimezone(SHANGHAI)
        monday = (local - timedelta(days=local.weekday())).replace(
            hour=0, minute=0, second=0, microsecond=0
        )
        return monday - timedelta(weeks=self.weeks_back)

    @property
    def window_end(self) -> datetime:
        """End of the occupancy window."""
        return self.window_start + timedelta(weeks=self.weeks_back + self.weeks_ahead)

    @property
    def since(self) -> datetime:
        """Records that ended before this instant are not read again."""
        return self.now - self.lookback

    def remember(self, kind: str, name: str, value: Any) -> None:
        """Keep a fact that a later row of this run needs."""
        if len(self._memory) >= MEMORY_MAX:
            raise ValueError(f"more than {MEMORY_MAX} facts in one run of {self.source}")
        self._memory[kind, name] = value

    @property
    def facts_told(self) -> Mapping[tuple[str, str], Any]:
        """What was remembered, by kind and name."""
        return self._memory

    def recall(self, kind: str, name: str) -> Any:
        """Return a remembered fact, or None where it was never remembered."""
        return self._memory.get((kind, name))

    def coverage(self, instrument_key: str) -> Mapped:
        """State that the source gave every occupancy of an instrument in the window."""
        return Mapped(
            "OccupancyCoverage",
            {
                "instrumentKey": instrument_key,
                "startAt": format_instant(self.window_start),
                "endAt": format_instant(self.window_end),
            },
        )


def covered(context: Context, instruments: Sequence[str]) -> Iterable[Yielded]:
    """State for each instrument that the source gave every occupancy in the window."""
    return (context.coverage(key) for key in instruments)


Mapper: TypeAlias = Callable[[Row, Context], Iterable[Yielded]]


def _everything(_: Context) -> Window:
    return EVERYTHING


def _no_statement(_: Context) -> Iterable[Yielded]:
    return ()


def _no_coverage(_: Context, __: Sequence[str]) -> Iterable[Yielded]:
    return ()


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A question asked of an HTTP source, to learn whether it behaves as this adapter needs.

    Systems that ignore unknown filters answer a misspelt one with everything they have. A filter
    that is known rejects a value that makes no sense; so that is what is asked.
    """

    path: str
    query: Mapping[str, str]
    accepted: bool
    says: str
    """What it means when the source behaves otherwise."""


@dataclass(frozen=True, kw_only=True)
class Collection:
    """One list of a source, and what its rows become."""

    name: str
    map: Mapper
    reader: Reader[Any]
    types: tuple[str, ...] = ()
    """Record types that come out; none for a list that is only looked up by later ones."""
    window: Callable[[Context], Window] = _everything
    """Which part of the list a run asks for."""
    closes: Callable[[Context, Sequence[str]], Iterable[Yielded]] = _no_coverage
    """Statements that hold once this list was read to its end; gets the keys of instruments."""
    complete: bool = False
    """Whether a record that is missing from a whole reading is gone from the source."""
    every: timedelta | None = None
    """Time between two readings; by default that of the adapter. What a later list needs (records
    that others refer to, facts to look up) is read as often as that one."""
    promised_freshness: timedelta | None = None
    """How old what it says may be; by default what the adapter promises."""

    @property
    def mode(self) -> Mode:
        """How it arrives: people send a table, sensors send messages, the hub asks for the rest."""
        return Mode.PUSH if isinstance(self.reader, Sheet | Messages) else Mode.HARVEST


@dataclass(frozen=True, kw_only=True)
class ConvertedRow:
    """What one row became."""

    yielded: tuple[Yielded, ...] = ()
    withheld: tuple[Yielded, ...] = ()
    """What a row with problems would have become: never a record, but proof that the source still
    names those keys."""
    problems: tuple[Problem, ...] = ()
    additions: tuple[str, ...] = ()
    """Fields the source has added; reported, and a problem too where the adapter is strict."""
    dropped: tuple[str, ...] = ()
    """Personal fields that were dropped at the border."""


@dataclass(frozen=True, kw_only=True)
class Adapter:
    """One source: who publishes it, what it holds, how its rows become records."""

    id: str
    title_zh: str
    title_en: str
    publisher_zh: str
    publisher_en: str
    collections: tuple[Collection, ...]
    promised_freshness: timedelta
    """How old its data may be before the source counts as stale."""
    every: timedelta = timedelta(minutes=15)
    """Time between two readings of a list that states none itself."""
    records_min: int = 1
    """Fewer records than this in a full run fail it: the source broke, not shrank."""
    lookback: timedelta = timedelta(days=100)
    purpose: SystemPurpose = SystemPurpose.OTHER
    """What such a system is kept for: for some items it leads (`hub.identity.precedence`)."""
    protocol: str = "http"
    """How the source is reached (`hub.harvest.connections`); every list has a reader of it."""
    additions: Literal["warn", "strict"] = "warn"
    probes: tuple[Probe, ...] = ()
    states: Callable[[Context], Iterable[Yielded]] = _no_statement
    """What the source stands for before any row is read: its own institution, usually."""
    many_institutions: bool = False
    """Whether it speaks for several institutions (a province platform)."""
    live: Live | None = None
    """How it is asked while a caller waits; None: it is only harvested."""

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """One feed for each record type; of several lists the shortest times count."""
        by_type: dict[str, list[Collection]] = {}
        for collection in self.collections:
            for name in collection.types:
                by_type.setdefault(name, []).append(collection)
        return tuple(self._feed(name, lists) for name, lists in by_type.items())

    def _feed(self, record_type: str, lists: Sequence[Collection]) -> Feed:
        mode = lists[0].mode
        return Feed(
            record_type=record_type,
            mode=mode,
            every=None if mode is Mode.PUSH else min(each.every or self.every for each in lists),
            promised_freshness=min(
                each.promised_freshness or self.promised_freshness for each in lists
            ),
        )

    def convert(self, collection: Collection, raw: RawRow, context: Context) -> ConvertedRow:
        """Return the records of one row, or every problem that kept it from becoming some."""
        row = Row(raw)
        yielded = tuple(collection.map(row, context))
        row.settle()
        additions = tuple(row.unread())
        if self.additions == "strict":
            for name in additions:
                row.fault(
                    name,
                    "FIELD_ADDED",
                    "来源新增了字段，适配器尚未处理",
                    "was not mapped: the source has added it",
                )
        problems = tuple(row.problems)
        return ConvertedRow(
            yielded=() if problems else yielded,
            withheld=yielded if problems else (),
            problems=problems,
            additions=additions,
            dropped=tuple(row.dropped),
        )
