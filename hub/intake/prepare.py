"""`prepare`: a raw row as what can be written, or as what is wrong with it; pure.

- All problems of a row are found, not the first.
- What is prepared is what the producer sent: nothing is trimmed, completed or corrected, so the
  canonical bytes are the ones that the producer can compute as well.
- A withdrawal is a record of its own kind: the canonical tombstone (type, key, reason, at).
- Whose a record is and who may state it follows from the record; for a withdrawal, which names a
  key only, it follows from what stands (`hub.intake.guard`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hub.errors import ErrorCode
from hub.intake.batch import Evidence, Rejected, Vouched
from hub.intake.limits import KEY_LENGTH_MAX, REASON_LENGTH_MAX
from schema.canonical import canonical, digest, encode
from schema.conform import conform
from schema.dates import is_instant
from schema.errors import CanonicalError, Problem
from schema.item import RecordSpec
from schema.keys import check_key_text, is_authority, visible_key
from schema.parties import Effect
from schema.personal import refuse_citizen_number, refuse_private_contact
from schema.registry import Registry
from schema.texts import visible

TEXT_SHOWN_MAX = 200
"""Characters of a path or value that a problem repeats."""

_RECORD_ROW = frozenset({"type", "record", "jws", "authority"})
_WITHDRAW_ROW = frozenset({"type", "withdraw", "jws", "authority"})
_WITHDRAW = frozenset({"key", "reason", "at"})


@dataclass(frozen=True, slots=True)
class System:
    """The system whose record numbers a source states."""

    authority: str
    """`<institution that operates the system>/<name of the system>`; empty where nobody said."""
    passes_on: bool = False
    """It passes on what it heard of other systems, and says with each row of which."""


NO_SYSTEM = System("")
"""Of a source that states no record whose key needs a system."""


@dataclass(slots=True)
class Prepared:
    """One row, checked. It may be written when it has no problems."""

    row: int
    raw: Any
    problems: list[Problem]
    spec: RecordSpec | None = None
    record_type: str | None = None
    key: str | None = None
    wire: Mapping[str, Any] | None = None
    authority: str = ""
    """Who numbers records of this key; empty where the world shares the key."""
    identity: str = ""
    """Id of the record, once it is known whose it is."""
    owner: str = ""
    issuer: str = ""
    canon: bytes = b""
    digest: bytes = b""
    withdrawal: bool = False
    warnings: Sequence[Problem] = ()
    """What is unlikely in a record that conforms; it goes in all the same."""
    jws: str | None = None
    key_id: str | None = None
    key_binds: bool = True
    """Whether the key of its own signature may bind others for its client."""
    """The key of the record's own signature, once that is verified."""
    party: str | None = None
    """Who made that signature."""
    evidence: Evidence | None = None
    """What vouches for this row, where it is not what vouches for its batch."""


def prepare(
    row: int,
    raw: Any,
    registry: Registry,
    now: datetime,
    system: System,
    wire: dict[str, Any] | None = None,
) -> Prepared:
    """Check one raw row. `wire`: its record, where `conform` found no problem with it already."""
    if isinstance(raw, Vouched):
        prepared = prepare(row, raw.raw, registry, now, system, raw.wire)
        prepared.evidence = raw.evidence
        return prepared
    if isinstance(raw, Rejected):
        cleaned = [_clean(each) for each in raw.problems]
        return Prepared(row, raw.raw, cleaned, record_type=raw.record_type, key=raw.key)
    prepared = Prepared(row, raw, [])
    if not isinstance(raw, Mapping):
        prepared.problems.append(problem("", ErrorCode.ROW_NOT_AN_OBJECT))
        return prepared
    members = frozenset(raw)
    if not ({"type", "record"} <= members <= _RECORD_ROW) and not (
        {"type", "withdraw"} <= members <= _WITHDRAW_ROW
    ):
        prepared.problems.append(problem("", ErrorCode.ROW_SHAPE))
        return prepared
    type_name = raw["type"]
    spec = registry.get(type_name)
    if spec is None:
        prepared.problems.append(problem("type", ErrorCode.RECORD_TYPE_UNKNOWN, type_name))
        return prepared
    prepared.spec, prepared.record_type = spec, spec.name
    prepared.jws = raw.get("jws")
    if prepared.jws is not None and not isinstance(prepared.jws, str):
        prepared.problems.append(problem("jws", ErrorCode.RECORD_SIGNATURE_INVALID))
    _prepare_authority(prepared, spec, raw.get("authority"), system)
    if "record" in raw:
        _prepare_record(prepared, spec, raw["record"], wire)
    else:
        _prepare_withdrawal(prepared, raw["withdraw"], now)
    return prepared


