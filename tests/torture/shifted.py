"""`deltahub` with a clock that is wrong: by as many seconds as a file says, which may change.

    TORTURE_CLOCK=FILE python -c "from tests.torture.shifted import main; main()" serve

The hub asks for the time in one place (`hub.clock`), which is replaced before anything imports it;
`time.time` is too, from which the server writes the header by which clients correct their times.
PostgreSQL, Redis and the clients keep their time, as they do where one machine's clock jumps.
"""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hub.clock

VARIABLE = "TORTURE_CLOCK"


_true_time = time.time


def shift() -> float:
    """Return the seconds that the file holds."""
    try:
        return float(Path(os.environ[VARIABLE]).read_text() or 0)
    except (OSError, ValueError):  # there is none yet
        return 0.0


def shifted_clock() -> datetime:
    """Return the present instant, shifted."""
    return datetime.now(UTC) + timedelta(seconds=shift())


def main() -> None:
    hub.clock.system_clock = shifted_clock
    time.time = lambda: _true_time() + shift()
    from hub.cli.main import main as run

    run()
