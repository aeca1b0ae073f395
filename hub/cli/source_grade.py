"""`deltahub source grade`: how good a source is, and what the next grade wants."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.context import open_database, run
from hub.clock import system_clock
from hub.harvest.grades import Graded, GradeFacts, rules
from hub.harvest.grading import grade_now
from hub.store.source_changes import source_named


def grade(source_id: Annotated[str, typer.Argument(help="id")]) -> None:
    """SourceGrade a source now: bronze, silver or gold, and what is missing for the next one."""
    graded, facts = run(_grade(source_id))
    for line in lines(graded, facts):
        typer.echo(line)


def lines(graded: Graded, facts: GradeFacts) -> list[str]:
    """Return what is printed."""
    told = [f"{graded.grade}  {facts.rows} rows"]
    for each in rules().requirements:
        share = facts.share(each.name)
        is_unknown = facts.declares_hours and each.unknown_up_to is not None
        has = "UNKNOWN" if is_unknown else "-"
        if share.value is not None:
            has = f"{share.value:.1%} ({share.good}/{share.of})"
        told.append(f"  {each.zh} {each.en}: {has}")
    for lack in graded.missing:
        has = "不详 not known" if lack.has is None else f"{lack.has:.1%}"
        told.append(f"缺 missing {lack.requirement.code}: {has} < {lack.wanted:.1%}")
        told.append(f"    {lack.requirement.why}")
    return told


async def _grade(source_id: str) -> tuple[Graded, GradeFacts]:
    async with open_database() as database:
        await source_named(database, source_id)
        return await grade_now(database, source_id, system_clock())
