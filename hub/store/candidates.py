"""`candidates`: pairs of keys that may name one thing, as the claims that stand show them.

- Identifiers are read from the claims, because a merged row shows the list of one source; the own
  number of a key counts as well: what one source numbers is an identifier to another.
- Pairs that are decided (by the operator, or kept apart by an owner) do not come back, by whatever
  name their keys have now.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.identity.likeness import (
    CERTAIN,
    NOT_ALONE,
    PLACEHOLDERS,
    WITHIN_OWNER,
    Doubt,
    Pair,
    doubted_where_ambiguous,
    makers,
    schemes,
)
from hub.identity.links import Names
from hub.store.database import Database
from hub.store.derive import RecordTables
from hub.store.limits import PAIRS_FOUND_MAX, SHARED_MAX
from hub.store.records import StoredRecords
from hub.store.view import LINKS_MAX, names_now
from schema.codes import LinkRelation
from schema.item import RecordSpec
from schema.parties import OPERATOR
from schema.traits import Joins, Linkable

_PLAIN = "lower(regexp_replace(normalize({},NFKC),'[\\s\\-_.,/()''·]+','','g'))"
_VALUE = (
    "regexp_replace(upper(regexp_replace(normalize({},NFKC),'\\s+','','g')),"
    "'^(HTTPS?://)?(DX\\.)?(DOI\\.ORG/|HDL\\.HANDLE\\.NET/)|^(DOI|HDL):','')"
)
_PAIRS = """
WITH claim AS MATERIALIZED (
  SELECT c.source, c.owner, {key} AS key, s.authority, {number} AS number, c.{identifiers} AS given
  FROM {claims} c JOIN source s ON s.source_id = c.source WHERE NOT c.withdrawn
), scheme AS (
  SELECT * FROM json_each_text(%(schemes)s::json) m(spelling, name)
), maker AS (
  SELECT * FROM json_each_text(%(makers)s::json) m(spelling, name)
), stated AS (
  SELECT c.key, c.owner, coalesce(m.name, i.scheme) AS scheme, i.value
  FROM claim c CROSS JOIN LATERAL (
    SELECT upper(btrim(g->>'scheme')) AS scheme, {value} AS value
    FROM jsonb_array_elements(c.given) g) i
  LEFT JOIN scheme m ON m.spelling = i.scheme
), evidence AS (
  SELECT key, scheme || ' ' || value AS what, CASE WHEN scheme = ANY(%(within)s) THEN owner END
    AS within, scheme, true AS is_stated
  FROM stated WHERE scheme <> ALL(%(not_alone)s) AND lower(value) <> ALL(%(placeholders)s)
  UNION ALL {own}
  {plates}
), shared AS (
  SELECT what, within, array_agg(DISTINCT key) AS keys,
    coalesce(min(scheme) FILTER (WHERE NOT is_stated), min(scheme)) AS scheme,
    array_agg(DISTINCT key) FILTER (WHERE is_stated) AS stating
  FROM evidence GROUP BY what, within
  HAVING count(DISTINCT key) BETWEEN 2 AND %(shared)s AND bool_or(is_stated)
), pair AS (
  SELECT a.key AS first, b.key AS second, array_agg(DISTINCT s.what) AS shared,
    array_agg(DISTINCT s.scheme) AS schemes
  FROM shared s, unnest(s.keys) a(key), unnest(s.keys) b(key)
  WHERE a.key COLLATE "C" < b.key COLLATE "C" AND (a.key = ANY(stating) OR b.key = ANY(stating))
  GROUP BY 1, 2
), told_apart AS (
  SELECT DISTINCT p.first, p.second FROM pair p
  JOIN claim x ON x.key = p.first JOIN claim y ON y.key = p.second AND y.source = x.source
)
SELECT p.first, p.second, p.shared, p.schemes, f.owner IS DISTINCT FROM s.owner,
  a.first IS NOT NULL, {contradicts}
FROM pair p JOIN {read} f ON f.key = p.first JOIN {read} s ON s.key = p.second
LEFT JOIN told_apart a ON a.first = p.first AND a.second = p.second
{known_makers}
WHERE NOT EXISTS (SELECT FROM json_array_elements(%(decided)s::json) d
  WHERE d->>0 = p.first AND d->>1 = p.second)
