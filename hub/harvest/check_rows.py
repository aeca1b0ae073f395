"""`row_findings`: whether a harvest would be held or fail for the number of records; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from adapters._metadata import RowBounds
from hub.harvest.connections.finding import CheckVerdict, SourceFinding

__all__ = ["row_findings"]

TO_DO = (
    "与来源运维核对；本安装确实较大或较小时，在来源文件中写明 [rows]",
    "ask its operator; where this installation is larger or smaller, say so in [rows] of its file",
)


def row_findings(
    made: Mapping[str, int], whole: Iterable[str], bounds: Mapping[str, RowBounds]
) -> Iterator[SourceFinding]:
    """Yield what is wrong: too many records of a type, or too few of one that was read whole.

    `made`: records of each type that could be made of what was read.
    """
    is_whole = set(whole)
    for name, bound in bounds.items():
        count = made.get(name, 0)
        if count > bound.most:
            zh, en = f"{count} 条，超过上限 {bound.most}", f"{count}, more than {bound.most}"
        elif count < bound.least and name in is_whole:
            zh, en = f"只有 {count} 条，少于 {bound.least}", f"{count}, fewer than {bound.least}"
        else:
            continue
        yield SourceFinding(
            about=f"rows {name}",
            verdict=CheckVerdict.FAIL,
            zh=zh,
            en=f"{en} records: a harvest would not go through",
            to_do=TO_DO,
        )
