"""The three quick starts as steps: what a reader types, one command block after the other.

A block whose first line is one of these words is not the reader's own terminal:

    # 安装 install       installs the package
    # 运营方 operator     the operator of the hub types it
    # 手工 by hand: FILE  no command: somebody edits that file

A line that ends with `# 退出码 exit code N` ends with that code. Three texts stand for what differs
from reader to reader: the hub's address, the number of a registration, the number of an entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDES = ("start-university", "start-platform", "start-voucher")
"""In the order in which they are walked: the university gives what the voucher officer reads."""
HUB = "https://hub.example"
REQUEST = "reg-…"
ENTRY = "4711"
_BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
_CODE = re.compile(r"# 退出码 exit code (\d+)$", re.MULTILINE)


class Who(Enum):
    """Where a block is typed."""

    READER = ""
    INSTALL = "# 安装 install"
    OPERATOR = "# 运营方 operator"
    HAND = "# 手工 by hand"


@dataclass(frozen=True)
class Step:
    """One block of commands."""

    who: Who
    text: str

    @property
    def exit_code(self) -> int:
        """Return how its last command ends."""
        found = _CODE.search(self.text)
        return int(found[1]) if found else 0

    @property
    def file(self) -> str:
        """Return the file that somebody edits."""
        return self.text.partition(": ")[2].strip()


def page(name: str) -> Path:
    return ROOT / "docs/partners" / f"{name}.md"


def steps(name: str) -> Iterator[Step]:
    for text in _BLOCK.findall(page(name).read_text("utf-8")):
        first = text.partition("\n")[0]
        who = next(who for who in reversed(Who) if first.startswith(who.value))
        yield Step(who, text)


@dataclass
class Known:
    """What a reader has seen so far and puts into the commands."""

    hub: str
    request: str = REQUEST
    entry: str = ENTRY
    said: list[str] = field(default_factory=list)

    def hear(self, output: str) -> None:
        """Remember the numbers of what was printed: of a request, of the first entry."""
        self.said.append(output)
        for request in re.findall(r"reg-[\w-]+", output)[:1]:
            self.request = request
        for entry in re.findall(r'"entryId": "(\d+)"', output)[:1]:
            self.entry = entry

    def put_into(self, text: str) -> str:
        return text.replace(HUB, self.hub).replace(REQUEST, self.request).replace(ENTRY, self.entry)


def rows_to_fill(name: str) -> tuple[list[str], list[list[str]]]:
    """Return the table of a guide that a reader copies into the workbook: its columns, its rows."""
    lines = page(name).read_text("utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("| institutionKey |"))
    table = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        table.append([cell.strip() for cell in line.strip("|").split("|")])
    return table[0], table[2:]
