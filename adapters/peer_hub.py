"""Another hub of this standard, through its GraphQL interface: its catalogue, record by record.

The other side is this project's own, so nothing is a guess: the questions for a record type are
derived from the standard, and what comes is a record in wire form, checked against the same
standard (`conform`), strictly. Keys stay the peer's, so a record has one id at both hubs.

- Asked are documents that every hub registers by itself, because it derives the same text; they are
  named by its digest. A hub of another version of the standard says DOCUMENT_UNKNOWN.
- The catalogue is followed by the peer's change feed, each record with the receipt of the entry in
  which its leading source stated it. Where the operator pinned the peer's log (`[hub] policy`), a
  receipt is judged before its record is believed; one that proves nothing is a fault of its row
  with a code RECEIPT_…, and what is taken are the bytes that it proves.
- A receipt proves a whole record, so whoever may not read all of it (L2 without an agreement) gets
  none. Such a record is taken as the peer shows it, and no proof of it is kept; with
  `[facts] unproved = "refused"` it waits in quarantine as RECEIPT_WITHHELD. The same holds for a
  record that the peer knows under a linked key: its receipt is of the other name.
- Only public items of `FOLLOWED`: what an agreement reveals stays with the hub to which it was
  revealed. Who is to be asked (`contact`) stays at the peer.
- What the peer itself heard from a hub is not taken. A source of kind PEER is believed last, so a
  record for which one leads is ours, or a third hub's, which speaks for itself.
- `[facts] home_of` lists institutions that state their records here: theirs are never taken back.
- Occupancy is not followed. It is asked live, of one instrument: first the coverage, as fresh as
  the caller wants it, then the bookings, which are no older. What is known of the calendar is as of
  the peer's coverage, not as of our question. The authority of each stays the peer's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256
from typing import Any

from adapters._adapter import Adapter, Collection, Context, Mapped, Removed, Yielded
from adapters._live import Covered, Live, LiveList, WantedCalendar
from adapters._metadata_files import metadata_of
from adapters._proof import Disproved, LogProof
from adapters._row import Row
from connectors.change_feed import REMOVED, ChangeFeedList
from connectors.graphql import GraphqlList
from connectors.paging import Cursor, WholeList
from connectors.reader import EVERYTHING, Window
from schema.canonical import parse_canonical
from schema.codes import SourceKind
from schema.conform import conform
from schema.dates import format_instant, parse_instant
from schema.item import RecordSpec
from schema.keys import is_authority
from schema.registry import standard
from schema.visibility import PUBLIC_SCOPE

ROWS = 100
PROVED = ("proof", "record")
SIGNED = frozenset({"INCLUDED", "WITNESSED"})
"""States of a receipt with which a proof comes."""
BELIEVED = (SourceKind.OWN, SourceKind.DELEGATE, SourceKind.PLATFORM)
"""Kinds of source in the order in which the peer believes their calendars."""
FOLLOWED = {
    "institutions": "Institution",
    "instruments": "Instrument",
    "serviceOffers": "ServiceOffer",
    "openingHours": "OpeningHours",
    "openingExceptions": "OpeningException",
}
TITLES = {
    "institutions": "枢纽之间：单位目录 Between hubs: institutions",
    "instruments": "枢纽之间：仪器目录 Between hubs: instruments",
    "serviceOffers": "枢纽之间：收费目录 Between hubs: prices",
    "openingHours": "枢纽之间：开放时间 Between hubs: opening hours",
    "openingExceptions": "枢纽之间：开放时间例外 Between hubs: opening exceptions",
}
CLAIMS = "claims { source kind key leads }"
HEADER = f"id key provenance {{ owner source entryId revision {CLAIMS} }}"
BOOKING_HEADER = f"id key provenance {{ owner source authority asOf {CLAIMS} }}"
DEADLINE_S, DEADLINE_S_MIN = 10.0, 0.01
"""What a hub waits for its own sources, at most and at least, where we ask it."""
OCCUPANCY, COVERAGE = "Occupancy", "OccupancyCoverage"
CHANGES = f"""# 枢纽之间：目录的变更 Between hubs: what changed
query PeerChanges($types: [String!], $first: Int! = {ROWS}, $after: String) {{
  changes(types: $types, first: $first, after: $after) {{
    nodes {{ kind id key }}
    resync
    endCursor
    hasMore
    retryAfterS
  }}
}}
"""
RECEIPTS = """# 枢纽之间：回执 Between hubs: receipts
query PeerReceipts($entries: [ID!]!) {
  receipts(entryIds: $entries) { entryId state proof record }
}
"""
KNOWN = f"""# 枢纽之间：日历的时效 Between hubs: how well a calendar is known
query PeerCoverage($key: String!, $maxStaleness: Duration, $deadline: Duration! = "PT2S") {{
  instrument(by: {{key: $key}}, maxStaleness: $maxStaleness, deadline: $deadline) {{
    coverage {{ {BOOKING_HEADER} instrumentKey startAt endAt }}
  }}
}}
"""


def questions() -> tuple[str, ...]:
    """Return the texts of all questions, which a hub registers so that its peers may ask them."""
    return (CHANGES, RECEIPTS, KNOWN, _booked(), *(_items(name) for name in FOLLOWED))


def _items(name: str) -> str:
    """Return the question for what changed of a record type: every public item."""
    spec = standard()[FOLLOWED[name]]
    title = f"{name[0].upper()}{name[1:]}"
    return (
        f"# {TITLES[name]}\n"
        f"query Peer{title}($ids: [ID!]!) {{\n"
        f"  nodes(ids: $ids) {{ ... on {spec.name} {{\n"
        f"    {HEADER}\n    {_selection(spec)}\n"
        "  } }\n"
        "}\n"
    )


def _booked() -> str:
    """Return the question for what is booked on an instrument."""
    return (
        "# 枢纽之间：占用 Between hubs: bookings\n"
        f"query PeerBookings($key: String!, $first: Int = {ROWS}, $after: String, "
        f"$filter: {OCCUPANCY}Filter) {{\n"
        "  instrument(by: {key: $key}) {\n"
        "    occupancies(first: $first, after: $after, filter: $filter) {\n"
        "      totalCount\n"
        f"      nodes {{ {BOOKING_HEADER} {_selection(standard()[OCCUPANCY])} }}\n"
        "      pageInfo { hasNextPage endCursor }\n"
        "    }\n"
        "  }\n"
        "}\n"
    )


def _public(spec: RecordSpec) -> list[str]:
    return [each.wire for each in spec.items if each.scope == PUBLIC_SCOPE]


def _taken(spec: RecordSpec) -> list[str]:
    return [name for name in _public(spec) if name != "contact"]


def _selection(spec: RecordSpec) -> str:
    parts = []
    for each in spec.items:
        if each.scope == PUBLIC_SCOPE:
            inner = f" {{ {_selection(each.value)} }}" if each.value is not None else ""
            parts.append(f"{each.wire}{inner}")
    return " ".join(parts)


def _registered(text: str) -> str:
    return f"sha256:{sha256(text.encode()).hexdigest()}"


RECEIPTS_ID, COVERAGE_ID = map(_registered, (RECEIPTS, KNOWN))
"""By these a hub is asked for receipts of its log, and how well it knows a calendar."""


def _mapper(record_type: str) -> Callable[[Row, Context], Iterable[Yielded]]:
    spec = standard()[record_type]

    def mapped(row: Row, context: Context) -> Iterable[Yielded]:
        """Take a record as it came, unless it is not the peer's own."""
        name = row.text("id")
        if row.value("change") == REMOVED:
            key = row.optional_text("key") or ""
            yield Removed(record_type, key, "REMOVED: the peer shows it no longer", item_id=name)
            return
        if "contact" in _public(spec):
            row.drop("contact")
        row.drop("receipt")
        key, claim = row.text("key"), _leading(row)
        shown = {each: row.value(each) for each in _taken(spec)}
        row.value("receiptState")
        if not claim:
            return
        proof, bytes_proved = _judged(row, context, spec, claim)
        wire = _wire(row, spec, shown if proof is None else parse_canonical(bytes_proved))
        if wire is None:
            return
        if key != spec.key_of(wire):
            zh, en = "与记录自身的主键不符", "is not the key that the record itself states"
            row.fault("key", "KEY_DIFFERS", zh, en)
        home = context.facts.get("home_of", ())
        if _kind(claim) is not SourceKind.PEER and spec.owner_of(wire) not in home:
            yield Mapped(record_type, wire, item_id=name, proof=proof)
        else:
            yield Removed(record_type, key, "HOME: it is not the peer's own", item_id=name)

    return mapped


