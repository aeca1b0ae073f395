"""`settling`: writes claims, and decides what is shown of items with claims of several sources.

- An item with one claim shows that claim. Otherwise all its claims are read again and merged
  (golden records), or the claim that ranks first by precedence speaks for the item (all other
  records).
- Records that are read together for one instrument (hours, coverage, prices) come from one source:
  the source with the claim that ranks first by precedence leads.
- While holding the lock of the owners, a transaction sees every claim of theirs committed. So the
  result does not depend on the order in which sources sent them, and a rebuild gives the same.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from hub.identity.merge import Merged, merge
from hub.identity.precedence import Claim, ClaimName, kind_for, purpose_of
from hub.store.copying import Connection
from hub.store.few import FewRows
from hub.store.projection import Projection, Standing
from hub.store.view import View
from schema.codes import SourceKind, SystemPurpose

CLAIMS_PER_TURN = 1_000
"""Items that are settled together."""


async def write(
    connection: Connection, target: Projection, lines: Iterable[bytes], view: View
) -> None:
    """Write claims; one row per (source, authority, key)."""
    await target.fill_stage(connection, lines)
    await write_staged(connection, target, view)


async def write_staged(connection: Connection, target: Projection, view: View) -> None:
    """Write the claims in the TEMP table, settle their items, and empty the table."""
    led = await _led(connection, target)
    await target.write_claims(connection, view.names)
    led |= await _led(connection, target)
    items = await _contested(connection, target)
    if items and target.tables.golden is not None:
        await connection.execute(
            f"DELETE FROM {target.stage} WHERE item_id = ANY(%s)".encode(),  # noqa: S608 - own name
            (list(items),),
        )
    await target.write_read(connection)
    await settle(connection, target, items, led, view)


async def write_few(connection: Connection, target: Projection, rows: FewRows, view: View) -> None:
    """Write a few claims (`Projection.may_be_few`), and settle their items."""
    await settle(connection, target, await target.write_few_claims(connection, rows), (), view)


async def settle(
    connection: Connection,
    target: Projection,
    items: Collection[str],
    led: Collection[str],
    view: View,
) -> None:
    """Decide again what is shown of some items, and which source leads for some instruments."""
    view = replace(view, names=view.names.of_type(target.tables.spec))  # links do not rename links
    ordered = sorted(items)
    for at in range(0, len(ordered), CLAIMS_PER_TURN):
        part = ordered[at : at + CLAIMS_PER_TURN]
        if target.tables.golden is None:
            await _speak(connection, target, part, view)
        else:
            await _merge(connection, target, part, view)
    ordered = sorted(led)
    for at in range(0, len(ordered), CLAIMS_PER_TURN):
        await _lead(connection, target, ordered[at : at + CLAIMS_PER_TURN], view)


async def _contested(connection: Connection, target: Projection) -> set[str]:
    """Return the items in the TEMP table that have another claim as well."""
    cursor = await connection.execute(
        f"SELECT DISTINCT s.item_id FROM {target.stage} s CROSS JOIN LATERAL ("  # noqa: S608
        f"SELECT FROM {target.tables.source.name} c WHERE c.item_id = s.item_id AND "
        "(c.key <> s.key OR c.source <> s.source OR c.authority <> s.authority) LIMIT 1) o".encode()
    )
    return {item for (item,) in await cursor.fetchall()}


async def _led(connection: Connection, target: Projection) -> set[str]:
    """Return the instruments for which another source has claims beside those in the TEMP table."""
    of = target.tables.led_by
    if of is None:
        return set()
    table = target.tables.source.name
    cursor = await connection.execute(
        f"SELECT DISTINCT c.{of} FROM {target.stage} s JOIN {table} c "  # noqa: S608 - own names
        "USING (source, authority, key) CROSS JOIN LATERAL ("
        f"SELECT FROM {table} o WHERE o.{of} = c.{of} AND o.source <> c.source LIMIT 1) o".encode()
    )
    return {key for (key,) in await cursor.fetchall() if key is not None}


_STANDING_COLUMNS = (
    *("c.source", "c.authority", "c.key", "c.owner", "c.issuer", "c.party", "c.entry_id"),
    *("c.revision", "c.digest", "c.as_of", "c.accepted_at", "c.assurance", "c.channel"),
    "c.withdrawn",
)


async def _merge(connection: Connection, target: Projection, items: list[str], view: View) -> None:
    """Write the golden rows of some items, or delete them where every claim is withdrawn."""
    claims, standing = await claims_by(connection, target, "item_id", items, view)
    record = target.tables.spec.name
    merged = [
        golden for each in claims.values() if (golden := merge(each, view.precedence, record))
    ]
    await target.delete_items(connection, items)
    lines = (target.row(standing[each.lead.entry_id], each.wire, view.names) for each in merged)
    await target.fill_stage(connection, lines)
    await _choose(connection, target, merged)
    await target.write_read(connection)


async def _choose(connection: Connection, target: Projection, merged: list[Merged]) -> None:
    """Note in the TEMP table the items of golden rows that are not from the leading claim."""
    chosen = [each for each in merged if each.chosen]
    if chosen:
        await connection.execute(
            f"UPDATE {target.stage} s SET chosen = w.chosen::jsonb "  # noqa: S608 - own name
            "FROM unnest(%s::bigint[], %s::text[]) w(entry_id, chosen) "
            "WHERE s.entry_id = w.entry_id".encode(),
            (
                [each.lead.entry_id for each in chosen],
                [json.dumps(each.chosen, sort_keys=True) for each in chosen],
            ),
        )


async def _speak(connection: Connection, target: Projection, items: list[str], view: View) -> None:
    """Mark the one claim of each item that is shown."""
    claims, _ = await claims_by(connection, target, "item_id", items, view)
    first = {_first(each, target, view).name for each in claims.values()}
    names = {claim.name for each in claims.values() for claim in each}
    await _mark(connection, target, "speaks", {name: name in first for name in names})


async def _lead(connection: Connection, target: Projection, keys: list[str], view: View) -> None:
    """Mark the rows of the leading source of each instrument."""
    of = target.tables.led_by
    assert of is not None
    claims, _ = await claims_by(connection, target, of, keys, view)
    flags: dict[ClaimName, bool] = {}
    for each in claims.values():
        leader = _first(each, target, view).source
        flags |= {claim.name: claim.source == leader for claim in each}
    await _mark(connection, target, "leads", flags)


def _first(claims: Iterable[Claim], target: Projection, view: View) -> Claim:
    record = target.tables.spec.name
    return min(claims, key=lambda claim: view.precedence.rank(claim, record))


async def claims_by(
    connection: Connection,
    target: Projection,
    by: str,
    values: list[str],
    view: View,
    *,
    is_read: bool | None = None,
) -> tuple[Mapping[str, list[Claim]], Mapping[int, Standing]]:
    """Return the present claims by the value of a column, and their headers by entry id.

    Their content is read if `is_read` says so; by default of golden records only, which are merged
    from it.
    """
    spec = target.tables.spec
    if is_read is None:
        is_read = target.tables.golden is not None
    content = "b.canon" if is_read else "NULL"
    body = "JOIN entry_body b USING (entry_id) " if is_read else ""
    cursor = await connection.execute(
        f"SELECT c.{by}, k.kind, k.owners, k.purpose, {content}, {', '.join(_STANDING_COLUMNS)} "  # noqa: S608 - own names
        f"FROM {target.tables.source.name} c {body}LEFT JOIN source k ON k.source_id = c.source "
        f"WHERE c.{by} = ANY(%s) AND NOT c.withdrawn".encode(),
        (values,),
    )
    claims: defaultdict[str, list[Claim]] = defaultdict(list)
    standing: dict[int, Standing] = {}
    for value, kind, owners, purpose, canon, *row in await cursor.fetchall():
        claim_row = Standing(*row)
        wire = {} if canon is None else view.names.wire(spec, json.loads(canon))
        standing[claim_row.entry_id] = claim_row
        stands = kind_for(kind, owners, claim_row.issuer, view.names.party)
        claims[value].append(_claim(claim_row, stands, purpose_of(purpose), wire))
    return claims, standing


def _claim(claim_row: Standing, kind: SourceKind, purpose: SystemPurpose, wire: Any) -> Claim:
    return Claim(
        source=claim_row.source,
        authority=claim_row.authority,
        key=claim_row.key,
        kind=kind,
        purpose=purpose,
        assurance=claim_row.assurance,
        as_of=claim_row.as_of,
        entry_id=claim_row.entry_id,
        wire=wire,
    )


async def _mark(
    connection: Connection, target: Projection, flag: str, flags: dict[ClaimName, bool]
) -> None:
    if not flags:
        return
    names = sorted(flags)
    await connection.execute(
        f"UPDATE {target.tables.source.name} c SET {flag} = w.flag "  # noqa: S608 - own names
        "FROM unnest(%s::text[], %s::text[], %s::text[], %s::bool[]) "
        "w(source, authority, key, flag) "
        "WHERE c.source = w.source AND c.authority = w.authority AND c.key = w.key "
        f"AND c.{flag} <> w.flag".encode(),
        (
            [name[0] for name in names],
            [name[1] for name in names],
            [name[2] for name in names],
            [flags[name] for name in names],
        ),
    )
