"""`python -m bench.sources`: the figures of sources: files, a harvest and its re-run, meters, transports.

    python -m bench.sources                                        everything in full, about 40 minutes
    python -m bench.sources --parts csv --rows 20000               one part, of another size
    python -m bench.sources --rows 500 --instruments 300 --meters 20 --seconds 1 --requests 20 --no-peers

Parts: csv, xlsx, harvest, meters, transports. Writes the part "Every source" of `bench/RESULTS.md` and leaves the rest of
the page as it is; ends with 1 where a row was lost, an unchanged source wrote an entry or a state was too old.
"""

from __future__ import annotations

import argparse
import multiprocessing
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from bench import harvests, large, meters, transports
from bench.machine import postmaster
from bench.memory import Peaks
from bench.page import SOURCES, write_part
from bench.place import ROOT, drop_database, fresh_database, postgres
from bench.source_report import SourceResults, markdown
from hub.embedded.server import EmbeddedPostgres

RESULTS = ROOT / "bench" / "RESULTS.md"
PARTS = ("csv", "xlsx", "harvest", "meters", "transports")


def measured(asked: argparse.Namespace, parts: Sequence[str]) -> SourceResults:
    """Measure the parts that are asked for, one after another."""
    made = SourceResults()
    with postgres() as server:
        for form in ("csv", "xlsx"):
            if form in parts:
                made.files.append(large.measure(server, asked.rows, form))
                print(large.told(made.files[-1]), flush=True)
        if "harvest" in parts:
            made.harvest = harvests.measure(server, asked.instruments)
            print(harvests.told(made.harvest), flush=True)
        if "meters" in parts:
            _meters(server, asked, made)
    if "transports" in parts:
        made.transports = transports.measure(asked.requests, peers=not asked.no_peers)
        print(transports.told(made.transports), flush=True)
    return made


def _meters(server: EmbeddedPostgres, asked: argparse.Namespace, made: SourceResults) -> None:
    """Read meters in a process of its own, whose memory is what it says."""
    url = fresh_database(server, "bench_meters")
    fresh = multiprocessing.get_context("spawn")
    with (
        Peaks(postgres=postmaster(server.folder)) as peaks,
        ProcessPoolExecutor(1, mp_context=fresh) as place,
    ):
        found = place.submit(meters.run, url, asked.meters, asked.seconds).result()
    made.meters, made.meters_postgres_mib = (asked.meters, found), peaks.mib["postgres"]
    print(meters.told(found, asked.meters), flush=True)
    drop_database(server, "bench_meters")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write the part of the report."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.sources",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--rows", type=int, default=1_000_000, help="of each file")
    parser.add_argument("--instruments", type=int, default=130_000)
    parser.add_argument("--meters", type=int, default=11_000)
    parser.add_argument("--seconds", type=float, default=60.0, help="of readings")
    parser.add_argument("--requests", type=int, default=2_000, help="of each transport and round")
    parser.add_argument("--no-peers", action="store_true", help="install no other transport")
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args(arguments)
    parts = asked.parts.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"no part: {', '.join(sorted(unknown))}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    made = measured(asked, parts)
    write_part(asked.out, SOURCES, markdown(made))
    for each in made.faults:
        print(f"FAULT: {each}")
    return 1 if made.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
