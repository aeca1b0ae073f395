"""`model`: how each field of the interface is read in SQL, derived from the records.

- A `Model` belongs to one registry; every field of every output type that can be compiled is in it,
  and a field that is not there is left to the executor.
- The scope of a field is its item's; fields that no item declares are public facts of the hub.
- `{t}` stands for the alias of the row that a field is read from, `{a}` for that of its target.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from hub.query.plan.references import ENTITIES
from hub.query.sql.jsontext import bare, instant, quoted, text
from hub.query.sql.source_fields import EVENT, STATUS
from schema.item import Item, RecordSpec, camel
from schema.registry import Registry
from schema.traits import Bookable, Findable, Listable, Powered, Related, Watches

if TYPE_CHECKING:
    from graphql import GraphQLSchema

    from hub.store.records import StoredRecords


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Plain:
    """A JSON text made from the row itself."""

    sql: str


@dataclass(frozen=True, slots=True)
class Whole:
    """A text that is shown only to callers who may read every item of the row."""

    sql: str


@dataclass(frozen=True, slots=True)
class Stored:
    """An item of a record: a column, or a nested value in a column."""

    spec: RecordSpec
    item: Item


@dataclass(frozen=True, slots=True)
class Inside:
    """A member of a nested value, read from its jsonb."""

    item: Item


@dataclass(frozen=True, slots=True)
class Nested:
    """A nested value, or a list of them, in a jsonb column of a computed row."""

    sql: str
    type: str


@dataclass(frozen=True, slots=True)
class Same:
    """Another view of the same row."""

    type: str


@dataclass(frozen=True, slots=True)
class Known:
    """When the row's source last confirmed its present statement."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The items of a merged row that are not taken from the leading claim."""


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of the row's item by every source: headers without content."""


@dataclass(frozen=True, slots=True)
class Forward:
    """The one record that a reference names; null when there is none."""

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
    """A row that the hub computes: `availability`, `price` or `power`.

    `like`: it is seen by whoever may read this item of this record type, of the same owner.
    """

    how: str
    type: str
    like: tuple[RecordSpec, Item] | None = None


@dataclass(frozen=True, slots=True)
class Sources:
    """The status of every source of a record type, or of all."""

    record: str = ""


@dataclass(frozen=True, slots=True)
class History:
    """How asking a source went, the newest first."""


@dataclass(frozen=True, slots=True)
class ByKey:
    """One record that an argument names."""

    record: str


@dataclass(frozen=True, slots=True)
class ByIdentity:
    """Any record, by its identity."""

    many: bool
    referred: bool = False
    """By the references of a gateway (`hub.query.plan.references`)."""


Field = (
    Plain
    | Whole
    | Stored
    | Inside
    | Nested
    | Same
    | Known
    | Chosen
    | Claims
    | Forward
    | Listed
    | Connected
    | Windows
    | Computed
    | Sources
    | History
    | ByKey
    | ByIdentity
)
Fields = dict[str, Field]

