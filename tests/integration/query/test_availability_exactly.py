"""Availability against the same rules in plain Python, and each rule once by its name."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from hub.graphql.hooks import ServiceFacts
from hub.graphql.request import Asking, GraphRequest
from hub.graphql.service import Engine, Parts
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Outcome, RequestSignature
from hub.intake.service import submit
from hub.store.database import Database
from hub.store.sources import register_source
from schema.codes import SourceKind
from schema.parties import OPERATOR
from tests.integration.query.conftest import A, caller, instrument, money
from tests.integration.query.exact_availability import (
    Covers,
    Excepts,
    Found,
    Instrument,
    Offers,
    Opens,
    Registered,
    Says,
    Takes,
    availability,
    believed,
    price,
)

pytestmark = pytest.mark.integration

NOW = int(datetime(2026, 11, 24, 2, 0, tzinfo=UTC).timestamp())
MIDNIGHT = int(datetime(2026, 11, 30, 16, 0, tzinfo=UTC).timestamp())
"""Tuesday 1 December 2026 begins, Asia/Shanghai."""
DAY_ONE = date(2026, 12, 1)
HOUR, DAY = 3600, 86_400
WEEK = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")
OTHER = "moe:10246"
EVERYBODY = (A, OTHER, *(f"moe:{20_000 + n}" for n in range(100)))
"""Owners that are spoken of, each in its own world."""
FACTS = ServiceFacts(version="1", standard_version="1", sandbox=True)
SHOWN = """status free { from until } tentative { from until } unknown { from until }
  longestFreeHours asOf sources"""
PRICED, HOURS = "status amount { amount } offerCode source", 3
ASK = f"""query ($owner: String!, $from: DateTime!, $until: DateTime!, $hours: Decimal!) {{
  all: instruments(first: 100, filter: {{ institutionKey: {{ eq: $owner }} }}) {{
    nodes {{ key availability(from: $from, until: $until) {{ {SHOWN} }}
      priceEstimate(audience: OUTSIDE, hours: {HOURS}) {{ {PRICED} }} }} }}
  free: instruments(first: 100, filter: {{ institutionKey: {{ eq: $owner }},
    availableFor: {{ from: $from, until: $until, hours: $hours }} }}) {{
    totalCount nodes {{ key }} }}
}}"""


def registered(owner: str) -> dict[str, Registered]:
    """The sources; `moved` spoke for the owner once, and its registration says so no longer.

    `office` reads the bookings of `lims`, and `peer` passes them on.
    """
    return {
        "lims": Registered("OWN", (owner,), HOUR),
        "office": Registered("OWN", (OTHER, owner), 2 * DAY, system="lims"),
        "shut-lims": Registered("OWN", (owner,), DAY, active=False),
        "agent": Registered("DELEGATE", (owner, OTHER), DAY),
        "delta": Registered("PLATFORM", None, DAY),
        "nation": Registered("PLATFORM", None, HOUR // 2),
        "shut-delta": Registered("PLATFORM", None, DAY, active=False),
        "peer": Registered("PEER", None, DAY, system="lims"),
        "moved": Registered("OWN", (OTHER,), DAY),
    }


def at(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def wire(second: int) -> str:
    return at(second).strftime("%Y-%m-%dT%H:%M:%SZ")


def clock_time(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def statement(key: str, said: Says) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the row of a statement, and the row that takes it back."""
    record: dict[str, Any] = {"instrumentKey": key}
    if isinstance(said, Opens):
        kind, named = "OpeningHours", WEEK[said.weekday]
        periods = [{"opens": clock_time(a), "closes": clock_time(b)} for a, b in said.periods]
        record |= {"weekday": named, "periods": periods}
    elif isinstance(said, Excepts):
        kind, named = "OpeningException", said.first.isoformat()
        periods = [{"opens": clock_time(a), "closes": clock_time(b)} for a, b in said.periods]
        record |= {"firstOn": named, "periods": periods}
        if said.last != said.first:
            record["lastOn"] = said.last.isoformat()
    elif isinstance(said, Offers):
        kind, named = "ServiceOffer", said.code
        record |= offered(said.code, f"{Decimal(said.cents) / 100:.2f}")
    elif isinstance(said, Covers):
        kind, named = "OccupancyCoverage", wire(said.start)
        record |= {"startAt": named, "endAt": wire(said.end)}
    else:
        assert isinstance(said, Takes)
        kind, named = "Occupancy", said.number
        record |= {"localId": named, "kind": "RESERVATION", "startAt": wire(said.start)}
        record |= {"endAt": wire(said.end), "certainty": "FIRM" if said.firm else "TENTATIVE"}
    row: dict[str, Any] = {"type": kind}
    if said.source == "peer" and kind.startswith("Occupancy"):
        row["authority"] = authority("lims")
    withdraw = {"key": f"{key}/{named}", "reason": "mistaken"}
    return row | {"record": record}, row | {"withdraw": withdraw}


