"""`SourceMetadata`: what a source is, in words and numbers, as the TOML file beside it says.

`adapters/<id>.toml` is written for whoever answers for the source and does not read Python: who
publishes it, whose numbers it states, on what the mapping was modelled, how often each record type
is read and how fresh it is then, how many rows are right, and which word of the source is which
code of the standard. `adapters._metadata_text` has the form and refuses what is not in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any, Literal, TypeVar

from adapters._feed import Mode
from schema.codes import CodeList, SystemPurpose

__all__ = [
    "ANY_TYPE",
    "YES_OR_NO",
    "CodeLookUp",
    "FeedMetadata",
    "InterfaceKnowledge",
    "LookUps",
    "MetadataError",
    "RowBounds",
    "SharedLookUps",
    "SourceMetadata",
]

C = TypeVar("C", bound=CodeList)

YES_OR_NO = "yes or no"
"""What a look-up is of where its words are the two of a flag."""
ANY_TYPE = "*"
"""Names the feed of all record types that have none: where a mapping decides what comes."""


class MetadataError(ValueError):
    """Metadata cannot be used; `problems` names each mistake with its file and place."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


class InterfaceKnowledge(StrEnum):
    """How much of the interface of a source is published."""

    PUBLIC = "public"
    PARTLY = "partly public"
    NOT_PUBLIC = "not public"
    """What stands in the adapter is modelled on something else, which `basis` names."""


@dataclass(frozen=True, slots=True)
class RowBounds:
    """How many records of a type one reading may make, both bounds included."""

    least: int
    """Fewer in a whole reading: the source broke, not shrank."""
    most: int
    """More in any reading: it sends too much, or its paging goes in a circle."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedMetadata:
    """How one record type comes."""

    record_type: str
    mode: Mode
    every: timedelta | None
    """Time between two readings; None where the source sends by itself."""
    promised_freshness: timedelta
    """How old what it says may be before it counts as stale."""
    lookback: timedelta | None = None
    """How far back a window of time is read again; None where the whole list is read."""
    stale_max: timedelta | None = None
    """How long an answer may be shown where keeping it is forbidden; None: it may be kept."""
    rows: RowBounds | None
    """None where no reading has an end: the source sends by itself, or a mapping decides."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CodeLookUp:
    """Which word of a source is which code of the standard."""

    name: str
    at: tuple[str, ...]
    """Fields of the source in which the words stand."""
    of: str
    """Code list of the standard, `ISO 4217`, `yes or no`, or empty: no code follows from a word."""
    words: Mapping[str, Any]
    """By the words of the source: members of a code list, currencies as texts, True and False."""
    ended: Mapping[str, str] = field(default_factory=dict)
    """Words which say that the record holds no more, with the reason of its withdrawal."""
    nothing: tuple[str, ...] = ()
    """Words that are known and from which nothing follows."""

    @property
    def known(self) -> dict[str, Any]:
        """Every word from which the record goes on: its code, or None."""
        return {**dict.fromkeys(self.nothing), **self.words}


@dataclass(frozen=True, slots=True)
class LookUps:
    """Look-ups by their names."""

    by_name: Mapping[str, CodeLookUp]

    def __getitem__(self, name: str) -> CodeLookUp:
        """Return a look-up; `MetadataError` where there is none of this name."""
        try:
            return self.by_name[name]
        except KeyError:
            raise MetadataError([f"codes.{name}: is not there, and the mapping needs it"]) from None

    def words(self, name: str, codes: type[C]) -> Mapping[str, C]:
        """Return the codes of a list by the words of the source."""
        found = self[name]
        if found.of != codes.__name__:
            raise MetadataError(
                [f"codes.{name}.of: is {found.of!r}, and the mapping needs {codes.__name__}"]
            )
        return found.words

    def flag(self, name: str) -> tuple[str, str]:
        """Return the word of the source for yes, and that for no."""
        found = self[name]
        if found.of != YES_OR_NO:
            raise MetadataError(
                [f"codes.{name}.of: is {found.of!r}, and the mapping needs {YES_OR_NO!r}"]
            )
        word = {meaning: word for word, meaning in found.words.items()}
        return word[True], word[False]


@dataclass(frozen=True, kw_only=True, slots=True)
class SharedLookUps:
    """Look-ups that several sources have in common."""

    id: str
    title_zh: str
    title_en: str
    codes: LookUps


@dataclass(frozen=True, kw_only=True, slots=True)
class SourceMetadata:
    """Everything about a source that is no mapping."""

    id: str
    title_zh: str
    title_en: str
    publisher_zh: str
    publisher_en: str
    authority_zh: str
    """Who gives the local numbers that it states, and how that is fixed."""
    authority_en: str
    interface: InterfaceKnowledge
    basis_zh: str
    """On what the mapping was modelled."""
    basis_en: str
    protocol: str
    """How it is reached (`hub.harvest.connections`); every list has a reader of it."""
    purpose: SystemPurpose
    """What such a system is kept for: for some items it leads (`hub.identity.precedence`)."""
    many_institutions: bool
    """Whether it speaks for several institutions (a province platform)."""
    additions: Literal["warn", "strict"]
    """Whether a field that the source has added is reported, or keeps its row out too."""
    feeds: Mapping[str, FeedMetadata]
    codes: LookUps
    shared: tuple[SharedLookUps, ...] = ()

    def feed_of(self, record_type: str) -> FeedMetadata:
        """Return how a record type comes; `MetadataError` where nothing says it."""
        found = self.feeds.get(record_type) or self.feeds.get(ANY_TYPE)
        if found is None:
            raise MetadataError([f"{self.id}.toml: feed.{record_type}: is not there"])
        return found

    def with_bounds(self, bounds: Mapping[str, RowBounds]) -> SourceMetadata:
        """Return them with other bounds of rows, for an installation that is larger or smaller.

        Raises `MetadataError` for a record type that has no bounds here.
        """
        known = {name: each for name, each in self.feeds.items() if each.rows is not None}
        unknown = sorted(bounds.keys() - known.keys())
        if unknown:
            words = "没有这种记录的上下限 · has no such record type with bounds; there are"
            told = [f"rows.{name}: {words}: {', '.join(known) or '-'}" for name in unknown]
            raise MetadataError(told)
        feeds = {name: replace(known[name], rows=each) for name, each in bounds.items()}
        return replace(self, feeds={**self.feeds, **feeds})

    @property
    def look_ups(self) -> tuple[CodeLookUp, ...]:
        """Return every look-up that applies: its own, then the shared ones."""
        groups = (self.codes, *(each.codes for each in self.shared))
        return tuple(one for group in groups for one in group.by_name.values())