def _wire(row: Row, spec: RecordSpec, stated: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the record that is stated, without contacts, or None with its problems noted."""
    members = {name: stated[name] for name in _taken(spec) if name in stated}
    if isinstance(members.get("originals"), list):
        members["originals"] = [each for each in members["originals"] if _is_taken(spec, each)]
    # An interface cannot tell a list that is absent from one that is empty; of hours it says which.
    empty = {each.wire for each in spec.items if each.wire in members and members[each.wire] == []}
    wire, problems = conform(spec, {n: each for n, each in members.items() if n not in empty})
    for each in problems:
        row.fault(each.path, each.code, each.zh, each.en)
    return None if problems else dict(wire)


def _is_taken(spec: RecordSpec, original: Any) -> bool:
    """Whether an original text is of an item that is taken: that of a contact stays at the peer."""
    path = str(original.get("path")) if isinstance(original, dict) else ""
    return not path or path.partition(".")[0] in _taken(spec)


def _judged(
    row: Row, context: Context, spec: RecordSpec, claim: Mapping[str, Any]
) -> tuple[LogProof | None, bytes]:
    """Return what the receipt of a row proves, and the bytes that it proves.

    No proof: nobody judges, the peer gives no receipt, or a fault of the row says why.
    """
    told, state = row.value("receipt"), row.optional_text("receiptState")
    if context.judge is None:
        return None, b""
    receipt, record = (told.get(name) if isinstance(told, dict) else None for name in PROVED)
    if not isinstance(receipt, str) or not isinstance(record, str):
        _without(row, context, is_lost=state in SIGNED)
        return None, b""
    judged = context.judge(receipt, record)
    if isinstance(judged, Disproved):
        zh, en = f"回执未能证明该记录：{judged.detail}", f"proves nothing: {judged.detail}"
        row.fault("receipt", f"RECEIPT_{judged.word}", zh, en)
        return None, b""
    about = (judged.record_type, judged.key, judged.revision)
    if about != (spec.name, claim.get("key"), row.value("provenance").get("revision")):
        zh, en = "回执属于另一记录或另一修订", f"is of another record or revision: {about}"
        row.fault("receipt", "RECEIPT_OF_ANOTHER", zh, en)
    elif judged.key == row.text("key"):
        return judged, record.encode()
    _without(row, context, is_lost=False)
    return None, b""


def _without(row: Row, context: Context, *, is_lost: bool) -> None:
    """Fault a row without a receipt: one that was not kept here, or that nobody wants unproved."""
    if is_lost:
        zh, en = "回执不在本地保存，请重新采集", "is not kept here: harvest the source anew"
        row.fault("receipt", "RECEIPT_NOT_KEPT", zh, en)
    elif context.facts.get("unproved") == "refused":
        zh, en = "对方未提供可核验的回执", "the peer gives none that can be judged"
        row.fault("receipt", "RECEIPT_WITHHELD", zh, en)


def _leading(row: Row) -> Mapping[str, Any]:
    """Return the claim that the peer believes first; a fault where it does not say."""
    provenance = row.value("provenance")
    claims = provenance.get("claims") if isinstance(provenance, dict) else None
    leads = [
        each
        for each in (claims if isinstance(claims, list) else [])
        if isinstance(each, dict) and each.get("leads") is True
    ]
    if len(leads) == 1 and str(leads[0].get("kind")) in SourceKind.__members__:
        return leads[0]
    zh, en = "没有说明首要来源的类别", "does not say what its leading source is to the owner"
    row.fault("provenance", "CODE_UNKNOWN", zh, en)
    return {}


def _kind(claim: Mapping[str, Any]) -> SourceKind | None:
    """Return what the source of a claim is to the owner; None where the peer did not say."""
    return SourceKind[claim["kind"]] if claim else None


def _followed(context: Context) -> Window:
    return EVERYTHING if context.judge is None else Window(filters={"proofs": "yes"})


def _list(name: str) -> Collection:
    return Collection(
        name=name,
        reader=ChangeFeedList(
            record_type=FOLLOWED[name],
            changes_id=_registered(CHANGES),
            items_id=_registered(_items(name)),
            receipts_id=RECEIPTS_ID,
            rows=ROWS,
        ),
        map=_mapper(FOLLOWED[name]),
        types=(FOLLOWED[name],),
        window=_followed,
        is_followed=True,
        complete=True,
    )


def _coverage(row: Row, context: Context) -> Iterable[Yielded]:
    """Remember how well the peer knows the calendar of an instrument: by its best source."""
    row.ignore("id", "key")
    claim, provenance = _leading(row), row.value("provenance")
    key, start, end = (row.text(name) for name in ("instrumentKey", "startAt", "endAt"))
    if row.problems or _kind(claim) not in BELIEVED:
        return ()
    since, until = (parse_instant(each).at for each in (start, end))
    rank = BELIEVED.index(SourceKind[claim["kind"]])
    known = context.recall(COVERAGE, key)
    is_whole = since <= context.window_start and until >= context.window_end
    if is_whole and (known is None or rank < known[0]):
        context.remember(COVERAGE, key, (rank, start, end, provenance))
    return ()


def _covered(context: Context, key: str) -> Covered | None:
    """Return what the peer stands for of the calendar of an instrument, and as of when."""
    known = context.recall(COVERAGE, key)
    if known is None:
        return None
    _, start, end, provenance = known
    record = {"instrumentKey": key, "startAt": start, "endAt": end}
    made = Mapped(COVERAGE, record, authority=str(provenance["authority"]))
    return Covered(made, parse_instant(str(provenance["asOf"])).at)


def _booking(row: Row, context: Context) -> Iterable[Yielded]:
    """Take a booking that the peer has of a system, with the system that numbers it."""
    del context
    spec = standard()[OCCUPANCY]
    row.ignore("id", "key")
    claim, provenance = _leading(row), row.value("provenance")
    wire = _wire(row, spec, {name: row.value(name) for name in _taken(spec)})
    authority = provenance.get("authority") if isinstance(provenance, dict) else None
    if not is_authority(authority):
        zh, en = "没有说明编号系统", "does not say whose number it is"
        row.fault("provenance", "AUTHORITY_UNKNOWN", zh, en)
    elif wire is not None and _kind(claim) in BELIEVED:
        yield Mapped(OCCUPANCY, wire, authority=authority)


def _question(context: Context, key: str) -> Iterable[LiveList]:
    """Ask how well the calendar is known, as fresh as it is wanted; then what is booked."""
    wanted = context.wanted or WantedCalendar(0.0, DEADLINE_S)
    fresh = {
        "maxStaleness": f"PT{max(wanted.max_staleness_s, 0):.3f}S",
        "deadline": f"PT{min(max(wanted.deadline_s, DEADLINE_S_MIN), DEADLINE_S):.3f}S",
    }
    yield LiveList(collection="coverage", window=Window(filters={"key": key, **fresh}))
    bounds = {
        "filter.startAt.lt": format_instant(context.window_end),
        "filter.endAt.gte": format_instant(context.window_start),
    }
    yield LiveList(collection="bookings", window=Window(filters={"key": key, **bounds}))


def _accepts(_: Context, __: str) -> bool:
    return True


LIVE = Live(
    record_type=OCCUPANCY,
    accepts=_accepts,
    question=_question,
    complete_within=True,
    covers=_covered,
    lists=(
        Collection(
            name="coverage",
            reader=GraphqlList(
                document_id=COVERAGE_ID, paging=WholeList(), items_at="instrument.coverage"
            ),
            map=_coverage,
        ),
        Collection(
            name="bookings",
            reader=GraphqlList(
                document_id=_registered(_booked()),
                paging=Cursor(
                    cursor="after",
                    size="first",
                    rows=ROWS,
                    at="instrument.occupancies.pageInfo.endCursor",
                    more_at="instrument.occupancies.pageInfo.hasNextPage",
                ),
                items_at="instrument.occupancies.nodes",
                total_at="instrument.occupancies.totalCount",
                key=("id",),
            ),
            map=_booking,
            types=(OCCUPANCY,),
        ),
    ),
)
"""Its lists are read by questions alone."""

ADAPTER = Adapter(
    metadata=metadata_of("peer_hub"),
    collections=tuple(_list(name) for name in FOLLOWED),
    live=LIVE,
)
