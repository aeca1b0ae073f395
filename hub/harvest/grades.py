"""`grades`: how good a source is: bronze, silver, gold, and what the next grade wants; pure.

- Thresholds, items and their reasons are data (`grades.toml`); facts are counts (`GradeFacts`).
- What does not apply to a source is met. What cannot be known, since no sensor watches its
  instruments, is UNKNOWN: neither met nor failed, and it ends at the grade that the data names.
- A source of which nothing stands has no grade.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any

from schema.strict_toml import read_toml

__all__ = [
    "GradeFacts",
    "Graded",
    "HoursAgreement",
    "Requirement",
    "Share",
    "SourceGrade",
    "grade",
    "rules",
]

FILE = Path(__file__).with_name("grades.toml")
BYTES_MAX = 65_536


class SourceGrade(StrEnum):
    """How good a source is, the best last."""

    NONE = "NONE"
    BRONZE = "BRONZE"
    SILVER = "SILVER"
    GOLD = "GOLD"


GRADES = tuple(SourceGrade)


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    good: int
    of: int

    @property
    def value(self) -> float | None:
        """The share, None of nothing."""
        return self.good / self.of if self.of else None

    def to_wire(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        value = self.value
        return {
            "good": self.good,
            "of": self.of,
            "share": None if value is None else round(value, 4),
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class GradeFacts:
    """What was counted of one source."""

    rows: int
    """Records of it that stand."""
    completeness: Share
    """Items that the policy wants and that are filled."""
    timeliness: Share
    """Feeds that are as fresh as promised."""
    rejects: Share
    """Rows that do not wait in quarantine."""
    warnings: Share
    """Rows without a doubted value."""
    hours: Share
    """Instruments whose declared hours agree, of those that could be compared."""
    declares_hours: bool = False
    """Whether it declares hours at all."""

    def share(self, name: str) -> Share:
        """Return what a requirement is about."""
        share: Share = getattr(self, name)
        return share

    def to_wire(self) -> dict[str, Any]:
        """Return it as JSON-ready data."""
        wire = {name: self.share(name).to_wire() for name in REQUIREMENTS}
        return {"rows": self.rows, "declaresHours": self.declares_hours, **wire}


REQUIREMENTS = ("completeness", "timeliness", "rejects", "warnings", "hours")


@dataclass(frozen=True, kw_only=True, slots=True)
class Requirement:
    """What one fact must reach for each grade."""

    name: str
    zh: str
    en: str
    why: str
    least: Mapping[SourceGrade, float]
    unknown_up_to: SourceGrade | None = None
    """The best grade for a source of which it cannot be known; None: it does not matter then."""

    @property
    def code(self) -> str:
        """What stands among the missing."""
        return self.name.upper()


@dataclass(frozen=True, kw_only=True, slots=True)
class HoursAgreement:
    """When declared and sensed hours agree."""

    share: float
    hours: float
    days: int
    known_hours: float

    def holds(self, declared: float, sensed: float) -> bool:
        """Whether they do."""
        off = abs(declared - sensed)
        return off <= self.hours or off <= self.share * max(declared, sensed)


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """The content of `grades.toml`."""

    requirements: tuple[Requirement, ...]
    agreement: HoursAgreement
    items: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class MissingPart:
    """What a source lacks for the grade above its own."""

    requirement: Requirement
    has: float | None
    """None: it is not known."""
    wanted: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Graded:
    """How good a source is."""

    grade: SourceGrade
    missing: Sequence[MissingPart] = field(default_factory=tuple)
    """For the next grade; nothing at gold."""

    @property
    def codes(self) -> list[str]:
        """What is missing, as codes; what cannot be known says so."""
        return [
            each.requirement.code + ("_UNKNOWN" if each.has is None else "")
            for each in self.missing
        ]


@lru_cache(maxsize=1)
def rules() -> Rules:
    """Return the rules as they stand in the file."""
    content = read_toml(FILE.read_text("utf-8"), characters_max=BYTES_MAX)
    return Rules(
        requirements=tuple(_requirement(name, content[name]) for name in REQUIREMENTS),
        agreement=HoursAgreement(**content["agreement"]),
        items={name: tuple(items) for name, items in content["items"].items()},
    )


def _requirement(name: str, table: Mapping[str, Any]) -> Requirement:
    stated = table.get("unknown_up_to")
    return Requirement(
        name=name,
        zh=table["zh"],
        en=table["en"],
        why=table["why"],
        least={each: float(table[each.lower()]) for each in GRADES if each is not SourceGrade.NONE},
        unknown_up_to=None if stated is None else SourceGrade[stated],
    )


def grade(facts: GradeFacts, by: Rules) -> Graded:
    """Return the best grade of which everything is reached, and what the next one wants."""
    if facts.rows == 0:
        wanted = MissingPart(requirement=by.requirements[0], has=0.0, wanted=0.0)
        return Graded(grade=SourceGrade.NONE, missing=(wanted,))
    reached = SourceGrade.NONE
    for each in GRADES[1:]:
        missing = [found for r in by.requirements if (found := _missing(facts, r, each))]
        if missing:
            return Graded(grade=reached, missing=tuple(missing))
        reached = each
    return Graded(grade=reached)


def _missing(
    facts: GradeFacts, requirement: Requirement, wanted: SourceGrade
) -> MissingPart | None:
    has, least = facts.share(requirement.name).value, requirement.least[wanted]
    if has is None:
        bound = requirement.unknown_up_to
        if bound is None or not facts.declares_hours or GRADES.index(wanted) <= GRADES.index(bound):
            return None
        return MissingPart(requirement=requirement, has=None, wanted=least)
    return None if has >= least else MissingPart(requirement=requirement, has=has, wanted=least)