PROVENANCE: Fields = {
    "source": Plain(text("{t}.source")),
    "authority": Plain(text("nullif({t}.authority,'')")),
    "asOf": Known(),
    "acceptedAt": Plain(instant("{t}.accepted_at")),
    "revision": Plain(bare("{t}.revision")),
    "revisionId": Whole(quoted("'r1_'||translate(encode({t}.digest,'base64'),'+/=','-_')")),
    "owner": Plain(text("{t}.owner")),
    "issuer": Plain(text("{t}.issuer")),
    "party": Plain(text("{t}.party")),
    "assurance": Plain(quoted("{t}.assurance")),
    "channel": Plain(quoted("{t}.channel")),
    "entryId": Plain(quoted("{t}.entry_id::text")),
    "items": Chosen(),
    "claims": Claims(),
}
ITEM_SOURCE: Fields = {
    "item": Plain(text("{t}.item")),
    "source": Plain(text("{t}.source")),
}
CLAIM: Fields = {
    "source": Plain(text("{t}.source")),
    "kind": Plain(quoted("{t}.kind")),
    "key": Plain(text("{t}.key")),
    "leads": Plain(bare("{t}.leads")),
    "asOf": Plain(instant("{t}.as_of")),
    "acceptedAt": Plain(instant("{t}.accepted_at")),
    "revision": Plain(bare("{t}.revision")),
    "assurance": Plain(quoted("{t}.assurance")),
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
POWER: Fields = {
    "state": Plain(quoted("{t}.state")),
    "since": Plain(instant("{t}.since")),
    "asOf": Plain(instant("{t}.as_of")),
}
FACET: Fields = {
    "by": Plain(quoted("{t}.by")),
    "value": Plain(text("{t}.value")),
    "count": Plain(bare("{t}.count")),
}


@dataclass(frozen=True, slots=True)
class ListingNames:
    """A listing's table, and the columns by which its pages can be filtered."""

    table: str
    facets: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """How the GraphQL interface of a registry is read in SQL."""

    registry: Registry
    fields: Mapping[str, Fields]
    """How each field is read, by type name and field name."""
    tables: Mapping[str, str]
    """The table that queries read, by record type."""
    sources: Mapping[str, str]
    """The table of claims (what each source states), by record type."""
    listings: Mapping[str, ListingNames]
    """The listings, by the record types that have one."""
    former: str
    """The table of ids that links have replaced."""

    def stating(self, kind: type[T]) -> tuple[str, T]:
        """Return the table of the record type that has a trait, and the trait; there is one."""
        ((spec, trait),) = self.registry.with_trait(kind)
        return self.sources[spec.name], trait


@dataclass(frozen=True, slots=True, eq=False)
class Interface:
    """A GraphQL schema with the model of its fields in SQL."""

    schema: GraphQLSchema
    model: Model


def _plain(written: Mapping[str, str]) -> Fields:
    return {name: Plain(sql) for name, sql in written.items()}


def build_model(records: StoredRecords) -> Model:
    """Return the model of the records that a database stores."""
    registry = records.registry
    fields: dict[str, Fields] = {
        "Query": _root(registry),
        "Provenance": PROVENANCE,
        "ItemSource": ITEM_SOURCE,
        "Claim": CLAIM,
        "Availability": AVAILABILITY,
        "Window": WINDOW,
        "PriceEstimate": PRICE,
        "PowerStanding": POWER,
        "SourceStatus": {**_plain(STATUS), "history": History()},
        "SourceEvent": _plain(EVENT),
        "FacetCount": FACET,
        **{spec.name: _record(spec, registry) for spec in registry},
        **{
            name: {item.wire: Inside(item) for item in spec.items}
            for name, spec in registry.values().items()
        },
    }
    listings = {
        name: ListingNames(tables.listing.table.name, tables.listing.facets)
        for name, tables in records.tables.items()
        if tables.listing is not None
    }
    return Model(
        registry=registry,
        fields=MappingProxyType(fields),
        tables={name: tables.read.name for name, tables in records.tables.items()},
        sources={name: tables.source.name for name, tables in records.tables.items()},
        listings=listings,
        former=records.former,
    )


def plural(record: str) -> str:
    """Return the name of the root field that lists a record."""
    head = singular(record)
    vowels = ("ay", "ey", "oy", "uy")
    if head.endswith("y") and not head.endswith(vowels):
        return f"{head[:-1]}ies"
    return f"{head}es" if head.endswith("s") else f"{head}s"


def singular(record: str) -> str:
    """Return the name of the root field that finds one record."""
    return record[0].lower() + record[1:]


def relations(spec: RecordSpec, registry: Registry) -> dict[str, Forward | Listed | Connected]:
    """Return the relations of a record: what it refers to, and what refers to it."""
    by_name: dict[str, Forward | Listed | Connected] = {}
    for item in spec.items:
        if item.facts.ref and item.relation:
            on = f"{{a}}.key = {{t}}.{item.name}"
            by_name[camel(item.relation)] = Forward(item.facts.ref, on)
    for each in spec.traits:
        if isinstance(each, Related):
            pairs = [f"{{a}}.{other} = {{t}}.{own}" for other, own in each.on]
            by_name[camel(each.name)] = Forward(each.record, " AND ".join(pairs))
    for other, item in registry.referring_to(spec.name):
        if item.facts.inverse:
            on = f"{{a}}.{item.name} = {{t}}.key"
            kind = Listed if item.facts.is_few else Connected
            by_name[camel(item.facts.inverse)] = kind(other.name, on)
    return by_name


def power_field(spec: RecordSpec, registry: Registry) -> Computed | None:
    """Return how it is read whether something is on now, None where no sensors watch it."""
    if not registry.with_trait(Watches):
        return None
    for other, trait in registry.with_trait(Powered):
        if other.item(trait.of).facts.ref == spec.name:
            return Computed("power", "PowerStanding", (other, other.item(trait.states)))
    return None


def _record(spec: RecordSpec, registry: Registry) -> Fields:
    fields: Fields = {
        "id": Plain(quoted("{t}.item_id")),
        "key": Plain(text("{t}.key")),
        "provenance": Same("Provenance"),
    }
    fields |= {item.wire: Stored(spec, item) for item in spec.items}
    if spec.trait(Bookable):
        fields["availability"] = Computed("availability", "Availability")
        fields["priceEstimate"] = Computed("price", "PriceEstimate")
    power = power_field(spec, registry)
    if power is not None:
        fields["powerState"] = power
    return fields | relations(spec, registry)


def _root(registry: Registry) -> Fields:
    return {
        "node": ByIdentity(many=False),
        "nodes": ByIdentity(many=True),
        "sources": Sources(),
        ENTITIES: ByIdentity(many=True, referred=True),
        **{singular(spec.name): ByKey(spec.name) for spec, _ in registry.with_trait(Findable)},
        **{plural(spec.name): Connected(spec.name) for spec, _ in registry.with_trait(Listable)},
    }
