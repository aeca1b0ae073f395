"""`python -m tests.torture --kills 100 --seed N`: kill the hub under load and look what is lost."""

# ruff: noqa: T201 - it is a command
from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import tempfile
from pathlib import Path

from tests.torture.run import Plan, Result, torture

SHOWN_MAX = 20


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--keep", action="store_true", help="keep history and logs")
    parser.add_argument("--seed", type=int, default=None, help="replays the schedule of a run")
    asked = parser.parse_args()
    seed = secrets.randbelow(10**6) if asked.seed is None else asked.seed
    print(f"seed {seed}: python -m tests.torture --kills {asked.kills} --seed {seed}", flush=True)
    plan = Plan(seed=seed, kills=asked.kills, clients=asked.clients)
    folder = Path(tempfile.mkdtemp(prefix="hub-torture-"))
    result = None
    try:
        result = asyncio.run(torture(plan, folder))
        tell(result)
    finally:
        if asked.keep or result is None or not result.is_clean:
            print(f"history and logs of the processes: {folder}")
        else:
            shutil.rmtree(folder)
    return 0 if result.is_clean else 1


def tell(result: Result) -> None:
    """Print what was done and what was found."""
    counts = result.findings.counts
    told = {
        "kill -9": sum(result.kills.values()),
        **{f"  {name}": n for name, n in sorted(result.kills.items())},
        "sequencer took the lead": result.epochs,
        **{name: counts[name] for name in sorted(counts)},
        "violations": len(result.findings.violations),
        "seconds": round(result.seconds),
    }
    for name, number in told.items():
        print(f"{name:<28} {number:>8}")
    print("deaths of processes (name, exit code):")
    for name, number in sorted(result.deaths.items()):
        print(f"  {name:<26} {number:>8}")
    print("answers that made a client try again:")
    for name, number in result.failures.most_common(SHOWN_MAX):
        print(f"  {name:<26} {number:>8}")
    for violation in result.findings.violations[:SHOWN_MAX]:
        print(f"{violation.code}: {violation.detail}")
    print(f"deltahub store check: {result.store_check}")
    print("CLEAN" if result.is_clean else "NOT CLEAN")


raise SystemExit(main())
