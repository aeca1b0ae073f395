"""`page`: the parts of `bench/RESULTS.md`, each written by a command of its own.

`python -m bench` writes what is above them; a run of one part leaves the others as they are.
"""

from __future__ import annotations

from pathlib import Path

SOURCES, CUSTOMS, GATEWAYS = "Every source", "Customs answers", "Beside gateways"
VOUCHERS, CLAIMS_BETWEEN = "Claims on vouchers", "Claims between hubs"
ATTESTATIONS = "Attestations"
PARTS = (SOURCES, CUSTOMS, VOUCHERS, CLAIMS_BETWEEN, ATTESTATIONS, GATEWAYS)
"""Titles, in the order in which they stand on the page."""


def parts_of(page: str) -> dict[str, str]:
    """Return the parts that a page has, by title, headings included."""
    found = {}
    for title in PARTS:
        _, begins, rest = f"\n{page}".partition(f"\n## {title}\n")
        if begins:
            ends = [at for other in PARTS if (at := rest.find(f"\n## {other}\n")) >= 0]
            found[title] = (begins + rest[: min(ends, default=len(rest))]).strip("\n")
    return found


def with_part(page: str, title: str, text: str) -> str:
    """Return a page with this text as one part, in place of an earlier one."""
    return joined(_head(page), {**parts_of(page), title: f"## {title}\n\n{text.strip()}"})


def with_head(page: str, head: str) -> str:
    """Return a page with another head and the parts that it had."""
    return joined(head, parts_of(page))


def write_part(file: Path, title: str, text: str) -> None:
    """Put one part on the page of a file, which may not be there yet."""
    page = file.read_text("utf-8") if file.is_file() else ""
    file.write_text(with_part(page, title, text), "utf-8")
    print(f"written: {file}")


def joined(head: str, parts: dict[str, str]) -> str:
    """Return a page of a head and parts."""
    texts = [head.strip("\n"), *(parts[title] for title in PARTS if title in parts)]
    return "\n\n".join(text for text in texts if text) + "\n"


def _head(page: str) -> str:
    begins = [at for title in PARTS if (at := f"\n{page}".find(f"\n## {title}\n")) >= 0]
    return page[: min(begins, default=len(page))]
