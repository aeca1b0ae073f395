"""`DropEntry`: what lies in a folder, and whether it is a file that may be taken; pure.

- Names that begin with a dot and names of unfinished transfers (`.part`, `.tmp`, …) are left alone
  without a word; so is what the hub writes back.
- `<name>.ok` is not a file of its own: it says that `<name>` is complete, unless the file is newer.
- Of everything else that is not taken (links, folders, names that cannot be written back to) it is
  told why, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from connectors.limits import DROP_NAME_BYTES_MAX, DROP_NAMES_TOLD_MAX

__all__ = ["MARK", "RECEIPTS", "REJECTS", "DropEntry", "EntryKind", "shown_name", "sorted_out"]

MARK = ".ok"
RECEIPTS, REJECTS = ".receipts.json", ".rejects.xlsx"
WRITTEN_BACK = (RECEIPTS, REJECTS)
UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".filepart", ".crdownload", ".download", "~")
NAME_SHOWN_MAX = 80


class EntryKind(Enum):
    """What an entry of a folder is."""

    FILE = auto()
    FOLDER = auto()
    LINK = auto()
    OTHER = auto()


NO_FILES: Mapping[EntryKind, str] = {
    EntryKind.LINK: "是链接，不读取；请放入文件本身 "
    "is a link, which is not followed: put the file itself",
    EntryKind.FOLDER: "是文件夹，不读取；请放入其中的文件 "
    "is a folder, which is not read: put its files beside it",
    EntryKind.OTHER: "不是普通文件 is no ordinary file: put a file in its place",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class DropEntry:
    """A name in a folder; bytes of a name that are not UTF-8 are kept as half characters."""

    name: str
    size: int
    modified: int
    """By the clock of whoever keeps the folder, as fine as it tells: only compared with itself."""
    kind: EntryKind = EntryKind.FILE

    @property
    def looks(self) -> tuple[int, int]:
        """What changes when somebody writes to it."""
        return self.size, self.modified


@dataclass(frozen=True, slots=True)
class SortedOut:
    """The entries of a folder: files that may be taken, those that are marked, what is told."""

    files: tuple[DropEntry, ...]
    marked: frozenset[str]
    notes: tuple[str, ...]


def sorted_out(entries: Iterable[DropEntry]) -> SortedOut:
    """Sort the entries of a folder out; files in the order of their time, then their names."""
    listed = list(entries)
    by_name = {each.name: each for each in listed}
    files, notes = [], []
    for each in listed:
        if _is_left_alone(each.name):
            continue
        fault = _fault(each)
        if fault is None:
            files.append(each)
        else:
            notes.append(f"{shown_name(each.name)}: {fault}")
    files.sort(key=lambda each: (each.modified, each.name))
    marked = (each.name for each in files if _has_mark(each, by_name))
    return SortedOut(tuple(files), frozenset(marked), _bounded(sorted(notes)))


def shown_name(name: str) -> str:
    """Return a name as it may stand in a message."""
    plain = name if name.isprintable() and len(name) <= NAME_SHOWN_MAX else ascii(name)
    return plain if len(plain) <= NAME_SHOWN_MAX else f"{plain[:NAME_SHOWN_MAX]}…"


def _is_left_alone(name: str) -> bool:
    return name.startswith(".") or name.lower().endswith((*UNFINISHED, *WRITTEN_BACK, MARK))


def _has_mark(file: DropEntry, by_name: Mapping[str, DropEntry]) -> bool:
    mark = by_name.get(f"{file.name}{MARK}")
    return mark is not None and mark.kind is EntryKind.FILE and mark.modified >= file.modified


def _fault(entry: DropEntry) -> str | None:
    """Return why an entry is not taken, None where it may be."""
    if entry.kind in NO_FILES:
        return NO_FILES[entry.kind]
    try:
        raw = entry.name.encode()
    except UnicodeEncodeError:
        return "文件名不是 UTF-8，请重新命名 the name is not UTF-8: rename it"
    if not entry.name.isprintable() or "/" in entry.name or "\\" in entry.name:
        return "文件名含有控制字符或斜杠 the name holds control characters or slashes: rename it"
    if len(raw) > DROP_NAME_BYTES_MAX:
        return (
            f"文件名超过 {DROP_NAME_BYTES_MAX} 字节 the name has over {DROP_NAME_BYTES_MAX} bytes: "
            "shorten it"
        )
    return None


def _bounded(notes: list[str]) -> tuple[str, ...]:
    more = len(notes) - DROP_NAMES_TOLD_MAX
    told = notes[:DROP_NAMES_TOLD_MAX]
    return (*told, f"还有 {more} 个 and {more} more") if more > 0 else tuple(told)
