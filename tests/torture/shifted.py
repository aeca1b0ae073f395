"""`deltahub` with a clock that is wrong: by as many seconds as a file says, which may change.

    TORTURE_CLOCK=FILE python -c "from tests.torture.shifted import main; main()" serve

The hub asks for the time in one place (`hub.clock`), which is replaced before anything imports it.
PostgreSQL, Redis and the machine keep their own time, as they do where one clock jumps.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hub.clock

VARIABLE = "TORTURE_CLOCK"


def shifted_clock() -> datetime:
    """Return the present instant, shifted by the seconds that the file holds."""
    try:
        seconds = float(Path(os.environ[VARIABLE]).read_text() or 0)
    except (OSError, ValueError):  # it is being written
        seconds = 0.0
    return datetime.now(UTC) + timedelta(seconds=seconds)


def main() -> None:
    hub.clock.system_clock = shifted_clock
    from hub.cli.main import main as run

    run()
