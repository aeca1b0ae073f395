"""What is asked before a link, while it stands and after it was taken back."""

from __future__ import annotations

from typing import Any

from tests.integration.identity.conftest import A, B, Caller, Hub, U, caller

FROM = """provenance { source authority asOf acceptedAt revision revisionId owner issuer party
  assurance channel entryId items { item source }
  claims { source kind key leads asOf acceptedAt revision assurance entryId } }"""
ITEMS = {
    "institutions": "institutionKey name { zh } departmentName",
    "centres": "institutionKey code operatorKey institution { id key }",
    "instruments": "institutionKey localNo model manufacturer serialNo institution { key }",
    "serviceOffers": "instrumentKey code price { amount } instrument { id key }",
    "occupancies": "instrumentKey localId startAt endAt instrument { id }",
    "usageRecords": "instrumentKey localId hours userKey instrument { id }",
    "serviceRecords": "instrumentKey localId hours userKey instrument { id }",
    "agreements": "providerKey consumerKey dataset",
    "links": "recordType firstKey secondKey statedBy relation",
}
TYPES = {
    "institutions": "Institution",
    "centres": "Centre",
    "instruments": "Instrument",
    "serviceOffers": "ServiceOffer",
    "occupancies": "Occupancy",
    "usageRecords": "UsageRecord",
    "serviceRecords": "ServiceRecord",
    "agreements": "Agreement",
}
LISTS = {
    name: f"{{ {name}(first: 50) {{ totalCount nodes {{ id key {items} {FROM} }} }} }}"
    for name, items in ITEMS.items()
}
_ANY = " ".join(f"... on {TYPES[name]} {{ key {ITEMS[name]} {FROM} }}" for name in TYPES)
NODES = f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ id {_ANY} }} }}"
WINDOW = 'from: "2026-11-24T16:00:00Z", until: "2026-11-27T16:00:00Z"'
ONE = f"""query($key: String!) {{ instrument(by: {{ key: $key }}) {{ id key
  institution {{ id centres {{ totalCount }} instruments {{ totalCount nodes {{ id }} }} }}
  centre {{ id }}
  offers {{ id code {FROM} }} openingHours {{ id weekday periods {{ opens closes }} {FROM} }}
  coverage {{ id startAt endAt {FROM} }}
  occupancies(first: 50) {{ totalCount nodes {{ id localId }} }}
  usageRecords(first: 50) {{ totalCount nodes {{ id localId hours userKey }} }}
  serviceRecords(first: 50) {{ totalCount nodes {{ id localId }} }}
  availability({WINDOW}) {{ status free {{ from until }} unknown {{ from until }} asOf sources }}
  priceEstimate(audience: OUTSIDE, hours: 2) {{ status amount {{ amount }} offerCode source }}
}} }}"""
BY_NUMBER = """query($source: String!, $localNo: String!) {
  instrument(by: { number: { source: $source, localNo: $localNo } }) { id key } }"""
INSTITUTION = """query($key: String!) { institution(by: { key: $key }) {
  id key centres { totalCount } instruments { totalCount } } }"""
CALLERS: dict[str, Caller] = {name: caller(key) for name, key in (("A", A), ("U", U), ("B", B))}
CALLERS["nobody"] = caller(None)


async def ids(hub: Hub) -> list[str]:
    """Return the ids of everything that a query can find, in order."""
    found: set[str] = set()
    for tables in hub.database.records.tables.values():
        rows = await hub.rows(f"SELECT item_id FROM {tables.read.name}")
        found |= {identity for (identity,) in rows}
    return sorted(found)


async def answers(hub: Hub, wanted: list[str]) -> dict[tuple[str, ...], bytes]:
    """Return all answers, by who asked what."""
    made: dict[tuple[str, ...], bytes] = {}
    keys = [f"{owner}/{number}" for owner in (A, B, U) for number in "123"]
    for name, who in CALLERS.items():
        asked: dict[str, tuple[str, dict[str, Any]]] = {
            **{each: (query, {}) for each, query in LISTS.items()},
            "nodes": (NODES, {"ids": wanted}),
            **{key: (ONE, {"key": key}) for key in keys},
            **{key: (INSTITUTION, {"key": key}) for key in (A, B, U)},
            "number": (BY_NUMBER, {"source": "a", "localNo": "1"}),
        }
        for each, (query, variables) in asked.items():
            made[name, each] = await hub.body(query, who, **variables)
    return made
