"""Long suites are bounded, end with what they started, and are no success where they skip."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests import suites
from tests.suites import PAGE, SUITES, Suite, judged

CHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(sys.argv[1], "w").write(str(child.pid))
time.sleep(600)
"""


def is_gone(pid: int) -> bool:
    """Whether a process has ended, waited for or not."""
    status = Path(f"/proc/{pid}/stat")
    try:
        os.kill(pid, 0)
        return status.read_text("utf-8").rpartition(") ")[2].startswith("Z")
    except (ProcessLookupError, FileNotFoundError):
        return True


def test_the_page_names_every_suite_with_its_bound() -> None:
    page = PAGE.read_text("utf-8")
    assert len({each.name for each in SUITES}) == len(SUITES)
    for each in SUITES:
        assert f"## {each.name}\n\nAt most {each.minutes} min. " in page
    assert page == suites._page(suites._sections(page)), "writing it again changes nothing"
    assert f"at most {sum(each.minutes for each in SUITES)} min" in page


@pytest.mark.parametrize(
    ("code", "said", "is_well", "verdict"),
    [
        (0, "..\n2 passed in 3.00s", True, "passed"),
        (0, "every step did what its page says", True, "passed"),
        (1, "1 failed, 2 passed in 3.00s", False, "FAILED (1)"),
        (0, "s\n1 skipped in 0.10s", False, "DID NOT RUN"),
        (0, ".ss\n1 passed, 2 skipped in 0.10s", False, "PASSED BUT FOR 2 SKIPPED"),
        (0, "SKIPPED [1] x: no Node\n2 passed, 1 deselected in 1.00s", True, "passed"),
    ],
)
def test_only_what_ran_whole_has_passed(code: int, said: str, is_well: bool, verdict: str) -> None:
    ended = judged(code, said)
    assert (ended.is_well, ended.verdict) == (is_well, verdict)


def test_a_suite_that_reaches_its_bound_is_ended_with_what_it_started(tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    late = Suite("late", ("-c", CHILD, str(noted)), minutes=0)
    process_ended = suites._code

    def after_its_start(process: suites.Process, seconds: float) -> int | None:
        while not noted.exists() or not noted.read_text():
            assert process.poll() is None
        return process_ended(process, seconds)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(suites, "_code", after_its_start)
        ended = suites._run(late)
    assert (ended.is_well, ended.verdict) == (False, "NO END")
    pid = int(noted.read_text())
    while not is_gone(pid):  # whoever takes over orphans may take a moment
        pass
