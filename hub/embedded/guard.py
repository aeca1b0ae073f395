"""`guard`: the process that stops an embedded server when the last of its users was killed.

- It looks from time to time whether anybody uses the server, in turn with those who start and stop.
- Signals that end a hub do not end it: Ctrl-C reaches a whole terminal, SIGTERM a whole service.
  `sharing.py` starts it with these ignored.
- It ends when there was neither user nor server for some looks, or when the folder is gone.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from hub.embedded.errors import EmbeddedError
from hub.embedded.limits import GUARD_POLL_S, GUARD_QUIET_LOOKS
from hub.embedded.server import EmbeddedPostgres
from hub.embedded.sharing import EmbeddedEngine, Sharing
from hub.embedded.valkey import EmbeddedValkey

ENGINES: dict[str, Callable[[Path], EmbeddedEngine]] = {
    "pg": EmbeddedPostgres,
    "valkey": EmbeddedValkey,
}


def main() -> None:
    """Guard the server of the folder and hold the lock that the caller took for it."""
    kind, folder, lock = sys.argv[1:]
    os.chdir("/")
    guard(ENGINES[kind](Path(folder)), int(lock))


def guard(engine: EmbeddedEngine, lock: int) -> None:
    """Look until server and users are gone, then let go of `lock`."""
    sharing, quiet = Sharing(engine), 0
    while quiet < GUARD_QUIET_LOOKS:
        time.sleep(GUARD_POLL_S)
        try:
            with sharing.turn(create=False):
                quiet = 0 if _is_needed(engine, sharing) else quiet + 1
                if quiet == GUARD_QUIET_LOOKS:
                    os.close(lock)  # still in turn, so that who comes next starts another guard
        except EmbeddedError:
            quiet = 0  # it could not be stopped; the next look tries again
        except OSError:
            return  # the folder is gone


def _is_needed(engine: EmbeddedEngine, sharing: Sharing) -> bool:
    if sharing.is_used():
        return True
    was_running = engine.is_running()
    sharing.end()
    return was_running
