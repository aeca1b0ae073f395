"""`model`: what each field of the interface is in SQL, derived from the records.

- Every field of every output type that can be compiled is in `MODEL`; a field that is not there is
  left to the executor.
- The scope of a field is its item's; fields that no item declares are public facts of the hub.
- `{t}` stands for the alias of the row that a field is read from, `{a}` for that of its target.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.query.jsontext import bare, instant, quoted, text
from schema.item import Item, Kind, RecordSpec, camel
from schema.records import RECORDS

PLAIN_LISTS = frozenset({"offers", "opening_hours", "coverage"})
"""Inverse relations that are few, so that a list serves better than a connection."""
ROOTS = (
    "Instrument",
    "Institution",
    "Centre",
    "ServiceOffer",
    "Occupancy",
    "UsageRecord",
    "ServiceRecord",
    "Agreement",
)
"""Records that can be listed from the root."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A JSON text made from the row itself."""

    sql: str


@dataclass(frozen=True, slots=True)
class Stored:
    """An item of a record: a column, or a nested value in a column."""

    item: Item


@dataclass(frozen=True, slots=True)
class Inside:
    """A member of a nested value, read from its jsonb."""

    item: Item


@dataclass(frozen=True, slots=True)
class Nested:
    """A nested value or list of values that stands in a jsonb column of a computed row."""

    sql: str
    type: str


@dataclass(frozen=True, slots=True)
class Same:
    """Another view of the same row."""

    type: str


@dataclass(frozen=True, slots=True)
class Forward:
    """The one record that a reference names; null when it is not there."""

    record: str
    on: str


@dataclass(frozen=True, slots=True)
class Listed:
    """The few records that refer to this one."""

    record: str
    on: str


@dataclass(frozen=True, slots=True)
class Connected:
    """The records that refer to this one, or all of them, in pages."""

    record: str
    on: str = ""


@dataclass(frozen=True, slots=True)
class Windows:
    """The parts of a multirange column."""

    sql: str


@dataclass(frozen=True, slots=True)
class Computed:
    """A row that the hub computes: `availability` or `price`."""

    how: str
    type: str


@dataclass(frozen=True, slots=True)
class Sources:
    """How every source of a record type, or of all, stands."""

    record: str = ""


@dataclass(frozen=True, slots=True)
class ByKey:
    """One record that an argument names."""

    record: str


@dataclass(frozen=True, slots=True)
class ByIdentity:
    """Any record, by its identity."""

    many: bool


Field = (
    Plain
    | Stored
    | Inside
    | Nested
    | Same
    | Forward
    | Listed
    | Connected
    | Windows
    | Computed
    | Sources
    | ByKey
    | ByIdentity
)
Fields = dict[str, Field]

PROVENANCE: Fields = {
    "source": Plain(text("{t}.source")),
    "asOf": Plain(instant("{t}.as_of")),
    "acceptedAt": Plain(instant("{t}.accepted_at")),
    "revision": Plain(bare("{t}.revision")),
    "revisionId": Plain(quoted("{t}.revision_id")),
    "assurance": Plain(quoted("{t}.assurance")),
    "channel": Plain(quoted("{t}.channel")),
    "entryId": Plain(quoted("{t}.entry_id::text")),
}
AVAILABILITY: Fields = {
    "status": Plain(quoted("{t}.status")),
    "free": Windows("{t}.free"),
    "tentative": Windows("{t}.tentative"),
    "unknown": Windows("{t}.unknown"),
    "longestFreeHours": Plain(quoted("{t}.longest::text")),
    "asOf": Plain(instant("{t}.as_of")),
    "sources": Plain("coalesce(to_json({t}.sources)::text,'[]')"),
}
WINDOW: Fields = {
    "from": Plain(instant("lower({t}.r)")),
    "until": Plain(instant("upper({t}.r)")),
    "hours": Plain(
        quoted("trim_scale(round((extract(epoch FROM upper({t}.r)-lower({t}.r))/3600)::numeric,2))")
    ),
}
PRICE: Fields = {
    "status": Plain(quoted("{t}.status")),
    "amount": Nested("{t}.amount", "Money"),
    "offerCode": Plain(text("{t}.code")),
    "audience": Plain(quoted("{t}.audience")),
    "unit": Plain(quoted("{t}.unit")),
    "unitPrice": Nested("{t}.price", "Money"),
    "minimumCharge": Nested("{t}.minimum_charge", "Money"),
    "basis": Plain(text("{t}.basis")),
    "source": Plain(text("{t}.source")),
}
SOURCE: Fields = {
    "id": Plain(text("{t}.source_id")),
    "title": Plain(text("{t}.title")),
    "titleEn": Plain(text("{t}.title_en")),
    "status": Plain(quoted("{t}.state")),
    "servedFrom": Plain("""'"STORE"'"""),
    "asOf": Plain(instant("{t}.last_ok_at")),
    "latencyMs": Plain("'null'"),
    "rows": Plain(bare("{t}.rows")),
    "errorCode": Plain(text("{t}.error_code")),
    "promisedFreshnessS": Plain(bare("{t}.promised_freshness_s")),
}


