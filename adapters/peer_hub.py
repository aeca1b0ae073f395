"""Another hub of this standard, through its GraphQL interface: its catalogue, record by record.

The other side is this project's own, so nothing is a guess: the question for a record type is
derived from the standard, and what comes is a record in wire form, checked against the same
standard (`conform`), strictly. Keys stay the peer's, so a record has one id at both hubs.

- Asked are documents that every hub registers by itself, because it derives the same text; they are
  named by its digest. A hub of another version of the standard says DOCUMENT_UNKNOWN.
- Only public items of institutions, instruments and prices: what an agreement reveals stays with
  the hub to which it was revealed. Who is to be asked (`contact`) stays at the peer.
- What the peer itself heard from a hub is not taken. A source of kind PEER is believed last, so a
  record for which one leads is ours, or a third hub's, which speaks for itself.
- `[facts] home_of` lists institutions that state their records here: theirs are never taken back.
- Lists can be asked for what changed (`updatedSince`), by the peer's clock; links, and what nobody
  states any more, are found when all is read, once a day.
- Occupancy is not harvested from a peer, it is asked live; receipts are not verified against the
  peer's log here. Both belong to federation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from hashlib import sha256
from typing import Any

from adapters._adapter import Adapter, Collection, Context, Mapped, Yielded
from adapters._metadata_files import metadata_of
from adapters._row import Row
from connectors.graphql import GraphqlList
from connectors.paging import Cursor
from connectors.reader import Window
from schema.codes import SourceKind
from schema.conform import conform
from schema.dates import format_instant
from schema.item import RecordSpec
from schema.registry import standard
from schema.visibility import PUBLIC_SCOPE

ROWS = 100
LISTS = {
    "institutions": "Institution",
    "instruments": "Instrument",
    "serviceOffers": "ServiceOffer",
}
TITLES = {
    "institutions": "枢纽之间：单位目录 Between hubs: institutions",
    "instruments": "枢纽之间：仪器目录 Between hubs: instruments",
    "serviceOffers": "枢纽之间：收费目录 Between hubs: prices",
}
HEADER = "id key provenance { owner source claims { source kind leads } }"


def questions() -> tuple[str, ...]:
    """Return the texts of all questions, which a hub registers so that its peers may ask them."""
    return tuple(_question(name) for name in LISTS)


def _question(name: str) -> str:
    """Return the question for a list: every public item of its record type."""
    spec = standard()[LISTS[name]]
    title = f"{name[0].upper()}{name[1:]}"
    return (
        f"# {TITLES[name]}\n"
        f"query Peer{title}($first: Int = {ROWS}, $after: String, $filter: {spec.name}Filter) {{\n"
        f"  {name}(first: $first, after: $after, filter: $filter) {{\n"
        "    totalCount\n"
        f"    nodes {{\n      {HEADER}\n      {_selection(spec)}\n    }}\n"
        "    pageInfo { hasNextPage endCursor }\n"
        "  }\n"
        "}\n"
    )


def _public(spec: RecordSpec) -> list[str]:
    return [each.wire for each in spec.items if each.scope == PUBLIC_SCOPE]


def _selection(spec: RecordSpec) -> str:
    parts = []
    for each in spec.items:
        if each.scope == PUBLIC_SCOPE:
            inner = f" {{ {_selection(each.value)} }}" if each.value is not None else ""
            parts.append(f"{each.wire}{inner}")
    return " ".join(parts)


def _mapper(record_type: str) -> Callable[[Row, Context], Iterable[Yielded]]:
    spec = standard()[record_type]
    names = [name for name in _public(spec) if name != "contact"]

    def mapped(row: Row, context: Context) -> Iterable[Yielded]:
        """Take a record as it came, unless it is not the peer's own."""
        row.ignore("id")
        row.drop("contact")
        key, leading = row.text("key"), _leading_kind(row)
        stated = {name: row.value(name) for name in names}
        if isinstance(stated.get("originals"), list):
            stated["originals"] = [each for each in stated["originals"] if not _is_contact(each)]
        # An interface cannot tell a list that is absent from one that is empty.
        wire, problems = conform(spec, {n: each for n, each in stated.items() if each != []})
        for each in problems:
            row.fault(each.path, each.code, each.zh, each.en)
        if problems:
            return
        if key != spec.key_of(wire):
            zh, en = "与记录自身的主键不符", "is not the key that the record itself states"
            row.fault("key", "KEY_DIFFERS", zh, en)
        home = context.facts.get("home_of", ())
        if leading is not SourceKind.PEER and spec.owner_of(wire) not in home:
            yield Mapped(record_type, wire)

    return mapped


def _is_contact(original: Any) -> bool:
    """Whether an original text is that of the contact, which stays at the peer."""
    return isinstance(original, dict) and str(original.get("path")).startswith("contact")


def _leading_kind(row: Row) -> SourceKind | None:
    """Return what the source is to the owner that the peer believes first; none: refused."""
    provenance = row.value("provenance")
    claims = provenance.get("claims") if isinstance(provenance, dict) else None
    kinds = [
        str(each.get("kind"))
        for each in (claims if isinstance(claims, list) else [])
        if isinstance(each, dict) and each.get("leads") is True
    ]
    if len(kinds) == 1 and kinds[0] in SourceKind.__members__:
        return SourceKind[kinds[0]]
    zh, en = "没有说明首要来源的类别", "does not say what its leading source is to the owner"
    row.fault("provenance", "CODE_UNKNOWN", zh, en)
    return None


def _changed(_: Context, since: datetime) -> Window:
    return Window(filters={"filter.updatedSince": format_instant(since)})


def _list(name: str) -> Collection:
    text = _question(name)
    return Collection(
        name=name,
        reader=GraphqlList(
            document_id=f"sha256:{sha256(text.encode()).hexdigest()}",
            paging=Cursor(
                cursor="after",
                size="first",
                rows=ROWS,
                at=f"{name}.pageInfo.endCursor",
                more_at=f"{name}.pageInfo.hasNextPage",
            ),
            items_at=f"{name}.nodes",
            total_at=f"{name}.totalCount",
            key=("key",),
        ),
        map=_mapper(LISTS[name]),
        types=(LISTS[name],),
        changed=_changed,
        complete=True,
    )


ADAPTER = Adapter(
    metadata=metadata_of("peer_hub"),
    collections=tuple(_list(name) for name in LISTS),
)