def offered(code: str, amount: str) -> dict[str, Any]:
    return {"code": code, "audience": "OUTSIDE", "unit": "HOUR", "price": money(amount)}


def authority(system: str) -> str:
    return f"platform:{system}/booking"


@dataclass
class World:
    """A hub whose clock stands still, and what is said to it."""

    database: Database
    now: int = NOW
    engine: Engine = field(init=False)

    def __post_init__(self) -> None:
        self.engine = Engine(self.database, lambda: at(self.now), Parts(facts=FACTS))

    async def register(self, owner: str, *, settled: bool) -> None:
        """Register the sources as they are, or so that each of them may say anything yet."""
        for name, source in registered(owner).items():
            owners = source.owners
            if owners is not None and owner in owners:
                owners = EVERYBODY  # so that only what is about to change is settled again
            elif owners is not None and not settled:
                owners = (owner,)
            await register_source(
                self.database,
                name,
                name,
                mode="HARVEST",
                now=at(NOW),
                owners=owners,
                kind=SourceKind[source.kind],
                authority="" if name == "peer" else authority(source.system or name),
                promised_freshness_s=source.promise,
                active=source.active if settled else True,
            )

    async def tell(self, owner: str, known: list[Instrument]) -> None:
        """Say what is known of an owner's instruments, then register the sources as they are."""
        await self.register(owner, settled=False)
        rows: dict[tuple[int, str, int, bool], list[dict[str, Any]]] = defaultdict(list)
        again: dict[tuple[str, int, bool], list[dict[str, Any]]] = defaultdict(list)
        taken_back: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for n, each in enumerate(known):
            record = instrument(owner, f"i{n}", f"i{n}", [])
            rows[-1, "lims", NOW, False].append({"type": "Instrument", "record": record})
            for said in (
                *(*each.coverage, *each.hours, *each.exceptions),
                *(*each.taken, *each.offers),
            ):
                row, withdrawal = statement(f"{owner}/i{n}", said)
                rows[said.turn, said.source, said.as_of, said.signed].append(row)
                if said.again is not None:
                    again[said.source, said.again, said.signed].append(row)
                if said.withdrawn:
                    taken_back[said.source].append(withdrawal)
        for (_, source, as_of, signed), batch in sorted(rows.items(), key=lambda item: item[0]):
            await self.submit(source, as_of, batch, signed=signed)
        for (source, as_of, signed), batch in again.items():
            await self.submit(source, as_of, batch, signed=signed)
        for source, batch in taken_back.items():
            await self.submit(source, NOW, batch)
        await self.register(owner, settled=True)

    async def submit(
        self, source: str, as_of: int, rows: list[dict[str, Any]], *, signed: bool = False
    ) -> None:
        vouched = Evidence(assurance=Assurance.HUB_OBSERVED, document_hash=b"\0" * 32, run_id="1")
        if signed:
            request = RequestSignature("base", b"signature", "k" * 43)
            vouched = Evidence(assurance=Assurance.REQUEST_SIGNED, request=request)
        batch = Batch(
            source=source,
            party=A if signed else "hub:delta.example",
            channel=Channel.HARVEST,
            rows=rows,
            evidence=vouched,
            as_of=at(as_of),
        )
        outcomes = await submit(self.database, batch, clock=lambda: at(NOW))
        assert [row for row in outcomes.rows if row.outcome is Outcome.QUARANTINED] == []

    async def ask(self, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        request = GraphRequest(query=query, variables=variables or {})
        answer = json.loads((await self.engine.answer(request, Asking(caller=caller()))).body)
        assert "errors" not in answer, answer
        data: dict[str, Any] = answer["data"]
        return data

    async def availability(self, window: tuple[int, int], hours: str = "1") -> dict[str, Any]:
        """Return what the hub answers about A's instrument, row by row and by the filter."""
        made = {"owner": A, "from": wire(window[0]), "until": wire(window[1]), "hours": hours}
        data = await self.ask(ASK, made)
        (row,) = data["all"]["nodes"]
        return {**row["availability"], "found": data["free"]["totalCount"] == 1}


# -- any statements of any sources -----------------------------------------------------------------

PER_EXAMPLE, EXAMPLES, INSTRUMENTS_MIN = 20, 20, 400
BORDERS = st.sampled_from([n * DAY for n in range(-1, 9)]) | st.integers(-DAY, 8 * DAY)
LENGTHS = st.sampled_from(
    [1, 61, HOUR, 4 * HOUR, DAY - 1, DAY, DAY + 1, 3 * DAY, 8 * DAY, 9 * DAY]
) | st.integers(1, 2 * DAY)
PERIODS = st.sampled_from(
    [
        (),
        ((0, 1440),),
        ((480, 1200),),
        ((0, 361), (1080, 1440)),
        ((510, 690), (690, 1050)),
        ((1439, 1440),),
    ]
)


@st.composite
def spans(draw: st.DrawFn) -> tuple[int, int]:
    start = MIDNIGHT + draw(BORDERS)
    return start, start + draw(LENGTHS)


@st.composite
def windows(draw: st.DrawFn) -> tuple[int, int]:
    """Windows that begin or end anywhere; every other one ends at midnight, Asia/Shanghai."""
    start = MIDNIGHT + draw(BORDERS)
    end = start + draw(st.sampled_from([1, DAY - 1, 5 * DAY]) | st.integers(HOUR, 9 * DAY))
    midnight = MIDNIGHT + (end - MIDNIGHT) // DAY * DAY
    return (start, midnight) if start < midnight and draw(st.booleans()) else (start, end)


def says(source: str, turn: int) -> st.SearchStrategy[dict[str, Any]]:
    """Who says it, and as of when: of every age around what the source promised."""
    promise = registered(A)[source].promise
    plain = [{"as_of": NOW}] * 6
    aged = [{"as_of": NOW - age} for age in (promise, promise, promise, promise + 1, promise + 1)]
    again = [{"as_of": NOW - age, "again": NOW - promise} for age in (promise + 1, promise + 1, 0)]
    signed = [{"as_of": NOW - promise - 1, "signed": True}] * 2
    gone = [{**each, "withdrawn": True} for each in (plain[0], aged[0], signed[0])]
    options: list[dict[str, Any]] = [*plain, *aged, *again, *again, *signed, *gone]
    return st.sampled_from([{"source": source, "turn": turn, **each} for each in options])


@st.composite
def excepting(draw: st.DrawFn, said: st.SearchStrategy[dict[str, Any]]) -> list[Excepts]:
    """Exceptions of one source: days and stretches of days, that lie in each other or overlap."""
    starts = draw(st.lists(st.integers(-2, 8), max_size=3, unique=True))
    made = []
    for start in starts:
        first = DAY_ONE + timedelta(days=start)
        last = first + timedelta(days=draw(st.sampled_from([0, 0, 1, 3, 400])))
        made.append(Excepts(**draw(said), first=first, last=last, periods=draw(PERIODS)))
    return made


@st.composite
def instruments(draw: st.DrawFn, owner: str, sources: list[str]) -> Instrument:
    coverage: list[Covers] = []
    hours: list[Opens] = []
    exceptions: list[Excepts] = []
    taken: list[Takes] = []
    offers: list[Offers] = []
    for turn, source in enumerate(sources):
        said = says(source, turn)
        for start, end in draw(st.lists(spans(), max_size=2, unique_by=lambda span: span[0])):
            coverage.append(Covers(**draw(said), start=start, end=end))
        if draw(st.sampled_from([True, True, True, False])):
            coverage.append(Covers(**draw(said), start=MIDNIGHT - 9 * DAY, end=MIDNIGHT + 30 * DAY))
        days = draw(st.sampled_from([range(7), range(7), range(5), (5, 6), (1, 2), ()]))
        same = draw(st.none() | PERIODS)
        for day in days:
            periods = draw(PERIODS) if same is None else same
            hours.append(Opens(**draw(said), weekday=day, periods=periods))
        exceptions += draw(excepting(said))
        for number in draw(st.lists(st.sampled_from("123"), max_size=2, unique=True)):
            start, end = draw(spans())
            firm = draw(st.booleans())
            taken.append(Takes(**draw(said), number=number, start=start, end=end, firm=firm))
        for code in draw(st.lists(st.sampled_from("abc"), max_size=3, unique=True)):
            cents = 100 * draw(st.integers(1, 9)) + len(offers)  # no two cost the same
            offers.append(Offers(**draw(said), code=code, cents=cents))
    known = (tuple(coverage), tuple(hours), tuple(taken), tuple(offers), tuple(exceptions))
    return Instrument(owner, *known)


@dataclass(frozen=True, repr=False)
class Drawn:
    """What is known of some instruments, and which window is asked for."""

    known: list[Instrument]
    window: tuple[int, int]


@st.composite
def worlds(draw: st.DrawFn) -> Drawn:
    names = sorted(registered(A))
    sources = draw(st.lists(st.sampled_from(names), min_size=2, max_size=3, unique=True))
    if not {"lims", "office", "agent", "delta", "nation"} & {*sources}:
        sources[0] = "lims"
    if draw(st.integers(0, 2)) == 0:  # those between which proof, age and turn decide
        sources = list(draw(st.sampled_from([("lims", "office"), ("delta", "nation")])))
    size = PER_EXAMPLE
    known = draw(st.lists(instruments(A, sources), min_size=size, max_size=size))
    return Drawn(known, draw(windows()))


def askable(found: list[Found]) -> list[str]:
    """Lengths to ask for: the longest of each answer, just as long and a little too long."""
    lengths = {end - start for each in found for start, end in each.free}
    exact = [Decimal(length) / 3600 for length in sorted(lengths)]
    made = [
        each.quantize(Decimal("0.000001"), rounding)
        for each in exact
        for rounding in (ROUND_FLOOR, ROUND_CEILING)
    ]
    return [f"{each:f}" for each in made if each > 0] or ["4"]


@dataclass
class Comparing:
    """The hub's answers beside plain arithmetic, and how often what was seen."""

    database: Database
    seen: Counter[str] = field(default_factory=Counter)

    async def compare(self, known: list[Instrument], window: tuple[int, int]) -> None:
        """Say what is known of some instruments of an owner of their own, and ask about them."""
        world, seen = World(self.database), self.seen
        owner = EVERYBODY[2 + seen["worlds"]]
        seen["worlds"] += 1
        mine = [replace(each, owner=owner) for each in known]
        await world.tell(owner, mine)
        wanted = [availability(each, registered(owner), window, NOW) for each in mine]
        lengths = askable(wanted)
        hours = lengths[seen["worlds"] % len(lengths)]
        made = {"owner": owner, "from": wire(window[0]), "until": wire(window[1]), "hours": hours}
        data = await world.ask(ASK, made)
        found = {node["key"]: node for node in data["all"]["nodes"]}
        for n, each in enumerate(wanted):
            node, estimate = found[f"{owner}/i{n}"], price(mine[n], registered(owner), HOURS)
            assert node["availability"] == each.wire, mine[n]
            assert node["priceEstimate"] == estimate, mine[n]
            seen[str(estimate["status"])] += 1
            seen[str(each.wire["status"])] += 1
            seen["stale"] += bool(mine[n].coverage) and each.wire["asOf"] is None
            seen["several sources"] += len(each.wire["sources"]) > 1  # type: ignore[arg-type]
            seen["exceptions"] += each.excepted > 0
            seen["exceptions overlap"] += each.excepted > 1
            for rivals in (mine[n].coverage, mine[n].hours, mine[n].exceptions, mine[n].offers):
                self._note(rivals, owner)
        fit = {f"{owner}/i{n}" for n, each in enumerate(wanted) if each.has(hours)}
        assert {node["key"] for node in data["free"]["nodes"]} == fit
        assert data["free"]["totalCount"] == len(fit)
        seen["fit"] += len(fit)
        seen["do not fit"] += len(wanted) - len(fit)

    def _note(self, rivals: Sequence[Says], owner: str) -> None:
        """Count where it matters who is believed, and why."""
        first = believed(rivals, owner, registered(owner))
        if first is None:
            return
        seen, stands = self.seen, [each for each in rivals if not each.withdrawn]
        kind = {name: source.to(owner) for name, source in registered(owner).items()}
        seen["a newer one does not lead"] += any(each.as_of > first.as_of for each in stands)
        seen["nobody may speak"] += kind[first.source] == "NONE"
        equals = [
            each
            for each in stands
            if kind[each.source] == kind[first.source] and each.source != first.source
        ]
        seen["by its proof"] += first.signed and any(e.as_of > first.as_of for e in equals)
        seen["by its turn"] += any(
            (e.signed, e.as_of) == (first.signed, first.as_of) for e in equals
        )
        seen["said again later"] += any((e.again or 0) > first.as_of for e in equals)


SEEN_MIN = 3
"""Cases of each kind without which the comparison would say little of it."""
SEEN = (
    *("FREE", "PARTLY", "BUSY", "UNKNOWN", "stale", "several sources", "fit", "do not fit"),
    *("OK", "NO_PRICE", "a newer one does not lead", "nobody may speak", "by its proof"),
    *("by its turn", "said again later", "exceptions", "exceptions overlap"),
)


def test_every_answer_is_what_plain_arithmetic_says(database_url: str) -> None:
    with asyncio.Runner() as runner:
        database = Database(database_url)
        runner.run(database.__aenter__())
        comparing = Comparing(database)

        # A failure names its instrument, so looking for a smaller world is not worth the minutes.
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
        )
        @given(worlds())
        def check(drawn: Drawn) -> None:
            runner.run(comparing.compare(drawn.known, drawn.window))

        try:
            check()
        finally:
            runner.run(database.__aexit__(None, None, None))
    seen = comparing.seen
    assert seen["worlds"] * PER_EXAMPLE >= INSTRUMENTS_MIN, seen
    assert not [name for name in SEEN if seen[name] < SEEN_MIN], seen


