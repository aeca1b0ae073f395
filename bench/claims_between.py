"""`python -m bench.claims_between`: claims on vouchers of one hub for services of another, a second.

    python -m bench.claims_between                  about two minutes
    python -m bench.claims_between --claims 60      a look

Two hubs as the race of claims runs them (`tests/integration/vouchers/claim_hubs.py`): a process and
a database each, signed requests between them; what a hub knows of its services is stated and not
read from records, so these figures are about the road between hubs and not about the checks.
Writes the part "Claims between hubs" of `bench/RESULTS.md`; ends with 1 where an answer was another
one or an audit finds a fault.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.machine import children_seconds, cpu_seconds, free_port, load, postmaster
from bench.page import CLAIMS_BETWEEN, write_part
from bench.place import ROOT, drop_database, fresh_database, postgres
from bench.report import table
from bench.voucher_road import Ran
from hub.client import HubClient
from hub.embedded.server import EmbeddedPostgres
from hub.store.roles import HUB, READ, grant
from hub.vouchers.money.audit import audit
from tests.databases import make_roles, opened
from tests.integration.vouchers.claim_hubs import ClaimPlace, client_at, places_in, prepare
from tests.integration.vouchers.claim_race import (
    CONSUME,
    FEN,
    HubProcess,
    Wish,
    reserve_all,
)
from tests.ordering import sent

RESULTS = ROOT / "bench" / "RESULTS.md"
CLAIMS = 600
AT_ONCE = 8
"""Claims in flight: as many as a hub works on for one client."""
VOUCHERS = 20
"""Over which the claims are spread: those on one voucher follow each other."""
NAME = "bench_claims_{}"
ALONE = "one hub that knows no other, own services"
OWN = "two hubs, own services"
ABROAD = "two hubs, services of the other one"
TAKEN = "the same, claimed before"


@dataclass(kw_only=True)
class ClaimsMeasured:
    """What one run found: claims by kind, and what was not as it should be."""

    runs: dict[str, Ran] = field(default_factory=dict)
    load: float = 0.0
    faults: list[str] = field(default_factory=list)


def wishes_for(place: ClaimPlace, home: ClaimPlace, claims: int, name: str) -> list[Wish]:
    """Return claims at a hub for services of one: a service each."""
    return [
        Wish(
            place,
            f"V-{at % VOUCHERS}",
            f"{name}{at}",
            home.service(at),
        )
        for at in range(claims)
    ]


async def claimed(
    clients: Mapping[str, HubClient],
    wishes: Sequence[Wish],
    hubs: Sequence[HubProcess],
    parent: int,
) -> tuple[Ran, list[str]]:
    """Send claims, so many at once; return times and what became of each."""
    ran, answers = Ran(), list[str]()
    waiting: Iterator[Wish] = iter(wishes)

    async def sender() -> None:
        for wish in waiting:
            client, began = clients[wish.service.partition("/")[0]], time.perf_counter()
            answer = await sent(client, CONSUME, wish.given, f"bench-{wish.claim_no}")
            ran.each_s.append(time.perf_counter() - began)
            told = (answer.get("data") or {}).get("consumeVoucher") or {}
            answers.append(told.get("state") or told.get("refused") or str(answer))

    def used() -> tuple[float, float]:
        return sum(cpu_seconds(each.pid) for each in hubs), children_seconds(parent)

    hub, postgres_s = used()
    began = time.perf_counter()
    await asyncio.gather(*(sender() for _ in range(AT_ONCE)))
    ran.seconds = time.perf_counter() - began
    after = used()
    ran.hub_s, ran.postgres_s = after[0] - hub, after[1] - postgres_s
    return ran, answers


async def raced(
    places: Sequence[ClaimPlace],
    kinds: Mapping[str, tuple[Sequence[Wish], str]],
    parent: int,
    found: ClaimsMeasured,
) -> None:
    """Start hubs, send claims of each kind, and audit the money afterwards."""
    wishes = [each for some, _ in kinds.values() for each in some]
    await prepare(places, VOUCHERS, FEN * len(wishes))
    await reserve_all(places, wishes)
    hubs = [HubProcess(each) for each in places]
    try:
        await asyncio.gather(*(each.start() for each in hubs))
        async with AsyncExitStack() as stack:
            clients = {
                each.provider: await stack.enter_async_context(
                    client_at(places[0], f"lab-{each.name}")
                )
                for each in places
            }
            for kind, (some, expected) in kinds.items():
                found.runs[kind], answers = await claimed(clients, some, hubs, parent)
                found.faults += [f"{kind}: {each}" for each in answers if each != expected]
    finally:
        for each in hubs:
            each.kill()
    for place in places:
        async with opened(place.url) as database:
            found.faults += [str(each) for each in (await audit(database)).faults]


def measured(server: EmbeddedPostgres, claims: int) -> ClaimsMeasured:
    """Measure one hub by itself, then two."""
    found, parent = ClaimsMeasured(load=load()), postmaster(server.folder)
    for count in (1, 2):
        with TemporaryDirectory() as folder:
            names = [NAME.format(at) for at in range(count)]
            urls = [_as_in_production(server, each) for each in names]
            places = places_in(Path(folder), urls, [free_port() for _ in urls])
            here, other = places[0], places[-1]
            if count == 1:
                kinds = {ALONE: (wishes_for(here, here, claims, "A"), "CONSUMED")}
            else:
                kinds = {
                    OWN: (wishes_for(here, here, claims, "O"), "CONSUMED"),
                    ABROAD: (wishes_for(here, other, claims, "S"), "CONSUMED"),
                    TAKEN: (wishes_for(here, other, claims, "T"), "ALREADY_CLAIMED"),
                }
            asyncio.run(raced(places, kinds, parent, found))
            for each in names:
                drop_database(server, each)
    return found


def _as_in_production(server: EmbeddedPostgres, name: str) -> str:
    """Make a database with the roles of a hub, and return the address under the hub's own."""
    logins = make_roles(fresh_database(server, name))
    grant(logins.owner, HUB, READ)
    return logins.hub


def markdown(found: ClaimsMeasured) -> str:
    """Return the part of the page."""
    rows = [
        [
            kind,
            f"{ran.per_s:,.0f}",
            f"{ran.at(0.5):,.1f}",
            f"{ran.at(0.99):,.1f}",
            f"{1000 * ran.hub_s / len(ran.each_s):.2f}",
            f"{1000 * ran.postgres_s / len(ran.each_s):.2f}",
        ]
        for kind, ran in found.runs.items()
    ]
    return "\n\n".join(
        [
            "Written by `python -m bench.claims_between`. Hubs are processes with a database each; "
            f"one client sends signed claims to the first one, {AT_ONCE} in flight, and verifies "
            "the answers. What is known of a service is stated, not read from records. Hubs, "
            "client and PostgreSQL share the machine. Load before: "
            f"{found.load:.1f} on {os.cpu_count()} cores.",
            table(
                [
                    "claims",
                    "a second",
                    "p50 ms",
                    "p99 ms",
                    "processor ms of all hubs each",
                    "PostgreSQL processor ms each",
                ],
                rows,
            ),
        ]
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write the part of the page."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.claims_between",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--claims", type=int, default=CLAIMS, help="of each kind")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    with postgres() as server:
        found = measured(server, asked.claims)
    text = markdown(found)
    print(text)
    write_part(asked.out, CLAIMS_BETWEEN, text)
    for fault in found.faults[:10]:
        print(fault, file=sys.stderr)
    return 1 if found.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
