"""`batch`: what goes into `submit` and what comes out of it.

- A `Batch` says who speaks (source, party, client), how it came (channel) and what vouches for it
  (evidence); its rows are still raw.
- `Outcomes` has exactly one outcome per row, in the order of the rows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, TypeAlias

from hub.access.resource import Caller
from schema.codes import Assurance
from schema.errors import Problem

__all__ = [
    "READINGS",
    "Assurance",
    "Batch",
    "Channel",
    "Evidence",
    "Idempotency",
    "Outcome",
    "Outcomes",
    "Rejected",
    "RequestSignature",
    "RowHome",
    "RowOutcome",
    "Take",
    "problem_from_wire",
    "problem_to_wire",
]


_ROWS = ',"rows":['
_DECODER = json.JSONDecoder()


class Channel(StrEnum):
    """How a batch came in."""

    PUSH = "PUSH"
    HARVEST = "HARVEST"
    LIVE = "LIVE"
    WORKBOOK = "WORKBOOK"
    FILE = "FILE"


READINGS = (Channel.HARVEST, Channel.LIVE)
"""Channels whose batches are parts of a reading: what they mean for a source, its end tells."""


class Outcome(StrEnum):
    """What became of a row."""

    ACCEPTED = "ACCEPTED"
    PROVEN = "PROVEN"
    """Nothing new, but better vouched for than before."""
    DUPLICATE = "DUPLICATE"
    WITHDRAWN = "WITHDRAWN"
    QUARANTINED = "QUARANTINED"
    UNSETTLED = "UNSETTLED"
    """It is stated at another hub, its home, which has not said what became of it."""


@dataclass(frozen=True, slots=True)
class RequestSignature:
    """An RFC 9421 signature with the base it covers, kept as evidence."""

    base: str
    signature: bytes
    key_id: str
    role: str | None = None
    """The role of the key when it signed (`hub.access.clients.KeyRole`)."""
    hash: bytes = b""
    """SHA-256 of base and signature: what entries refer to. Stated only with a base that was kept,
    in which digests stand in place of tokens."""

    def __post_init__(self) -> None:
        if not self.hash:
            hashed = sha256(self.base.encode() + self.signature).digest()
            object.__setattr__(self, "hash", hashed)


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What vouches for a batch: a signed request, or what the hub saw and in which run."""

    assurance: Assurance
    request: RequestSignature | None = None
    document_hash: bytes | None = None
    run_id: str | None = None

    @property
    def hash(self) -> bytes | None:
        """Return what the entries of the batch refer to."""
        return self.request.hash if self.request else self.document_hash

    @property
    def role(self) -> str | None:
        """Return the role of the key that signed the request, where it has one."""
        return self.request.role if self.request else None

    @property
    def key_id(self) -> str | None:
        """Return the key that vouches, where it is not a record's own."""
        return self.request.key_id if self.request else None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that never became a record: its adapter or parser could not read it."""

    raw: Any
    problems: tuple[Problem, ...]
    record_type: str | None = None
    key: str | None = None
    """Of the record that it speaks of, where that could be read: a later row settles it."""


@dataclass(frozen=True, slots=True)
class Vouched:
    """A row that something else vouches for than for the rest of its batch, as strongly."""

    raw: Any
    evidence: Evidence
    wire: dict[str, Any] | None = None
    """What `schema.conform` made of its record without a problem, where that was asked already."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Idempotency:
    """The caller's key for this request, and the hash of its body."""

    key: str
    body_hash: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """Rows that one source says at one time.

    A row is `{"type", "record", "jws"?, "authority"?}` or `{"type", "withdraw": {"key", "reason",
    "at"?}, "jws"?, "authority"?}`, or a `Rejected`, or one of these with evidence of its own
    (`Vouched`). `party` is who vouches; for harvest it is the
    hub itself. `authority` is said by a source that passes on what it heard from other systems.
    """

    source: str
    party: str
    channel: Channel
    rows: Sequence[Any]
    evidence: Evidence
    as_of: datetime
    client_id: str | None = None
    idempotency: Idempotency | None = None
    dry_run: bool = False
    caller: Caller | None = None
    """Who pushed it at a door: for him rows may be handed on to their home (`hub.forwarding`)."""
    said_at: datetime | None = None
    """When its sender says that the source knew it, in his words; None: he did not say."""
    until: float | None = None
    """When who sent it goes on, in the time of the event loop: nothing is written after that."""
    hands_on: frozenset[str] = frozenset()
    """Institutions at home at another hub whose rows are handed on there after this: of such a row
    nothing is stated here, and its outcome is UNSETTLED."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RowHome:
    """The hub at which a row is stated, where that is another one, and what it said of it."""

    hub: str
    """Its address."""
    institution: str
    """Whose home it is."""
    origin: str | None = None
    """Name of its log; None until it has answered, and where the operator pinned none."""
    entry_id: int | None = None
    """The entry in its log, which means nothing in the log of this hub."""
    receipt: Mapping[str, str] | None = None
    """State of the entry's receipt there, with `proof` and `record` where it is one: not kept."""

    def to_wire(self) -> dict[str, Any]:
        """Return it as it is answered over HTTP and kept for repeats."""
        members = {
            "hub": self.hub,
            "institution": self.institution,
            "origin": self.origin,
            "entryId": None if self.entry_id is None else str(self.entry_id),
            "receipt": self.receipt,
        }
        return {name: value for name, value in members.items() if value is not None}

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> RowHome:
        """Read back what `to_wire` made of it."""
        entry_id = wire.get("entryId")
        return cls(
            hub=wire["hub"],
            institution=wire["institution"],
            origin=wire.get("origin"),
            entry_id=None if entry_id is None else int(entry_id),
            receipt=wire.get("receipt"),
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class RowOutcome:
    """What became of one row. `row` counts from 1; a duplicate names the entry that stands."""

    row: int
    outcome: Outcome
    record_type: str | None = None
    key: str | None = None
    item_id: str | None = None
    entry_id: int | None = None
    revision: int | None = None
    revision_id: str | None = None
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()
    """What is unlikely in a row that went in; its sender looks at it."""
    home: RowHome | None = None
    """Where it is stated, if not here; then `entry_id` is None, and the revision is that one's."""

    def to_wire(self) -> dict[str, Any]:
        """Return the outcome as it is answered over HTTP and kept for repeats."""
        wire: dict[str, Any] = {"row": self.row, "outcome": self.outcome.value}
        members = (
            ("type", self.record_type),
            ("key", self.key),
            ("id", self.item_id),
            ("entryId", None if self.entry_id is None else str(self.entry_id)),
            ("revision", self.revision),
            ("revisionId", self.revision_id),
        )
        wire.update((name, value) for name, value in members if value is not None)
        if self.problems:
            wire["problems"] = [problem_to_wire(problem) for problem in self.problems]
        if self.warnings:
            wire["warnings"] = [problem_to_wire(warning) for warning in self.warnings]
        if self.home is not None:
            wire["home"] = self.home.to_wire()
        return wire

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> RowOutcome:
        """Read back what `to_wire` made."""
        entry_id = wire.get("entryId")
        return cls(
            row=wire["row"],
            outcome=Outcome(wire["outcome"]),
            record_type=wire.get("type"),
            key=wire.get("key"),
            item_id=wire.get("id"),
            entry_id=None if entry_id is None else int(entry_id),
            revision=wire.get("revision"),
            revision_id=wire.get("revisionId"),
            problems=tuple(problem_from_wire(each) for each in wire.get("problems", ())),
            warnings=tuple(problem_from_wire(each) for each in wire.get("warnings", ())),
            home=RowHome.from_wire(wire["home"]) if "home" in wire else None,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcomes:
    """The answer to a batch. `replayed`: an earlier answer, given again for the same key."""

    rows: tuple[RowOutcome, ...]
    dry_run: bool = False
    replayed: bool = False
    counts: Mapping[Outcome, int] = field(init=False)

    def __post_init__(self) -> None:
        counted = Counter(each.outcome for each in self.rows)
        object.__setattr__(self, "counts", {each: counted[each] for each in Outcome})

    @property
    def added(self) -> int:
        """Return by how many records the source grew: new keys less withdrawn ones."""
        new = sum(row.outcome is Outcome.ACCEPTED and row.revision == 1 for row in self.rows)
        return new - self.counts[Outcome.WITHDRAWN]

    def to_text(self) -> str:
        """Return the answer as JSON, row by row: one call for all would let nothing else run."""
        head = {
            "dryRun": self.dry_run,
            "counts": {outcome.value.lower(): n for outcome, n in self.counts.items()},
            "replayed": self.replayed,
        }
        rows = ",".join(_dumps(each.to_wire()) for each in self.rows)
        return f"{_dumps(head)[:-1]}{_ROWS}{rows}]}}"

    @classmethod
    def from_text(cls, text: str, *, replayed: bool) -> Outcomes:
        """Read back what `to_text` made, row by row."""
        head, _, _ = text.partition(_ROWS)
        at, rows = len(head) + len(_ROWS), []
        while text.startswith("{", at):
            wire, at = _DECODER.raw_decode(text, at)
            rows.append(RowOutcome.from_wire(wire))
            at += 1  # the comma, or the bracket after the last one
        dry_run = json.loads(head + "}")["dryRun"]
        return cls(rows=tuple(rows), dry_run=dry_run, replayed=replayed)


Take: TypeAlias = Callable[[Batch], Awaitable[Outcomes]]
"""What a batch becomes: `hub.intake.service.submit`, or `hub.forwarding` before it."""


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def problem_to_wire(problem: Problem) -> dict[str, Any]:
    """Return a problem as JSON-ready data."""
    wire = {
        "path": problem.path,
        "code": problem.code,
        "messageZh": problem.zh,
        "messageEn": problem.en,
    }
    return wire if problem.value is None else {**wire, "value": problem.value}


def problem_from_wire(wire: Mapping[str, Any]) -> Problem:
    """Read back a problem."""
    return Problem(
        wire["path"], wire["code"], wire["messageZh"], wire["messageEn"], wire.get("value")
    )