# -- each rule by its name -------------------------------------------------------------------------

TUESDAY = (MIDNIGHT, MIDNIGHT + DAY)
ALL_DAY = ((0, 1440),)


def covers(source: str, age: int = 0, until: int = MIDNIGHT + DAY) -> Covers:
    return Covers(source=source, as_of=NOW - age, start=MIDNIGHT, end=until)


def opens(source: str, *periods: tuple[int, int], age: int = 0) -> Opens:
    return Opens(source=source, as_of=NOW - age, weekday=1, periods=periods or ALL_DAY)


def takes(source: str, start: int, end: int) -> Takes:
    first, last = MIDNIGHT + start * HOUR, MIDNIGHT + end * HOUR
    return Takes(source=source, as_of=NOW, number=f"b{start}", start=first, end=last)


@pytest.fixture
async def world(database: Database) -> AsyncIterator[World]:
    yield World(database)


async def about(world: World, *said: Says) -> dict[str, Any]:
    """Say these things of one instrument of A and return what the hub answers of its Tuesday."""
    known = Instrument(
        A,
        tuple(each for each in said if isinstance(each, Covers)),
        tuple(each for each in said if isinstance(each, Opens)),
        tuple(each for each in said if isinstance(each, Takes)),
        exceptions=tuple(each for each in said if isinstance(each, Excepts)),
    )
    await world.tell(A, [known])
    return await world.availability(TUESDAY)