def table(spec: RecordSpec) -> str:
    """Return the table that queries read."""
    return spec.table if spec.golden else f"{spec.table}_source"


def plural(record: str) -> str:
    """Return the name of the root field that lists a record."""
    head = record[0].lower() + record[1:]
    return f"{head[:-1]}ies" if head.endswith("y") else f"{head}s"


def relations(spec: RecordSpec) -> Fields:
    """Return the relations of a record: what it refers to, and what refers to it."""
    found: Fields = {}
    for item in spec.items:
        if item.facts.ref and item.relation:
            on = f"{{a}}.key = {{t}}.{item.name}"
            found[camel(item.relation)] = Forward(item.facts.ref, on)
    if spec.name == "Instrument":
        on = "{a}.institution_key = {t}.institution_key AND {a}.code = {t}.centre_code"
        found["centre"] = Forward("Centre", on)
    for other in RECORDS.values():
        for item in other.items:
            if item.facts.ref != spec.name or not item.facts.inverse:
                continue
            on = f"{{a}}.{item.name} = {{t}}.key"
            made = Listed if item.facts.inverse in PLAIN_LISTS else Connected
            found[camel(item.facts.inverse)] = made(other.name, on)
    return found


def _record(spec: RecordSpec) -> Fields:
    fields: Fields = {
        "id": Plain(quoted("{t}.item_id")),
        "key": Plain(text("{t}.key")),
        "provenance": Same("Provenance"),
    }
    fields |= {item.wire: Stored(item) for item in spec.items}
    if spec.name == "Instrument":
        fields["availability"] = Computed("availability", "Availability")
        fields["priceEstimate"] = Computed("price", "PriceEstimate")
    return fields | relations(spec)


def values() -> dict[str, RecordSpec]:
    """Return every nested value of the standard by name."""
    found: dict[str, RecordSpec] = {}
    waiting = [*RECORDS.values()]
    while waiting:
        for item in waiting.pop().items:
            if item.kind is Kind.VALUE and item.value and item.value.name not in found:
                found[item.value.name] = item.value
                waiting.append(item.value)
    return found


def _root() -> Fields:
    fields: Fields = {
        "node": ByIdentity(many=False),
        "nodes": ByIdentity(many=True),
        "instrument": ByKey("Instrument"),
        "institution": ByKey("Institution"),
        "sources": Sources(),
    }
    return fields | {plural(name): Connected(name) for name in ROOTS}


MODEL: dict[str, Fields] = {
    "Query": _root(),
    "Provenance": PROVENANCE,
    "Availability": AVAILABILITY,
    "Window": WINDOW,
    "PriceEstimate": PRICE,
    "SourceStatus": SOURCE,
    **{name: _record(spec) for name, spec in RECORDS.items()},
    **{name: {i.wire: Inside(i) for i in spec.items} for name, spec in values().items()},
}
"""What each field is, by type name and field name."""
