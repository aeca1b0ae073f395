"""`guard`: whether a row may change what stands; pure.

- `Speaker` is who speaks in a batch. A row passes when its source may speak for the row's issuer.
- A record that gives a right or decides binds others, so more is asked: the source must name the
  issuer (a platform that speaks for anybody may not), and the party that vouches for the row, by
  the row's own signature or by the batch, is the issuer itself or the hub.
- Where the client that vouches uses roles (`hub.access.clients.KeyRole`), only a decider's key
  binds (`may_bind`): whoever decides is somebody else than whoever proposed.
- The owner and the issuer of a record never change by a revision: withdraw it and submit it anew.
- What an institution states that is at home at another hub is refused with that hub's address, or
  handed on to it (decision 0033); what this hub itself saw at a source is not (decision 0027).
- What is withdrawn cannot be withdrawn again.
- A record type may add a guard of its own (`schema.traits.Guarded`).
- Of a record that comes into states (`schema.traits.Progresses`) an older one never replaces a
  newer one, whenever it arrives.
- Of a record of which the last word counts (`schema.traits.LastWord`), what was said earlier
  neither replaces what stands nor states anew what was withdrawn.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from hub.errors import ErrorCode
from hub.intake.prepare import NO_SYSTEM, Prepared, System, problem
from schema.errors import Problem
from schema.item import camel
from schema.traits import Guarded, GuardedChange, LastWord, Progresses, RecordKey


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who speaks in a batch. `owners`: whom its source may speak for; None means anybody."""

    source: str
    party: str
    owners: frozenset[str] | None
    is_hub: bool
    """The hub vouches itself: it saw the rows at the source, or its operator loads them."""
    key_binds: bool = True
    """Whether the key that signed the batch may bind others for its client."""
    system: System = NO_SYSTEM
    homes: Mapping[str, str] = field(default_factory=dict)
    """Address of the hub at which an institution states its records, where that is another one."""


@dataclass(frozen=True, slots=True)
class GuardContext:
    """What a guard is given beside the row and the current record of its key."""

    now: datetime
    as_of: datetime
    """When the source said what the batch holds."""
    rows: Mapping[RecordKey, Mapping[str, Any] | None]
    """What stands for the records that guarded rows named, the rows themselves among them."""


@dataclass(slots=True)
class Current:
    """What stands for a claim: in the store, or from an earlier row of the batch."""

    digest: bytes
    entry_id: int
    revision: int
    withdrawn: bool
    owner: str
    issuer: str
    assurance: str = ""
    commitment: bytes = b""
    """The salted hash of that revision; read or made only when another one follows it."""
    reached: datetime | None = None
    """Since when it is in its state, where the record type says so."""
    said: datetime | None = None
    """When its source said so, or that it ended, where of a record type the last word counts."""


def may_not_state(row: Prepared, current: Current | None, speaker: Speaker) -> Problem | None:
    """Return what forbids this source and party to state a row, or None.

    A withdrawal takes its owner and issuer from what stands; where nothing does, it may be of an
    institution at home elsewhere, with which the key begins.
    """
    if row.withdrawal:
        named = _named_in(row.key or "", speaker.homes) if current is None else None
        if current is not None:
            row.owner, row.issuer = current.owner, current.issuer
        elif named is None or speaker.is_hub:
            return problem("withdraw.key", ErrorCode.WITHDRAW_UNKNOWN, row.key)
        else:
            row.owner = row.issuer = named
    if row.issuer in speaker.homes and not speaker.is_hub:
        return problem("", ErrorCode.HOME_ELSEWHERE, speaker.homes[row.issuer])
    if speaker.owners is not None and row.issuer not in speaker.owners:
        return problem("", ErrorCode.OWNER_MISMATCH, row.issuer)
    if row.party is not None and row.party != row.issuer:
        return problem("jws", ErrorCode.RECORD_SIGNATURE_INVALID, "STATEMENT_PARTY")
    assert row.spec is not None
    return _may_not_bind(row, speaker) if row.spec.effect.is_binding else None