async def test_stale_coverage_answers_unknown(world: World) -> None:
    found = await about(world, opens("lims"), covers("lims", age=HOUR + 1))
    assert (found["status"], found["free"], found["found"]) == ("UNKNOWN", [], False)
    assert found["unknown"] == [{"from": wire(MIDNIGHT), "until": wire(MIDNIGHT + DAY)}]
    assert (found["asOf"], found["sources"]) == (None, ["lims"])


async def test_coverage_counts_up_to_the_very_second_of_the_promise(world: World) -> None:
    found = await about(world, opens("lims"), covers("lims", age=HOUR))
    assert (found["status"], found["found"]) == ("FREE", True)
    assert found["asOf"] == wire(NOW - HOUR)
    world.now = NOW + 1
    later = await world.availability(TUESDAY)
    assert (later["status"], later["found"], later["asOf"]) == ("UNKNOWN", False, None)


async def test_free_turns_unknown_by_the_clock_alone(world: World) -> None:
    await about(world, opens("lims"), covers("lims"))
    states = []
    for world.now in (NOW, NOW + HOUR, NOW + HOUR + 1, NOW + DAY):
        states.append((await world.availability(TUESDAY))["status"])
    assert states == ["FREE", "FREE", "UNKNOWN", "UNKNOWN"]


