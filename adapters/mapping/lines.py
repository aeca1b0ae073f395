"""Where in a TOML text a key stands, so that a problem can name the line.

The TOML reader of the standard library reports no lines. This looks for the key as people write it,
one to a line; a key that is not found gets no line.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_TABLE = re.compile(r"\s*(\[\[?)\s*([A-Za-z_.]+)\s*\]\]?\s*(?:#.*)?")
_KEY = re.compile(r"""\s*("(?:[^"\\]|\\.)*"|'[^']*'|[^\s=#\[\]"',{}]+)\s*=""")


@dataclass(slots=True)
class Lines:
    """Line numbers, from 1, of tables and keys."""

    of: dict[tuple[str, ...], int] = field(default_factory=dict)

    def find(self, *path: str) -> int | None:
        """Return the line of a key, or of the innermost table around it that was found."""
        for length in range(len(path), 0, -1):
            if path[:length] in self.of:
                return self.of[path[:length]]
        return None


def lines_of(text: str) -> Lines:
    """Find the lines of all tables and keys; the n-th `[[record]]` is `("record", "n")`."""
    numbers = Lines()
    counts: dict[str, int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        opened = _TABLE.fullmatch(line)
        if opened:
            name = opened[2]
            if opened[1] == "[[":
                counts[name] = counts.get(name, 0) + 1
                table = (name, str(counts[name]))
            else:
                head, _, rest = name.partition(".")
                within = (str(counts[head]),) if head in counts else ()
                table = (head, *within, *([rest] if rest else []))
            numbers.of.setdefault(table, number)
            continue
        key = _KEY.match(line)
        if key:
            numbers.of.setdefault((*table, _bare(key[1])), number)
    return numbers


def _bare(key: str) -> str:
    if key.startswith('"'):
        return key[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return key[1:-1] if key.startswith("'") else key
