"""`locks`: the numbers of the advisory locks that a session holds: who does what for all workers.

One list, so that no two holders share a number. A number stays: a worker of another version that
still runs knows it under the same.
"""

from __future__ import annotations

from enum import IntEnum, unique


@unique
class SessionLock(IntEnum):
    """A task that one worker of a hub does at a time."""

    HOUSEKEEPING = 7_340_001
    SEQUENCER = 7_340_002
    GRADING = 7_340_003
    JOINING = 7_340_004
    WEBHOOKS = 7_340_010
    ORDERS = 7_340_011