async def test_a_platform_s_coverage_never_makes_free_what_the_owner_covers(world: World) -> None:
    half = MIDNIGHT + DAY // 2
    found = await about(world, opens("lims"), covers("lims", until=half), covers("delta"))
    assert found["free"] == [{"from": wire(MIDNIGHT), "until": wire(half)}]
    assert found["unknown"] == [{"from": wire(half), "until": wire(MIDNIGHT + DAY)}]
    assert found["sources"] == ["lims"]


async def test_a_platform_does_not_step_in_for_a_late_owner(world: World) -> None:
    found = await about(world, opens("lims"), covers("lims", age=DAY), covers("delta"))
    assert (found["status"], found["found"]) == ("UNKNOWN", False)


async def test_a_platform_covers_what_the_owner_never_did(world: World) -> None:
    found = await about(world, opens("lims"), covers("delta"))
    assert (found["status"], found["sources"]) == ("FREE", ["delta", "lims"])


async def test_of_two_platforms_one_covers(world: World) -> None:
    half = MIDNIGHT + DAY // 2
    newest = Covers(source="nation", as_of=NOW, start=half, end=MIDNIGHT + DAY)
    found = await about(world, opens("delta"), covers("delta", age=1), newest)
    assert found["free"] == [{"from": wire(half), "until": wire(MIDNIGHT + DAY)}]
    assert found["sources"] == ["delta", "nation"]