def _named_in(key: str, institutions: Iterable[str]) -> str | None:
    """Return the institution with which a key begins; None: none of these."""
    return next((each for each in institutions if f"{key}/".startswith(f"{each}/")), None)


def _may_not_bind(row: Prepared, speaker: Speaker) -> Problem | None:
    if speaker.owners is None:
        return problem("", ErrorCode.ISSUER_NOT_NAMED, row.issuer)
    vouched = row.party or speaker.party
    if vouched != row.issuer and not (speaker.is_hub and row.party is None):
        return problem("", ErrorCode.ISSUER_MUST_VOUCH, row.issuer)
    if not (speaker.key_binds if row.party is None else row.key_binds):
        return problem("", ErrorCode.DECIDER_NEEDED, vouched)
    return None


def may_not_change(row: Prepared, current: Current | None, context: GuardContext) -> Problem | None:
    """Return what forbids a row to become the next revision of what stands, or None."""
    if current is not None and current.withdrawn and row.withdrawal:
        return problem("withdraw.key", ErrorCode.ALREADY_WITHDRAWN, row.key)
    stands = None if current is None or current.withdrawn else current
    if stands is not None and (stands.owner, stands.issuer) != (row.owner, row.issuer):
        return problem("", ErrorCode.OWNER_CHANGED, stands.owner)
    older = _goes_back(row, stands) or _was_said_before(row, current, context)
    return older or _guard_problem(row, context)


def reached(row: Prepared) -> datetime | None:
    """Return since when a record is in the state that a row says; None where it says nothing."""
    progresses = row.spec.trait(Progresses) if row.spec else None
    said = (row.wire or {}).get(camel(progresses.at)) if progresses else None
    return datetime.fromisoformat(said) if said else None


def said(row: Prepared, as_of: datetime) -> datetime | None:
    """Return when a source said what a row of a batch holds, or that it ended, where it matters."""
    if row.spec is None or row.spec.trait(LastWord) is None:
        return None
    return datetime.fromisoformat(json.loads(row.canon)["at"]) if row.withdrawal else as_of


def _was_said_before(
    row: Prepared, current: Current | None, context: GuardContext
) -> Problem | None:
    """Return what forbids a word that is older than the last one, or None."""
    if current is None or current.said is None or row.withdrawal:
        return None
    if context.as_of >= current.said:
        return None
    return problem("", ErrorCode.STATE_OLDER, context.as_of.isoformat())


def _goes_back(row: Prepared, stands: Current | None) -> Problem | None:
    """Return what forbids a state that is older than the one that stands, or None."""
    if stands is None or stands.reached is None or row.withdrawal:
        return None
    now = reached(row)
    if now is not None and now >= stands.reached:
        return None
    assert row.spec is not None
    progresses = row.spec.trait(Progresses)
    assert progresses is not None
    return problem(camel(progresses.at), ErrorCode.STATE_OLDER, now and now.isoformat())


def guard_of(row: Prepared) -> Guarded | None:
    """Return the guard that judges changes of a row's record, if one does."""
    guarded = None if row.spec is None else row.spec.trait(Guarded)
    if guarded is None or row.key is None or not guarded.applies(row.key):
        return None
    return guarded


def _guard_problem(row: Prepared, context: GuardContext) -> Problem | None:
    """Return what the guard of the row's record type forbids, or None."""
    assert row.spec is not None
    assert row.key is not None
    guarded = guard_of(row)
    if guarded is None:
        return None
    own = (row.spec.name, row.key)
    flaw = guarded.guard(
        GuardedChange(
            previous=context.rows.get(own),
            next=None if row.withdrawal else row.wire,
            rows=context.rows,
            at=context.now,
        )
    )
    return None if flaw is None else Problem("", flaw.code, flaw.zh, flaw.en)
