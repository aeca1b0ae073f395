"""`section`: parts of `RESULTS.md` that programs beside `bench` write, each its own; pure."""

from __future__ import annotations

KEPT = ("Every source", "Customs answers")
"""Parts that a run of `bench` leaves as they are, in this order."""
_HEADING = "\n## "


def replaced(page: str, title: str, text: str) -> str:
    """Return a page with this text as the part of that title, at the end where there was none."""
    before, _, rest = page.partition(f"{_HEADING}{title}\n")
    _, heading, after = rest.partition(_HEADING)
    return f"{before.rstrip()}\n{_HEADING}{title}\n\n{text.strip()}\n{heading}{after}"


def kept(page: str) -> str:
    """Return the parts of a page that others than `bench` wrote."""
    parts = [page.partition(f"{_HEADING}{title}\n") for title in KEPT]
    return "".join(
        f"{begins}{rest.partition(_HEADING)[0].rstrip()}\n" for _, begins, rest in parts if begins
    )
