"""`python -m tests.suites`: the long forms of tests whose short forms are in the gate.

    python -m tests.suites                  all: some hours on two cores
    python -m tests.suites histories kills  those whose names hold one of the words

Writes what each said, with the commit that it ran on, to `docs/suites.md`, and leaves what the page
says of others. Each has a bound, which is printed with that of all; a suite that reaches it is
ended with everything that it started. Tests install what they drive below `.tools/`; one that skips
because something is missing is no success: the page says how many did, and why.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/suites.md"
TESTS = "tests/integration"
LINES_KEPT = 24
"""Lines of what a suite said that the page keeps."""
END_S = 60
"""How long a suite that has reached its bound may take to put away what it started."""
_SKIPPED = re.compile(r"\b(\d+) skipped\b")
_BOUND = re.compile(r"^At most \d+ min\. ")
_PASSED = re.compile(r"\b\d+ passed\b")


@dataclass(frozen=True)
class Suite:
    """One command, what it is for, and how long it may take."""

    name: str
    command: tuple[str, ...]
    minutes: int
    environment: dict[str, str] = field(default_factory=dict)


Process = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Ended:
    """How a suite ended, and what it said."""

    is_well: bool
    verdict: str
    said: str


def _pytest(*arguments: str) -> tuple[str, ...]:
    return ("-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments)


SUITES = (
    Suite(
        "1,000 histories: a mirror made from `changes` alone equals what its client may read",
        _pytest(f"{TESTS}/exchange/test_mirrors.py", "-k", "any_history"),
        30,
        {"HUB_FEED_HISTORIES": "1000"},
    ),
    Suite(
        "100,000 claims: an invoice is found through its index, by the plan of the statement",
        _pytest(f"{TESTS}/vouchers/test_cases.py", "-k", "through_an_index"),
        5,
        {"HUB_CASES_CLAIMS": "100000"},
    ),
    Suite(
        "100 histories: a mirror of a customs office equals what it may read",
        _pytest(f"{TESTS}/exchange/test_changes_of_supervision.py", "-k", "mirror"),
        15,
        {"HUB_OFFICE_HISTORIES": "100"},
    ),
    Suite(
        "5,000 facts with holes, of each rule: the truth lies within what is said",
        _pytest("tests/unit/policy/test_bounds.py"),
        15,
        {"HUB_BOUNDS_EXAMPLES": "5000"},
    ),
    Suite(
        "300 histories: a rebuild gives the tables that a history left",
        _pytest(f"{TESTS}/identity/test_rebuild_equals_live.py"),
        15,
        {"HUB_REBUILD_HISTORIES": "300"},
    ),
    Suite(
        "a whole province is harvested, 4,500 instruments and more",
        _pytest(f"{TESTS}/harvest/test_harvest.py", "-k", "province"),
        15,
        {"HUB_PROVINCE_SCALE": "1"},
    ),
    Suite(
        "1,000 documents: the hub answers what a plain interpreter answers",
        _pytest(f"{TESTS}/oracle/test_against_the_interpreter.py"),
        15,
        {"HUB_ORACLE_EXAMPLES": "1000"},
    ),
    Suite(
        "A file of 1,000,000 rows as one command, killed once: no row is lost, none comes twice",
        ("-m", "bench.large", "--rows", "1000000", "--kill-after", "120"),
        90,
    ),
    Suite(
        "1,000 orders for one time at two hubs, without and with a booking of the laboratory's own",
        _pytest(f"{TESTS}/nemo/test_two_hubs.py", "-k", "many_for_one_time or survives"),
        45,
        {"HUB_RACE_REQUESTS": "1000"},
    ),
    Suite(
        "three hubs: rows handed on to two homes, a ring of questions, a line that is cut",
        _pytest(f"{TESTS}/federation/test_three_hubs.py"),
        15,
        {"HUB_THREE_HUBS": "1"},
    ),
    Suite(
        "100,000 claims on 1,000 services at four hubs that are killed: each is paid for once",
        _pytest(f"{TESTS}/vouchers/test_claim_race.py", "-s"),
        180,
        {"HUB_CLAIM_RACE": "100000 1000 100 4"},
    ),
    Suite(
        "schemathesis, 100 requests a route and kind: a hub answers what its OpenAPI document says",
        _pytest(f"{TESTS}/app/test_openapi_answers.py"),
        30,
        {"HUB_OPENAPI_EXAMPLES": "100"},
    ),
    Suite(
        "30 kills of a hub while it delivers to a webhook: every change is told",
        _pytest(f"{TESTS}/streams/test_killed_deliveries.py"),
        15,
        {"HUB_DELIVERY_KILLS": "30"},
    ),
    Suite(
        "graphql-http 61/61, both compositions, graphql-ws, graphql-sse, inspector, codegen with "
        "tsc --strict, relay-compiler, urql and Apollo Client with partial data, oauth4webapi",
        _pytest("-rp", "tests/external", "tests/clients", "tests/oauth"),
        15,
    ),
    Suite(
        "pandas, Python gql, Apollo Gateway, Hive Gateway through the proxy; pyarrow reads exports",
        _pytest("tests/programs"),
        20,
        {"HUB_TEST_PROGRAMS": "1"},
    ),
    Suite(
        "an export is killed 50 times: what was finished is whole",
        _pytest(f"{TESTS}/exchange/test_exports_killed.py", "-k", "finished"),
        15,
        {"HUB_EXPORT_KILLS": "50"},
    ),
    Suite(
        "three quick starts on an empty machine, every command in a shell",
        ("-m", "tests.guides.empty_machine"),
        30,
    ),
    Suite(
        "six kills under load, each target once: nothing acknowledged is lost",
        _pytest("tests/torture/test_short.py", "-k", "killed"),
        15,
        {"TORTURE_SHORT_KILLS": "6"},
    ),
    Suite(
        "100 kills under load, judged by an independent checker",
        ("-m", "tests.torture", "--kills", "100"),
        20,
    ),
    Suite(
        "full disk, no descriptors, slow callers, storms, clocks, Redis and PostgreSQL lost",
        ("-m", "tests.torture", "--scenario", "all"),
        20,
    ),
)


def main(words: Sequence[str]) -> int:
    """Run the suites whose names hold one of some words, or all; 0 when all passed."""
    chosen = [suite for suite in SUITES if not words or any(each in suite.name for each in words)]
    if not chosen:
        print("no suite has such a name:", *(f"  {suite.name}" for suite in SUITES), sep="\n")
        return 2
    print(f"{len(chosen)} suites, at most {sum(each.minutes for each in chosen)} min in all")
    sections = _sections(PAGE.read_text("utf-8") if PAGE.exists() else "")
    failed = 0
    for suite in chosen:
        print(f"{suite.name} (at most {suite.minutes} min) ...", flush=True)
        began, commit = time.monotonic(), _commit()
        ended = _run(suite)
        minutes = (time.monotonic() - began) / 60
        failed += not ended.is_well
        last = _last_lines(ended.said)
        print(f"  {ended.verdict} in {minutes:.1f} min: {last.splitlines()[-1]}", flush=True)
        told = f"{ended.verdict} in {minutes:.1f} min, on commit `{commit}`."
        sections[suite.name] = f"{told}\n\n```\n{last}\n```"
        PAGE.write_text(_page(sections), "utf-8")
    return 1 if failed else 0


def _commit() -> str:
    page = f":!{PAGE.relative_to(ROOT)}"  # git leaves out no absolute path
    changed = _told("git", "status", "--porcelain", "--untracked-files=no", "--", ".", page)
    return _told("git", "rev-parse", "HEAD") + (" (changed)" if changed else "")


def _sections(page: str) -> dict[str, str]:
    """Return what the page says of each suite."""
    parts = page.split("\n## ")[1:]
    split = [each.partition("\n\n") for each in parts]
    return {name: _BOUND.sub("", text.strip()) for name, _, text in split}


def _page(sections: Mapping[str, str]) -> str:
    """Return the page; a suite that was never run says so, one that is gone is left out."""
    most = sum(each.minutes for each in SUITES)
    lines = [
        "# Long suites\n\n`make suites`, at most "
        f"{most} min for all {len(SUITES)}; some of them: `python -m tests.suites WORD ...`."
    ]
    for each in SUITES:
        said = sections.get(each.name, "Not run yet.")
        lines.append(f"## {each.name}\n\nAt most {each.minutes} min. {said}")
    return "\n\n".join(lines) + "\n"


def _run(suite: Suite) -> Ended:
    """Run a suite in a session of its own, so that it can be ended with all that it started."""
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(
            (sys.executable, *suite.command),
            cwd=ROOT,
            env={**os.environ, **suite.environment},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        code = _code(process, suite.minutes * 60)
        out.seek(0)
        said = out.read().decode("utf-8", "replace")
    if code is None:
        return Ended(is_well=False, verdict="NO END", said=f"{said}\nno end in {suite.minutes} min")
    return judged(code, said)


def _code(process: Process, seconds: float) -> int | None:
    """Return the exit code, or None when the time was up; then nothing of it runs any more."""
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        for how in (signal.SIGINT, signal.SIGKILL):  # fixtures put away what they started
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(process.pid, how)
                process.wait(END_S)
        return None


def judged(code: int, said: str) -> Ended:
    """Return how a suite ended by its exit code and by what it said; skipping is no success."""
    if code:
        return Ended(is_well=False, verdict=f"FAILED ({code})", said=said)
    summary = said.strip().rpartition("\n")[2]
    skipped = _SKIPPED.search(summary)
    if skipped is None:
        return Ended(is_well=True, verdict="passed", said=said)
    if _PASSED.search(summary) is None:
        return Ended(is_well=False, verdict="DID NOT RUN", said=said)
    return Ended(is_well=False, verdict=f"PASSED BUT FOR {skipped.group(1)} SKIPPED", said=said)


def _last_lines(text: str) -> str:
    """Return the end of what a suite said, without paths of this machine and headings."""
    kept = [line for line in text.strip().splitlines() if not re.search(r"(^|\s)/|^#", line)]
    return "\n".join(kept[-LINES_KEPT:]) or "nothing"


def _told(*command: str) -> str:
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
