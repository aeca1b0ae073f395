"""`settling`: writes claims, and decides what is shown where several of them speak of one thing.

- An item that has one claim shows that claim. Where there are more, all of them are read again and
  merged (golden records), or the one that precedence names speaks for the item (all others).
- Of what is read together of one instrument (hours, coverage, prices) one source leads: the one
  whose best claim precedence names.
- Under the lock of the owners every claim that could matter is committed and seen, so the outcome
  does not depend on the order in which sources came: a rebuild gives the same.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from hub.identity.merge import Merged, merge
from hub.identity.precedence import Claim, ClaimName, kind_for
from hub.store.copying import Connection
from hub.store.projection import Projection, Standing
from hub.store.view import View

CLAIMS_PER_TURN = 1_000
"""Items that are settled at once."""


async def write(
    connection: Connection, target: Projection, lines: Iterable[bytes], view: View
) -> None:
    """Write claims; one row per (source, authority, key)."""
    await target.fill_stage(connection, lines)
    await write_staged(connection, target, view)


async def write_staged(connection: Connection, target: Projection, view: View) -> None:
    """Write the claims that are in the TEMP table, settle what they are about, empty it."""
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


async def settle(
    connection: Connection,
    target: Projection,
    items: Collection[str],
    led: Collection[str],
    view: View,
) -> None:
    """Decide anew what is shown of some items, and who leads for some instruments."""
    view = replace(view, names=view.names.of_type(target.tables.spec))  # links judge no link
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
    """Return for which instruments the claims in the TEMP table, as they stand, rival another's."""
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


_KNOWN = (
    *("c.source", "c.authority", "c.key", "c.owner", "c.issuer", "c.party", "c.entry_id"),
    *("c.revision", "c.digest", "c.as_of", "c.accepted_at", "c.assurance", "c.channel"),
    "c.withdrawn",
)


async def _merge(connection: Connection, target: Projection, items: list[str], view: View) -> None:
    """Write the golden rows of some items, or take them away where no claim stands."""
    claims, standing = await _claims(connection, target, "item_id", items, view)
    merged = [golden for each in claims.values() if (golden := merge(each, view.precedence))]
    await target.forget(connection, items)
    lines = (target.row(standing[each.lead.entry_id], each.wire, view.names) for each in merged)
    await target.fill_stage(connection, lines)
    await _choose(connection, target, merged)
    await target.write_read(connection)


async def _choose(connection: Connection, target: Projection, merged: list[Merged]) -> None:
    """Note in the TEMP table what a golden row has from others than its lead."""
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
    """Mark of each item the one claim that is shown."""
    claims, _ = await _claims(connection, target, "item_id", items, view)
    first = {min(each, key=view.precedence.rank).name for each in claims.values()}
    names = {claim.name for each in claims.values() for claim in each}
    await _mark(connection, target, "speaks", {name: name in first for name in names})


async def _lead(connection: Connection, target: Projection, keys: list[str], view: View) -> None:
    """Mark of each instrument the rows of the one source that leads."""
    of = target.tables.led_by
    assert of is not None
    claims, _ = await _claims(connection, target, of, keys, view)
    flags: dict[ClaimName, bool] = {}
    for each in claims.values():
        leader = min(each, key=view.precedence.rank).source
        flags |= {claim.name: claim.source == leader for claim in each}
    await _mark(connection, target, "leads", flags)


async def _claims(
    connection: Connection, target: Projection, by: str, wanted: list[str], view: View
) -> tuple[Mapping[str, list[Claim]], Mapping[int, Standing]]:
    """Return the claims that stand by the value of a column, and what stands by its entry.

    What they say is read where it is merged: of golden records.
    """
    spec, is_merged = target.tables.spec, target.tables.golden is not None
    content = "b.canon" if is_merged else "NULL"
    body = "JOIN entry_body b USING (entry_id) " if is_merged else ""
    cursor = await connection.execute(
        f"SELECT c.{by}, k.kind, k.owners, {content}, {', '.join(_KNOWN)} "  # noqa: S608 - own names
        f"FROM {target.tables.source.name} c {body}LEFT JOIN source k ON k.source_id = c.source "
        f"WHERE c.{by} = ANY(%s) AND NOT c.withdrawn".encode(),
        (wanted,),
    )
    claims: defaultdict[str, list[Claim]] = defaultdict(list)
    standing: dict[int, Standing] = {}
    for value, kind, owners, canon, *row in await cursor.fetchall():
        stated = Standing(*row)
        wire = {} if canon is None else view.names.wire(spec, json.loads(canon))
        standing[stated.entry_id] = stated
        claims[value].append(_claim(stated, kind, owners, view, wire))
    return claims, standing


def _claim(
    stated: Standing, kind: str | None, owners: list[str] | None, view: View, wire: Any
) -> Claim:
    return Claim(
        source=stated.source,
        authority=stated.authority,
        key=stated.key,
        kind=kind_for(kind, owners, stated.issuer, view.names.party),
        assurance=stated.assurance,
        as_of=stated.as_of,
        entry_id=stated.entry_id,
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