ORDER BY p.first COLLATE "C", p.second COLLATE "C" LIMIT %(most)s"""
_OWN_KEY = """
  SELECT key, coalesce(m.name, k.scheme) || ' ' || k.value, NULL, coalesce(m.name, k.scheme), false
  FROM claim c CROSS JOIN LATERAL (
    SELECT upper(split_part(c.key, ':', 1)) AS scheme, {value} AS value) k
  LEFT JOIN scheme m ON m.spelling = k.scheme"""
_OWN_NUMBER = """
  SELECT key, 'INVENTORY_NUMBER ' || {value}, owner, 'INVENTORY_NUMBER', false FROM claim
  UNION ALL
  SELECT key, upper(authority) || ' ' || {value}, NULL, 'AUTHORITY', false
  FROM claim WHERE authority <> ''"""
_PLATES = """UNION ALL
  SELECT t.key, 'plate ' || concat_ws(' ', {parts}), NULL, 'PLATE', true
  FROM {read} t LEFT JOIN maker m ON m.spelling = {maker}
  WHERE num_nulls({plate}) = 0 AND {last} <> ALL(%(placeholders)s)"""
_KNOWN_MAKERS = """LEFT JOIN maker fm ON fm.spelling = {first}
LEFT JOIN maker sm ON sm.spelling = {second}"""
_AUTHORITY = "AUTHORITY"
_PLATE = "PLATE"


@dataclass(slots=True)
class DecidedPairs:
    """What was said of pairs of one record type, by the present names of their keys."""

    pairs: set[tuple[str, str]] = field(default_factory=set)
    taken_back: set[tuple[str, str]] = field(default_factory=set)
    said_by: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """Owners that say of pairs that they are one."""


async def find_pairs(database: Database, record_type: str | None = None) -> list[Pair]:
    """Return the pairs that nobody has decided, of one record type or of all, by their keys."""
    records, found = database.records, []
    for spec, trait in records.registry.with_trait(Linkable):
        if record_type in (None, spec.name):
            decided = await _decided(database, spec)
            found += await _pairs(database, records.tables[spec.name], trait, decided)
    return doubted_where_ambiguous(found)


async def _pairs(
    database: Database, tables: RecordTables, trait: Linkable, decided: DecidedPairs
) -> list[Pair]:
    parameters = {
        "schemes": json.dumps(schemes()),
        "makers": json.dumps(makers()),
        "within": sorted(WITHIN_OWNER),
        "not_alone": sorted(NOT_ALONE),
        "placeholders": list(PLACEHOLDERS),
        "shared": SHARED_MAX,
        "decided": json.dumps(sorted(decided.pairs)),
        "most": PAIRS_FOUND_MAX,
    }
    rows = await database.reads.fetch_all(_statement(tables, trait), parameters)
    pairs = []
    for first, second, shared, kinds, *doubtful in rows:
        doubts = _doubts(set(kinds), doubtful)
        if (first, second) in decided.taken_back:
            doubts.add(Doubt.TAKEN_BACK)
        pairs.append(
            Pair(
                record_type=tables.spec.name,
                first=first,
                second=second,
                shared=tuple(shared),
                doubts=frozenset(doubts),
                said_by=tuple(sorted(decided.said_by.get((first, second), ()))),
            )
        )
    return pairs


def _doubts(kinds: set[str], doubtful: Sequence[bool]) -> set[Doubt]:
    other_owner, one_source, contradicts = doubtful
    doubts = {
        Doubt.OTHER_OWNER: other_owner,
        Doubt.ONE_SOURCE: one_source,
        Doubt.CONTRADICTION: contradicts,
        Doubt.PLATE_ONLY: kinds == {_PLATE},
        Doubt.IDENTIFIER: kinds != {_PLATE} and not kinds & {*CERTAIN, _AUTHORITY},
    }
    return {doubt for doubt, is_so in doubts.items() if is_so}


def _statement(tables: RecordTables, trait: Linkable) -> str:
    spec, read = tables.spec, tables.read.name
    key = f"concat_ws('{spec.key_separator}',{','.join(f'c.{name}' for name in spec.key)})"
    is_party = len(spec.key) == 1
    own = _OWN_KEY if is_party else _OWN_NUMBER
    value = "substr(c.key, strpos(c.key, ':') + 1)" if is_party else "number"
    plates, known, contradicts = "", "", "false"
    if trait.plate:
        maker, *rest = trait.plate
        mine = {at: _PLAIN.format(f"{at}.{maker}") for at in "tfs"}
        plain = [_PLAIN.format(f"t.{name}") for name in rest]
        plates = _PLATES.format(
            parts=", ".join([f"coalesce(m.name, {mine['t']})", *plain]),
            read=read,
            maker=mine["t"],
            plate=", ".join(f"t.{name}" for name in trait.plate),
            last=plain[-1],
        )
        known = _KNOWN_MAKERS.format(first=mine["f"], second=mine["s"])
        last = [_PLAIN.format(f"{at}.{rest[-1]}") for at in "fs"]
        contradicts = (
            f"coalesce(coalesce(fm.name,{mine['f']}) <> coalesce(sm.name,{mine['s']}),false)"
            f" OR coalesce({last[0]} <> {last[1]},false)"
        )
    return _PAIRS.format(
        key=key,
        number=f"c.{spec.key[-1]}",
        identifiers=trait.identifiers,
        claims=tables.source.name,
        read=read,
        value=_VALUE.format("g->>'value'"),
        own=own.format(value=_VALUE.format(value)),
        plates=plates,
        known_makers=known,
        contradicts=contradicts,
    )


async def _decided(database: Database, spec: RecordSpec) -> DecidedPairs:
    records = database.records
    ((link, joins),) = records.registry.with_trait(Joins)
    items = (joins.first, joins.second, joins.relation, joins.stated_by)
    async with database.reads.connection() as connection:
        names = await names_now(connection, records)
    rows = await database.reads.fetch_all(
        f"SELECT key, withdrawn, {', '.join(items)} FROM {_table(records, link)} "  # noqa: S608
        f"WHERE speaks OR withdrawn ORDER BY entry_id LIMIT {LINKS_MAX}"
    )
    decided = DecidedPairs()
    for key, is_withdrawn, first, second, relation, stated_by in rows:
        if is_withdrawn:
            of, *keys, by = key.split(link.key_separator)
            if of == spec.name and len(keys) == len((first, second)) and by == OPERATOR:
                decided.taken_back.add(_named(names, spec, keys))
        elif _is_of(spec, first):
            pair = _named(names, spec, (first, second))
            if stated_by == OPERATOR or relation == LinkRelation.DIFFERS:
                decided.pairs.add(pair)
            else:
                decided.said_by.setdefault(pair, set()).add(stated_by)
    return decided


def _is_of(spec: RecordSpec, key: str) -> bool:
    return (spec.key_separator in key) == (len(spec.key) > 1)


def _named(names: Names, spec: RecordSpec, keys: Iterable[str]) -> tuple[str, str]:
    first, second = sorted(names.of(spec.name, key) for key in keys)
    return first, second


def _table(records: StoredRecords, spec: RecordSpec) -> str:
    return records.tables[spec.name].source.name


async def sides_of(
    database: Database, record_type: str, keys: Iterable[str]
) -> Mapping[str, Mapping[str, Any]]:
    """Return what is shown of some keys by item, and under `sources` who states it."""
    tables = database.records.tables[record_type]
    half = len(tables.spec.items) // 2
    parts = [tables.spec.items[:half], tables.spec.items[half:]]  # a function takes 100 arguments
    built = " || ".join(
        "jsonb_build_object("
        + ", ".join(f"'{item.wire}', to_jsonb(t.{item.name})" for item in part)
        + ")"
        for part in parts
    )
    rows = await database.reads.fetch_all(
        f"SELECT t.key, jsonb_strip_nulls({built}), (SELECT "  # noqa: S608 - own names
        "string_agg(DISTINCT c.source || ' (' || s.kind || ' ' || s.purpose || ')', ', ') "
        f"FROM {tables.source.name} c JOIN source s ON s.source_id = c.source "
        "WHERE c.item_id = t.item_id AND NOT c.withdrawn) "
        f"FROM {tables.read.name} t WHERE t.key = ANY(%(keys)s)",
        {"keys": list(keys)},
    )
    return {key: {"sources": sources, **wire} for key, wire, sources in rows}