async def test_of_two_platforms_as_new_the_one_that_spoke_last_covers(world: World) -> None:
    first = replace(covers("nation"), turn=0)
    found = await about(world, opens("delta"), replace(covers("delta"), turn=1), first)
    assert found["sources"] == ["delta"]
    later = replace(first, end=MIDNIGHT + DAY - 1)  # another word, so another entry
    found = await about(world, opens("delta"), covers("delta"), replace(later, turn=2))
    assert found["sources"] == ["delta", "nation"]


async def test_what_is_said_again_is_fresh_and_leads_no_more_than_before(world: World) -> None:
    again = replace(covers("nation", age=DAY), again=NOW)
    found = await about(world, opens("delta"), covers("delta", age=DAY // 2), again)
    assert (found["sources"], found["asOf"]) == (["delta"], wire(NOW - DAY // 2))
    fresh = replace(covers("lims", age=DAY), again=NOW)
    found = await about(world, opens("lims"), fresh)
    assert (found["status"], found["asOf"]) == ("FREE", wire(NOW))


@pytest.mark.parametrize("source", ["shut-lims", "shut-delta", "moved"])
async def test_a_source_that_is_closed_or_speaks_for_others_covers_nothing(
    world: World, source: str
) -> None:
    found = await about(world, opens("lims"), covers(source))
    assert (found["status"], found["sources"]) == ("UNKNOWN", ["lims"])


async def test_who_speaks_for_an_institution_does_so_under_its_other_key_too(world: World) -> None:
    """The source is registered for the key by which it knows the owner, and not for the name."""
    await about(world, opens("lims"), covers("lims"))
    await register_source(
        world.database, "op", "op", mode="PUSH", now=at(NOW), owners=[OPERATOR], authority=""
    )
    name = "moe:10001"
    link = {"recordType": "Institution", "firstKey": name, "secondKey": A, "relation": "SAME_AS"}
    await world.submit("op", NOW, [{"type": "Link", "record": link | {"statedBy": OPERATOR}}])
    data = await world.ask(
        f"""{{ instrument(by: {{ key: "{name}/i0" }}) {{
          provenance {{ claims {{ source kind key }} }}
          availability(from: "{wire(MIDNIGHT)}", until: "{wire(MIDNIGHT + DAY)}") {{ status }} }}
          instruments(filter: {{ availableFor: {{ from: "{wire(MIDNIGHT)}",
            until: "{wire(MIDNIGHT + DAY)}", hours: 24 }} }}) {{ totalCount }} }}"""
    )
    assert data["instrument"] == {
        "provenance": {"claims": [{"source": "lims", "kind": "OWN", "key": f"{A}/i0"}]},
        "availability": {"status": "FREE"},
    }
    assert data["instruments"] == {"totalCount": 1}


async def test_whoever_says_it_what_is_firmly_taken_is_taken(world: World) -> None:
    found = await about(
        world,
        opens("lims"),
        covers("lims"),
        takes("delta", 0, 1),
        takes("moved", 1, 2),
        takes("shut-delta", 2, 3),
    )
    assert found["free"] == [{"from": wire(MIDNIGHT + 3 * HOUR), "until": wire(MIDNIGHT + DAY)}]
    assert found["sources"] == ["delta", "lims", "moved", "shut-delta"]


async def test_opening_hours_are_the_owner_s_for_the_whole_week(world: World) -> None:
    wednesday = Opens(source="lims", as_of=NOW - DAY, weekday=2, periods=ALL_DAY)
    found = await about(world, wednesday, opens("delta"), covers("lims"))
    assert (found["status"], found["sources"]) == ("UNKNOWN", ["lims"])
    shorter = await about(world, opens("lims", (540, 600), age=DAY), opens("delta"))
    assert shorter["longestFreeHours"] == "1"


async def test_hours_of_the_day_after_the_window_are_not_used(world: World) -> None:
    wednesday = Opens(source="lims", as_of=NOW, weekday=2, periods=ALL_DAY)
    found = await about(world, wednesday, covers("delta"))
    assert (found["status"], found["sources"]) == ("UNKNOWN", ["delta"])


def offer_of(code: str, amount: str) -> dict[str, Any]:
    record = {"instrumentKey": f"{A}/i0", **offered(code, amount)}
    return {"type": "ServiceOffer", "record": record}


PRICE = f"""{{ instrument(by: {{ key: "{A}/i0" }}) {{
  priceEstimate(audience: OUTSIDE, hours: 2) {{
    status amount {{ amount }} offerCode source
  }} }} }}"""


async def test_a_platform_s_cheaper_offer_does_not_win(world: World) -> None:
    await about(world)
    await world.submit("delta", NOW, [offer_of("cheap", "1.00")])
    platform = (await world.ask(PRICE))["instrument"]["priceEstimate"]
    assert (platform["amount"], platform["source"]) == ({"amount": "2.00"}, "delta")
    await world.submit("lims", NOW - DAY, [offer_of("own", "300.00")])
    own = (await world.ask(PRICE))["instrument"]["priceEstimate"]
    assert own["amount"] == {"amount": "600.00"}
    assert (own["offerCode"], own["source"]) == ("own", "lims")
    withdraw = {"key": f"{A}/i0/own", "reason": "mistaken"}
    await world.submit("lims", NOW, [{"type": "ServiceOffer", "withdraw": withdraw}])
    assert (await world.ask(PRICE))["instrument"]["priceEstimate"] == platform


async def test_an_owner_without_a_fitting_offer_has_no_price(world: World) -> None:
    await about(world)
    inside = offer_of("own", "3.00")
    inside["record"]["audience"] = "INSIDE"
    await world.submit("lims", NOW - DAY, [inside])
    await world.submit("delta", NOW, [offer_of("cheap", "1.00")])
    found = (await world.ask(PRICE))["instrument"]["priceEstimate"]
    assert found == {"status": "NO_PRICE", "amount": None, "offerCode": None, "source": None}


async def test_a_platform_s_newer_word_does_not_replace_the_owner_s(world: World) -> None:
    await about(world)
    for source, as_of, name in (("lims", NOW - DAY, "自有"), ("delta", NOW, "平台")):
        institution = {"institutionKey": A, "name": {"zh": name}, "kind": "UNIVERSITY"}
        division = {"divisionCode": "330106"}
        booking = {"bookingUrl": f"https://{source}.example/"}
        record = instrument(A, "i0", name, [], **booking)
        rows = [("Institution", institution | division), ("Instrument", record)]
        await world.submit(source, as_of, [{"type": t, "record": r} for t, r in rows])
    found = await world.ask(
        f"""{{ instrument(by: {{ key: "{A}/i0" }}) {{
          bookingUrl provenance {{ source }} institution {{ name {{ zh }} }} }} }}"""
    )
    assert found["instrument"] == {
        "bookingUrl": "https://lims.example/",
        "provenance": {"source": "lims"},
        "institution": {"name": {"zh": "自有"}},
    }
