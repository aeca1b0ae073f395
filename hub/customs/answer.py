"""`answer`: a decision as every door gives it, and its signature; pure.

Who may see the records behind it is told of them (`sight`). Others are told the answer, the rule
and how long it holds: no number of a declaration or a notice.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from hub.customs.question import StoredCustoms, UseQuestion
from hub.customs.sight import CustomsSight
from hub.customs.words import CustomsReason
from hub.policy.customs.decision import CustomsAnswer, Procedure, Remedy
from schema.dates import format_instant

TYPE = "hub-customs-decision+jws"
VERSION = "hub-customs-decision-1"


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomsEvidence:
    """A record that a decision rests on, and when it was last known to be so."""

    record_type: str
    key: str
    entry_id: str
    source: str
    as_of: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class UseAnswer:
    """A decision for one asker. `evidence`, `notice_no`: only for who is told all.

    `jws`: the same as a compact JWS of the hub's key, typ `hub-customs-decision+jws`; None where
    the desk has no key.
    """

    instrument: str
    owner: str
    question: UseQuestion
    answer: CustomsAnswer
    rule: int
    reasons: tuple[CustomsReason, ...]
    procedure: Procedure
    remedy: Remedy | None
    missing: str | None
    notice_no: str | None
    as_of: datetime | None
    decided_at: datetime
    valid_until: datetime | None
    evidence: tuple[CustomsEvidence, ...]
    read: tuple[tuple[str, str, str], ...] = ()
    """Record type, identity and owner of the protected records that the answer tells of."""
    undecided: tuple[str, ...] = ()
    """Parameters that it may rest on and that the law leaves open: our reading, not the law's."""
    jws: str | None = None

    def claims(self, issuer: str) -> dict[str, Any]:
        """Return what is signed: the use that was asked for and its answer."""
        asked = self.question
        stated = {
            "v": VERSION,
            "iss": issuer,
            "iat": int(self.decided_at.timestamp()),
            "instrument": self.instrument,
            "user": asked.user,
            "purpose": asked.purpose.value,
            "clinical": asked.clinical or None,
            "district": None if asked.district is None else asked.district.value,
            "place": asked.place,
            "from": asked.first.isoformat(),
            "until": asked.last.isoformat(),
            "agreementSigned": asked.agreement_signed,
            "answer": self.answer.value,
            "rule": self.rule,
            "procedure": self.procedure.value,
            "remedy": None if self.remedy is None else self.remedy.value,
            "missing": self.missing,
            "noticeNo": self.notice_no,
            "asOf": instant_or_none(self.as_of),
            "validUntil": instant_or_none(self.valid_until),
            "undecided": list(self.undecided),
            "evidence": [each.entry_id for each in self.evidence],
        }
        return {name: value for name, value in stated.items() if value is not None}


def instant_or_none(at: datetime | None) -> str | None:
    """Return an instant as it is written in claims."""
    return None if at is None else format_instant(at)


def evidence_of(stored: StoredCustoms, seen: CustomsSight) -> tuple[CustomsEvidence, ...]:
    """Return the records of customs that a decision rests on, as far as they are seen."""
    return tuple(
        CustomsEvidence(
            record_type=name,
            key=row["key"],
            entry_id=str(row["entry_id"]),
            source=row["source"],
            as_of=stored.heard.get(row["source"]),
        )
        for name, rows in seen.rows.items()
        for row in rows
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomsDue:
    """A supervised item in term, and the reports that it asks for.

    `overdue`: years whose report is not filed and was due before the day. `next_due_on`: the last
    day of the next report that is not filed. Where release, kind or reports are not known,
    `missing` says so and what follows from them is None.
    """

    instrument: str
    instrument_name: str | None
    declaration_no: str
    item_no: str
    district: str | None
    released_on: date | None
    last_day: date | None
    days_left: int | None
    overdue: tuple[int, ...]
    next_due_on: date | None
    missing: CustomsReason | None
    item_id: str
    owner: str


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomsDueList:
    """Supervised items in term on a day. `is_whole`: False where there are more than are read."""

    on: date
    items: tuple[CustomsDue, ...]
    is_whole: bool
