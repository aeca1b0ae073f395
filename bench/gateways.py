"""`python -m bench.gateways`: the hub beside gateways and stock httpx, all asking the same systems live.

    python -m bench.gateways                              in full, about 12 minutes
    python -m bench.gateways --seconds 1 --rounds 1 --count 200      a look
    python -m bench.gateways --parts joins --no-node      without what needs npm

Parts: joins (three systems in one answer), parted (four, of which one is dead and one slow). Writes the part "Beside
gateways" of `bench/RESULTS.md` and leaves the rest of the page as it is; ends with 1 where an answer of the hub did not say
which systems were silent.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from bench import joins, parted
from bench.gateway_report import GatewayResults, markdown
from bench.live_hub import harvest_all
from bench.machine import postmaster
from bench.page import GATEWAYS, write_part
from bench.place import ROOT, drop_database, fresh_database, postgres
from bench.tools import need_wrk
from hub.embedded.server import EmbeddedPostgres

RESULTS = ROOT / "bench" / "RESULTS.md"
PARTS = ("joins", "parted")
COUNT = 2_000
DATABASE = "bench_gateways"


def measured(asked: argparse.Namespace, parts: Sequence[str]) -> GatewayResults:
    """Measure the parts that are asked for, each on systems and a database of its own."""
    made = GatewayResults(seconds=asked.seconds, rounds=asked.rounds)
    with postgres() as server:
        if "joins" in parts:
            made.joins = _joins(server, asked)
        if "parted" in parts:
            made.parted = _parted(server, asked)
    return made


def _joins(server: EmbeddedPostgres, asked: argparse.Namespace) -> joins.Joins:
    url = fresh_database(server, DATABASE)
    with joins.upstreams(len(joins.THREE), asked.count) as addresses:
        asyncio.run(harvest_all(url, addresses))
        servers = [
            joins.hub_server(url, addresses), *joins.peers(addresses, node=not asked.no_node)
        ]  # fmt: skip
        place = postmaster(server.folder)
        found = joins.race(
            servers, addresses, place, seconds=asked.seconds, rounds=asked.rounds, count=asked.count
        )
    drop_database(server, DATABASE)
    return found


def _parted(server: EmbeddedPostgres, asked: argparse.Namespace) -> dict[str, parted.Parted]:
    url = fresh_database(server, DATABASE)
    with joins.upstreams(len(joins.FOUR), joins.SETS) as addresses:
        asyncio.run(harvest_all(url, addresses))
        servers = [joins.hub_server(url, addresses)]
        if not asked.no_node:
            gateways = joins.node_gateways(addresses, limit_ms=parted.DEADLINE_MS)
            servers += [each for each in gateways if each.name != joins.KEEPING]
        place = postmaster(server.folder)
        found = parted.measure(
            servers, addresses, place, seconds=asked.seconds, rounds=asked.rounds
        )
    drop_database(server, DATABASE)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write the part of the report."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.gateways",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--seconds", type=float, default=5.0, help="length of one run")
    parser.add_argument("--rounds", type=int, default=3, help="runs of which the median counts")
    parser.add_argument("--count", type=int, default=COUNT, help="instruments of each system")
    parser.add_argument("--no-node", action="store_true", help="leave out the gateways")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    parts = asked.parts.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no part: {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    need_wrk()
    made = measured(asked, parts)
    write_part(asked.out, GATEWAYS, markdown(made))
    for each in made.faults:
        print(f"FAULT: {each}")
    return 1 if made.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
