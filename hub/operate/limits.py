"""`limits`: every bound of what an operator is told, in one place; times are seconds."""

FIGURES_KEPT_S = 2.0
"""How old figures of the database may be that are told again."""
FIGURES_WAIT_S = 8.0
"""Longest wait for them."""
ENTRIES_COUNTED_MAX = 10_001
"""Entries without a leaf that are counted; beyond it the figure says this many."""
OUT_OF_ORDER_MAX = 1000
"""How far before the newest leaf an entry may still be without one: ids commit out of order."""

LOOK_S = 5.0
"""Time between two looks of a running hub at itself."""
PART_WAIT_S = 6.0
"""Longest wait for one part's answer."""
PROBE_S = 20.0
"""Least time between two writes that only look whether writing is possible."""
PROBE_BYTES = 256 * 1024
DISK_FREE_MIN_BYTES = 256 * 2**20
"""Less free space in the data folder than this and no more writes are asked for."""
DISK_FREE_WARN_BYTES = 2 * 2**30
"""Less than this is said by `deltahub status`."""
LOG_STUCK_S = 60.0
"""Age of the oldest entry without a checkpoint beyond which the log stands still."""
CLOCK_AHEAD_MAX_S = 5.0
"""How far the hub's clock may be from the database's: tokens and proofs live by seconds."""

SOURCES_NAMED_MAX = 12
"""Sources that `deltahub status` names in one line."""
BACKUP_OLD_S = 2 * 86_400
"""A last backup that is older needs a hand."""
KEY_OLD_DAYS = 365
"""A key that is older needs a hand."""