def _prepare_authority(prepared: Prepared, spec: RecordSpec, stated: Any, system: System) -> None:
    """Set the system that numbers the record: the source's own, or the one that the row names."""
    if not spec.per_system:
        if stated is not None:
            prepared.problems.append(problem("authority", ErrorCode.AUTHORITY_FOREIGN))
        return
    if stated is None or not system.passes_on:
        prepared.authority = system.authority
        if stated not in (None, system.authority):
            prepared.problems.append(problem("authority", ErrorCode.AUTHORITY_FOREIGN))
        elif not system.authority or system.passes_on:
            prepared.problems.append(problem("authority", ErrorCode.AUTHORITY_UNKNOWN))
    elif is_authority(stated):
        prepared.authority = stated
    else:
        prepared.problems.append(problem("authority", ErrorCode.AUTHORITY_UNKNOWN, stated))


def problem(path: str, code: ErrorCode, shown: Any = None) -> Problem:
    """Return a problem that the hub, not the standard, has with a row."""
    text = None if shown is None else str(shown)
    return _clean(Problem(path, code.name, code.zh, code.en, text))


def _prepare_record(
    prepared: Prepared, spec: RecordSpec, raw: Any, checked: dict[str, Any] | None
) -> None:
    wire, problems = conform(spec, raw) if checked is None else (checked, [])
    if problems:
        prepared.problems += [_clean(each) for each in problems]
        prepared.key = _key_if_any(spec, wire)
        return
    prepared.wire, prepared.key = wire, spec.key_of(wire)
    if len(prepared.key) > KEY_LENGTH_MAX:
        prepared.problems.append(problem(spec.items[0].wire, ErrorCode.ROW_SHAPE))
    prepared.owner, prepared.issuer = spec.owner_of(wire), spec.issuer_of(wire)
    if spec.effect is Effect.DECISION and prepared.issuer == prepared.owner:
        prepared.problems.append(problem("", ErrorCode.DECIDES_ON_ITSELF, prepared.issuer))
    _canonicalise(prepared, wire, encode)


def _prepare_withdrawal(prepared: Prepared, raw: Any, now: datetime) -> None:
    prepared.withdrawal = True
    stated = dict(raw) if isinstance(raw, Mapping) else {}
    stated.setdefault("at", now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    if frozenset(stated) != _WITHDRAW:
        prepared.problems.append(problem("withdraw", ErrorCode.ROW_SHAPE))
        return
    key, reason, at = stated["key"], stated["reason"], stated["at"]
    if not _is_text(key, KEY_LENGTH_MAX):
        prepared.problems.append(problem("withdraw.key", ErrorCode.ROW_SHAPE))
    elif (flaw := check_key_text(key)) is not None:
        shown = visible_key(key[:TEXT_SHOWN_MAX])
        key_problem = Problem("withdraw.key", flaw.code, flaw.zh, flaw.en, shown)
        prepared.problems.append(_clean(key_problem))
    if not _is_text(reason, REASON_LENGTH_MAX) or not reason.isprintable():
        prepared.problems.append(problem("withdraw.reason", ErrorCode.ROW_SHAPE))
    elif (flaw := refuse_citizen_number(reason) or refuse_private_contact(reason)) is not None:
        prepared.problems.append(Problem("withdraw.reason", flaw.code, flaw.zh, flaw.en, None))
    if not isinstance(at, str) or not is_instant(at):
        prepared.problems.append(problem("withdraw.at", ErrorCode.ROW_SHAPE, at))
    if prepared.problems:
        return
    prepared.key, prepared.wire = key, {}
    tombstone = {"type": prepared.record_type, "key": key, "reason": reason, "at": at}
    _canonicalise(prepared, tombstone, canonical)


def _canonicalise(
    prepared: Prepared, data: Mapping[str, Any], write: Callable[[Mapping[str, Any]], bytes]
) -> None:
    try:
        prepared.canon = write(data)
    except CanonicalError as error:
        code = ErrorCode.RECORD_NOT_CANONICAL
        refusal = Problem("", code.name, f"{code.zh}：{error}", f"{code.en}: {error}")
        prepared.problems.append(_clean(refusal))
    else:
        prepared.digest = digest(prepared.canon)


def _key_if_any(spec: RecordSpec, wire: Mapping[str, Any]) -> str | None:
    """Return the key of a row with problems, where its parts are there, to find it again."""
    parts = [wire.get(spec.item(name).wire) for name in spec.key]
    if any(part is None or isinstance(part, dict | list) for part in parts):
        return None
    key = spec.key_separator.join(str(part)[:TEXT_SHOWN_MAX] for part in parts)
    return _shown(visible_key(key))


def _is_text(value: Any, length_max: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= length_max


def _clean(stated: Problem) -> Problem:
    value = None if stated.value is None else _shown(stated.value)
    return Problem(
        _shown(stated.path),
        stated.code,
        _shown(stated.zh),
        _shown(stated.en),
        value,
    )


def _shown(text: str) -> str:
    """Cut a text and take out what cannot be stored or shown: controls, lone surrogates."""
    cut = text[:TEXT_SHOWN_MAX]
    return cut if cut.isprintable() else visible(cut)[:TEXT_SHOWN_MAX]
