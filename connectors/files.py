"""File drops: which files of a folder may be taken now. Pure; looking and reading is the caller's.

A file is taken when its writer has finished: it stands beside a marker (`name.ok`), or neither its
size nor its time changed between two polls. The pause between polls is ours; the writer's clock is
only compared with itself, so a wrong clock or zone does no harm. A content taken once is never
taken again, whatever its name (the ledger is a set of SHA-256 digests).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum

__all__ = ["FileState", "Verdict", "judge", "judge_content"]

MARKER = ".ok"
UNFINISHED_SUFFIXES = (".part", ".tmp", ".filepart", ".crdownload", ".swp")
UNFINISHED_PREFIXES = (".", "~$")
FILES_MAX = 10_000
"""Files of one folder that one poll looks at."""


class Verdict(Enum):
    """What to do with one file."""

    TAKE = "take it now"
    WAIT = "it may still be written"
    SKIP = "a marker or an unfinished name"
    DUPLICATE = "this content was taken before"


@dataclass(frozen=True, slots=True)
class FileState:
    """What a poll sees of a file without opening it."""

    size: int
    changed_ns: int
    """Time of the last change in nanoseconds, by the clock of whoever wrote it."""


def judge(before: Mapping[str, FileState], now: Mapping[str, FileState]) -> dict[str, Verdict]:
    """Decide by name, comparing two polls; an empty file waits for its content."""
    if len(now) > FILES_MAX:
        raise ValueError(f"{len(now)} files in one folder, at most {FILES_MAX} are looked at")
    verdicts = {}
    for name, state in now.items():
        lower = name.lower()
        if lower.endswith((MARKER, *UNFINISHED_SUFFIXES)) or name.startswith(UNFINISHED_PREFIXES):
            verdicts[name] = Verdict.SKIP
        elif state.size > 0 and (name + MARKER in now or before.get(name) == state):
            verdicts[name] = Verdict.TAKE
        else:
            verdicts[name] = Verdict.WAIT
    return verdicts


def judge_content(digest: bytes, taken: Collection[bytes]) -> Verdict:
    """Decide by content, once the bytes were read."""
    return Verdict.DUPLICATE if digest in taken else Verdict.TAKE
