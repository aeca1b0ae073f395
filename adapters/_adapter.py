"""`Adapter`: what a source module declares, and how one of its rows is converted.

Everything here is pure. The application reads the collections in their order, hands each row to
`convert`, and gives what comes out to intake; records are in the wire form of the standard and are
checked there, like everybody's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, TypeAlias

from adapters._booking import BookingProtocol
from adapters._feed import Feed, Mode
from adapters._live import Live, LiveList, WantedCalendar
from adapters._metadata import MetadataError, RowBounds, SourceMetadata
from adapters._proof import Judge, LogProof
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
NOBODY_ASKS = timedelta(minutes=15)
"""Time between two looks at a source that sends by itself and has nothing to be asked for."""


@dataclass(frozen=True, slots=True)
class Mapped:
    """A record made from a row, in wire form."""

    type: str
    record: dict[str, Any]
    authority: str | None = None
    """Whose number its key holds, where the source passes on what other systems numbered."""
    item_id: str = ""
    """Its identity, where the source is told of changes by identity (`Collection.is_followed`)."""
    proof: LogProof | None = None
    """What its source proved of it."""


@dataclass(frozen=True, slots=True)
class Removed:
    """A record that is no longer true at its source: it was cancelled, moved or removed."""

    type: str
    key: str
    """Empty where only its identity is told."""
    reason: str
    record: Mapping[str, Any] | None = None
    """What it was, where its source still tells that: its end is then a state that goes in as soon
    as it is read, also of a record that was never told while it stood."""
    item_id: str = ""
    """Its identity, where the source tells that."""


Yielded: TypeAlias = Mapped | Removed


@lru_cache(4)
def _monday(day: date) -> datetime:
    """Return the beginning of the week of a day, Asia/Shanghai; kept, because each row may ask."""
    return datetime.combine(day - timedelta(days=day.weekday()), time(), tzinfo=SHANGHAI)


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
    judge: Judge | None = None
    """Judges receipts by the log that the operator pinned for this source; None: none is pinned."""
    wanted: WantedCalendar | None = None
    """Of a live question: how fresh its answer is wanted."""
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
        return _monday(self.now.astimezone(SHANGHAI).date()) - timedelta(weeks=self.weeks_back)

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


def _at_the_run(_: RawRow) -> datetime | None:
    return None


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
    """Record types that come out; none for a list that is only looked up by later ones. What a
    later list needs is read as often as that one."""
    window: Callable[[Context], Window] = _everything
    """Which part of the list a run asks for."""
    changed: Callable[[Context, datetime], Window] | None = None
    """Which part of the list changed at or after a moment, where the source can be asked that of
    the whole list; what left the list is found when it is read whole, on a slower clock."""
    said_at: Callable[[RawRow], datetime | None] = _at_the_run
    """When the source said a row, where a document tells that itself (a message with its time), the
    same for all of its rows; by default it counts as said when it is read."""
    closes: Callable[[Context, Sequence[str]], Iterable[Yielded]] = _no_coverage
    """Statements that hold once this list was read to its end; gets the keys of instruments."""
    is_followed: bool = False
    """Whether it says what changed, by a cursor that each document carries (`Document.again`), and
    of a record its last word counts. From its beginning it names all that stands."""
    complete: bool = False
    """Whether a record that is missing from a whole reading is gone from the source."""
    within: str = ""
    """The item by whose moment its window asks: of records outside the window a whole reading says
    nothing. Records without that moment are named by another list of their type."""

    @property
    def has_statements(self) -> bool:
        """Whether records come of it that are in no row: those that hold once it was read."""
        return self.closes is not _no_coverage

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
    """One source: what it is (its metadata), what it holds, how its rows become records."""

    metadata: SourceMetadata
    collections: tuple[Collection, ...]
    probes: tuple[Probe, ...] = ()
    states: Callable[[Context], Iterable[Yielded]] = _no_statement
    """What the source stands for before any row is read: its own institution, usually."""
    booking: BookingProtocol | None = None
    """How a time on its instruments is booked, where the hub may do that."""
    live: Live | None = None
    """How it is asked while a caller waits; None: it is only harvested."""

    @property
    def id(self) -> str:
        """Name of the adapter."""
        return self.metadata.id

    @property
    def title_zh(self) -> str:
        """What the source is called, in Chinese."""
        return self.metadata.title_zh

    @property
    def title_en(self) -> str:
        """What the source is called, in English."""
        return self.metadata.title_en

    @property
    def protocol(self) -> str:
        """How the source is reached."""
        return self.metadata.protocol

    @property
    def purpose(self) -> SystemPurpose:
        """What such a system is kept for."""
        return self.metadata.purpose

    @property
    def feeds(self) -> tuple[Feed, ...]:
        """One feed for each record type, in the order of the lists."""
        types = dict.fromkeys(name for each in self.collections for name in each.types)
        return tuple(self._feed(name) for name in types)

    def _feed(self, record_type: str) -> Feed:
        stated = self.metadata.feed_of(record_type)
        return Feed(
            record_type=record_type,
            mode=stated.mode,
            every=stated.every,
            promised_freshness=stated.promised_freshness,
            stale_max=stated.stale_max,
        )

    @property
    def stale_max(self) -> timedelta | None:
        """How long what it says live may be shown; None where that is kept like everything."""
        if self.live is None:
            return None
        stated = self.metadata.feeds.get(self.live.record_type)
        return None if stated is None else stated.stale_max  # what is never harvested has no feed

    @property
    def promised_freshness(self) -> timedelta:
        """How old its data may be before the source counts as stale: its shortest promise."""
        return min(each.promised_freshness for each in self.metadata.feeds.values())

    @property
    def every(self) -> timedelta:
        """Time between two readings of what is read most often."""
        times = [each.every for each in self.metadata.feeds.values() if each.every is not None]
        return min(times, default=NOBODY_ASKS)

    @property
    def lookback(self) -> timedelta:
        """How far back windows of time are read again; nothing where no list is read by one."""
        times = [each.lookback for each in self.metadata.feeds.values()]
        return max((each for each in times if each is not None), default=timedelta())

    @property
    def row_bounds(self) -> dict[str, RowBounds]:
        """How many records of a type one reading may make, of each type that is bounded."""
        feeds = self.metadata.feeds.values()
        return {each.record_type: each.rows for each in feeds if each.rows is not None}

    def check(self) -> None:
        """Raise `MetadataError` where metadata and lists speak of other record types or modes."""
        stated, made = set(self.metadata.feeds), {each.record_type for each in self.feeds}
        problems = [f"feed.{name}: 没有列表产生 · no list makes it" for name in stated - made]
        unkept = {each.record_type for each in self.feeds if each.stale_max is not None}
        for one in self.collections:
            if unkept.intersection(one.types) and not unkept.issuperset(one.types):
                zh, en = "列表混有禁止留存的记录", "tells of what may be kept and what may not"
                problems.append(f"{one.name}: {zh} · {en}")
        modes = {name: each.mode for each in reversed(self.collections) for name in each.types}
        if self.live is not None and self.live.record_type in modes:
            modes[self.live.record_type] = Mode.LIVE
        for feed in self.feeds:
            mode = modes[feed.record_type] if feed.stale_max is None else Mode.LIVE
            if self.stale_max is None and feed.stale_max is not None:
                zh, en = "只用于实时询问的记录", "is only for what is asked live, and what follows"
                problems.append(f"feed.{feed.record_type}.keeping: {zh} · {en}")
            if feed.mode is not mode:
                is_so = mode.value
                zh, en = f"适配器为 {is_so}", f"must be {is_so}, as the adapter is made"
                problems.append(f"feed.{feed.record_type}.mode: {zh} · {en}")
        if problems:
            raise MetadataError([f"{self.id}.toml: {each}" for each in sorted(problems)])

    def convert(self, collection: Collection, raw: RawRow, context: Context) -> ConvertedRow:
        """Return the records of one row, or every problem that kept it from becoming some."""
        row = Row(raw)
        yielded = tuple(collection.map(row, context))
        row.settle()
        additions = tuple(row.unread())
        if self.metadata.additions == "strict":
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
