"""`python -m tests.torture --scenario kills --seed N`: trouble a hub under load; what is lost?"""

# ruff: noqa: T201 - it is a command
from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import tempfile
from pathlib import Path

from tests.torture.disk import NoDiskError
from tests.torture.run import Plan, Result, torture
from tests.torture.scenarios import SCENARIOS

SHOWN_MAX = 20


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--keep", action="store_true", help="keep history and logs")
    parser.add_argument("--seed", type=int, default=None, help="replays the schedule of a run")
    parser.add_argument("--scenario", choices=[*SCENARIOS, "all"], default="kills")
    parser.add_argument("--scale", type=float, default=1.0, help="length and size of a scenario")
    asked = parser.parse_args()
    seed = secrets.randbelow(10**6) if asked.seed is None else asked.seed
    names = [each for each in SCENARIOS if each != "kills"]
    ended = [
        one(name, asked, seed) for name in (names if asked.scenario == "all" else [asked.scenario])
    ]
    return max(ended)


def one(scenario: str, asked: argparse.Namespace, seed: int) -> int:
    """Run one scenario; return 0 where nothing was lost."""
    how = f"--scenario {scenario} --kills {asked.kills} --scale {asked.scale:g} --seed {seed}"
    print(f"\n{scenario}: python -m tests.torture {how}", flush=True)
    plan = Plan(
        seed=seed,
        kills=asked.kills,
        clients=asked.clients,
        scenario=scenario,
        scale=asked.scale,
    )
    folder = Path(tempfile.mkdtemp(prefix="hub-torture-"))
    result = None
    try:
        result = asyncio.run(torture(plan, folder))
        tell(result)
    except NoDiskError as error:
        print(f"left out: no file system can be mounted here ({error})")
        return 0
    except Exception as error:  # noqa: BLE001 - the other scenarios are run all the same
        print(f"NOT CLEAN: {error!r}")
    finally:
        if asked.keep or result is None or not result.is_clean:
            print(f"history and logs of the processes: {folder}")
        else:
            shutil.rmtree(folder)
    return 0 if result is not None and result.is_clean else 1


def tell(result: Result) -> None:
    """Print what was done and what was found."""
    counts = result.findings.counts
    told = {
        **{name: result.seen[name] for name in sorted(result.seen)},
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
