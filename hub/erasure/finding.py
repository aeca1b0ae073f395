"""`finding`: which statements an order is about, and everything that holds their content.

- A statement is named by record type and key, by one of its entries, or by a text in its content.
- All its revisions belong to it, whichever of them was named.
- Refused rows, kept answers, signed requests and messages of runs belong to it when they name the
  statement or hold the text, or one of the personal (L4) values that the content had.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

from hub.erasure.limits import CLAIMS_MAX, ENTRIES_MAX, TEXT_CHARACTERS
from hub.erasure.targets import ClaimId, Targets
from hub.errors import ErrorCode, HubError
from hub.intake.idempotency import ERASED_BODY
from hub.store.copying import Connection
from schema.item import Grade, RecordSpec, camel
from schema.parties import OPERATOR
from schema.registry import Registry
from schema.traits import Grants, Supervises


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What an order names."""

    record_type: str | None = None
    key: str | None = None
    source: str | None = None
    authority: str | None = None
    entries: tuple[int, ...] = ()
    text: str | None = None


@dataclass(slots=True)
class FoundClaim:
    """A statement with its entries, and the parties that its content named."""

    claim: ClaimId
    entries: dict[int, bytes] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    latest: int = 0
    is_withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """Everything that an order is about."""

    claims: list[FoundClaim]
    targets: Targets


_CLAIM = """
SELECT DISTINCT e.record_type, coalesce(f.source, e.source), e.authority, e.key
FROM entry e LEFT JOIN former_source f ON f.former = e.source"""
_NAMED = f"""{_CLAIM}
WHERE e.record_type = %(record_type)s AND e.key = %(key)s
  AND (%(source)s::text IS NULL OR %(source)s IN (e.source, f.source))
  AND (%(authority)s::text IS NULL OR e.authority = %(authority)s)
LIMIT {CLAIMS_MAX + 1}"""
_OF_ENTRIES = f"{_CLAIM} WHERE e.entry_id = ANY(%(entries)s::bigint[]) LIMIT {CLAIMS_MAX + 1}"
_OF_TEXT = f"""{_CLAIM} JOIN entry_body b USING (entry_id)
WHERE position(convert_to(%(text)s, 'UTF8') IN b.canon) > 0
  OR position(%(text)s IN e.key) > 0 LIMIT {CLAIMS_MAX + 1}"""
_ENTRIES = f"""
SELECT e.record_type, coalesce(f.source, e.source), e.authority, e.key, e.owner, e.entry_id,
  e.commitment, e.withdrawal, b.canon, e.evidence, e.assurance = 'HUB_OBSERVED',
  coalesce(e.client_id, e.party)
FROM unnest(%(types)s::text[], %(sources)s::text[], %(authorities)s::text[], %(keys)s::text[])
  c(record_type, source, authority, key)
JOIN entry e ON e.record_type = c.record_type AND e.authority = c.authority AND e.key = c.key
LEFT JOIN former_source f ON f.former = e.source
JOIN entry_body b USING (entry_id)
WHERE coalesce(f.source, e.source) = c.source
ORDER BY e.entry_id LIMIT {ENTRIES_MAX + 1}"""  # noqa: S608 - a constant
_QUARANTINE = """
SELECT quarantine_id, created_at, evidence FROM quarantine q
WHERE entry_id = ANY(%(entries)s::bigint[])
  OR EXISTS (SELECT FROM unnest(%(types)s::text[], %(sources)s::text[], %(keys)s::text[])
    c(record_type, source, key)
    WHERE c.key = q.key AND c.record_type = q.record_type AND c.source = q.source)
  OR EXISTS (SELECT FROM unnest(%(escaped)s::text[]) t WHERE position(t IN q.raw) > 0)
  OR EXISTS (SELECT FROM unnest(%(texts)s::text[]) t
    WHERE position(t IN q.problems::text) > 0 OR position(t IN q.key) > 0)"""
_ANSWERS = """
SELECT client_id, key FROM idempotency i
WHERE body_hash <> %(erased)s AND (
  (client_id = ANY(%(holders)s) AND EXISTS (
    SELECT FROM jsonb_array_elements(answer::jsonb->'rows') r
    WHERE (r->>'entryId')::bigint = ANY(%(entries)s::bigint[])))
  OR EXISTS (
    SELECT FROM jsonb_array_elements(answer::jsonb->'rows') r,
      unnest(%(types)s::text[], %(keys)s::text[]) c(record_type, key)
    WHERE r->>'key' = c.key AND r->>'type' = c.record_type)
  OR EXISTS (SELECT FROM unnest(%(texts)s::text[]) t WHERE position(t IN answer) > 0))"""
_RUNS = """
SELECT run_id FROM run
WHERE EXISTS (SELECT FROM unnest(%(texts)s::text[]) t WHERE position(t IN message) > 0)"""


async def find(connection: Connection, registry: Registry, wanted: Wanted) -> Found:
    """Return what an order is about; nothing is changed.

    Raises `HubError`: BAD_USER_INPUT for an order that names too much or nothing that can be
    searched, CONFLICT for what may not be erased as it stands.
    """
    names = await _claims(connection, wanted)
    claims, holders, evidence, personal = await _entries(connection, registry, names)
    for each in claims:
        _check(registry, each)
    texts = [*personal, *([] if wanted.text is None else [wanted.text])]
    values = {
        "entries": [each for claim in claims for each in claim.entries],
        "types": [each[0] for each in names],
        "sources": [each[1] for each in names],
        "keys": [each[3] for each in names],
        "texts": [_inside_json(each, ascii_only=False) for each in texts],
        "escaped": [_inside_json(each, ascii_only=True) for each in texts],
        "holders": sorted(holders),
        "erased": ERASED_BODY,
    }
    refused = await _rows(connection, _QUARANTINE, values)
    targets = Targets(
        entries={each: made for claim in claims for each, made in claim.entries.items()},
        quarantine={each: at for each, at, _ in refused},
        answers=frozenset(await _rows(connection, _ANSWERS, values)),
        evidence=frozenset(evidence | {each for *_, each in refused if each is not None}),
        runs=frozenset(run for (run,) in await _rows(connection, _RUNS, values)),
    )
    return Found(claims, targets)


async def _claims(connection: Connection, wanted: Wanted) -> list[tuple[str, str, str, str]]:
    if wanted.text is not None:
        if len(wanted.text) not in TEXT_CHARACTERS:
            raise _unusable(
                f"a text has {TEXT_CHARACTERS.start} to {TEXT_CHARACTERS.stop - 1} characters"
            )
        text = _inside_json(wanted.text, ascii_only=False)
        rows = await _rows(connection, _OF_TEXT, {"text": text})
    elif wanted.entries:
        rows = await _rows(connection, _OF_ENTRIES, {"entries": list(wanted.entries)})
    elif wanted.record_type and wanted.key:
        named = ("record_type", "key", "source", "authority")
        rows = await _rows(connection, _NAMED, {name: getattr(wanted, name) for name in named})
    else:
        raise _unusable("an order names a record type and a key, entries, or a text")
    if len(rows) > CLAIMS_MAX:
        raise _unusable(f"more than {CLAIMS_MAX} statements are meant; name fewer at once")
    return sorted(rows)


async def _entries(
    connection: Connection, registry: Registry, names: Collection[tuple[str, str, str, str]]
) -> tuple[list[FoundClaim], set[str], set[bytes], set[str]]:
    """Return the statements with their entries, who sent them, evidence, and personal values."""
    columns = [list(column) for column in zip(*names, strict=True)] or [[], [], [], []]
    parameters = dict(zip(("types", "sources", "authorities", "keys"), columns, strict=True))
    found: dict[tuple[str, ...], FoundClaim] = {}
    holders: set[str] = set()
    evidence: set[bytes] = set()
    personal: set[str] = set()
    rows = await _rows(connection, _ENTRIES, parameters)
    if len(rows) > ENTRIES_MAX:
        raise _unusable(f"more than {ENTRIES_MAX} entries are meant; name fewer at once")
    for *name, owner, entry_id, commitment, withdrawal, canon, request, is_hub, holder in rows:
        claim = found.setdefault(
            (*name, owner), FoundClaim(ClaimId(name[0], name[1], name[2], name[3], owner))
        )
        claim.entries[entry_id] = commitment
        claim.latest, claim.is_withdrawn = entry_id, withdrawal
        holders.add(holder)
        if request is not None and not is_hub:
            evidence.add(request)
        spec = registry.get(name[0])
        if spec is not None and not withdrawal:
            wire = json.loads(canon)
            claim.told |= {str(wire[each]) for each in _party_items(spec) if each in wire}
            personal |= _personal_values(spec, wire)
    return list(found.values()), holders, evidence, personal


def _party_items(spec: RecordSpec) -> list[str]:
    """Return the wire names of the items whose party may see a row because they name it."""
    grants, supervises = spec.trait(Grants), spec.trait(Supervises)
    opens = [grants.consumer] if grants else []
    opens += [supervises.office] if supervises else []
    return [camel(each) for each in (*spec.rows.named, *opens)]


def _personal_values(spec: RecordSpec, wire: dict[str, Any]) -> set[str]:
    named = (item.wire for item in spec.items if item.grade is Grade.L4)
    values = (wire.get(each) for each in named)
    return {each for each in values if isinstance(each, str) and len(each) in TEXT_CHARACTERS}


def _check(registry: Registry, found: FoundClaim) -> None:
    """Refuse what may not be erased as it stands."""
    claim, spec = found.claim, registry.get(found.claim.record_type)
    if spec is None:
        return
    if spec.issuer == OPERATOR:
        raise HubError(
            ErrorCode.CONFLICT,
            message_en=f"{claim.record_type} {claim.key}: what the hub's operator states of its "
            "own acts is not erased",
            hint="It is what proves them; it holds no content of others.",
            hint_zh="它是其他记录的证明，不含他人内容。",
        )
    if spec.effect.is_binding and not found.is_withdrawn:
        raise HubError(
            ErrorCode.CONFLICT,
            message_en=f"{claim.record_type} {claim.key} of {claim.source} gives a right or "
            "decides, and stands",
            hint="Let its issuer withdraw it, so that everybody hears that it ended; then erase.",
            hint_zh="请先由出具单位撤回，使各方知悉其终止，再删除。",
        )


async def _rows(connection: Connection, statement: str, values: Any) -> list[tuple[Any, ...]]:
    cursor = await connection.execute(statement.encode(), values)
    return await cursor.fetchall()


def _inside_json(text: str, *, ascii_only: bool) -> str:
    """Return a text as it stands inside a JSON string."""
    return json.dumps(text, ensure_ascii=ascii_only)[1:-1]


def named_texts(found: Found) -> Iterable[str]:
    """Return one line for each statement that was found, without its content."""
    for each in found.claims:
        claim = each.claim
        yield (
            f"{claim.record_type}  {claim.key}  {claim.source}  {claim.authority or '-'}  "
            f"entries {' '.join(map(str, each.entries))}"
        )


def _unusable(why: str) -> HubError:
    return HubError(
        ErrorCode.BAD_USER_INPUT,
        message_en=why,
        hint="Nothing was erased.",
        hint_zh="没有删除任何内容。",
    )
