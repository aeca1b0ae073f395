"""`wire`: what became of a file, as JSON; pure."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.mapping import Column, MappingError, RowProblem, SourceRow
from adapters.mapping import Mapping as SavedMapping
from adapters.mapping.table import text_of
from hub.intake.batch import Outcome, problem_from_wire, problem_to_wire
from hub.intake.files.rejects import Refused
from hub.intake.files.report import FileReport
from hub.intake.files.service import ReadFile
from hub.intake.files.submission import GO_BACK, ReadTable, Submission
from hub.intake.limits import PART_ROWS_MAX
from schema.flat import FlatColumn
from schema.flat import columns as flat_columns

REFUSED_SHOWN_MAX = PART_ROWS_MAX
"""Refused rows of a table that are listed, of a part of a cut file all of them; figures and marked
workbook hold them all."""
OUTCOMES_SHOWN_MAX = 2_000
"""Records of a table of which it is told what became of them."""
WORKBOOK_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def submitted_wire(
    file: ReadFile,
    submissions: Sequence[Submission],
    *,
    workbook: bytes | None,
    cells: bool,
    rows: bool = False,
) -> dict[str, Any]:
    """Return the report of a file: a member for each table, and the marked workbook if asked.

    `cells`: with what stood in the rows that are listed; `rows`: with what became of each record.
    """
    wire: dict[str, Any] = {
        "dryRun": any(each.report.dry_run for each in submissions),
        "replayed": any(each.report.replayed for each in submissions),
        "monthly": file.is_monthly,
        "tables": [
            {**_table(each, read, cells=cells), **(_outcomes(each) if rows else {})}
            for read, each in zip(file.tables, submissions, strict=True)
        ],
        "empty": list(file.empty),
        "leftAlone": list(file.left_alone),
    }
    if workbook is not None:
        wire["marked"] = {"mediaType": WORKBOOK_TYPE, "base64": b64encode(workbook).decode("ascii")}
    return wire


def _table(submission: Submission, read: ReadTable, *, cells: bool) -> dict[str, Any]:
    report, table = submission.report, submission.table
    listed = submission.refused[:REFUSED_SHOWN_MAX]
    titles = {each.path: each for each in flat_columns(read.file.mapping.records[0].spec)}
    return {
        "sheet": report.sheet,
        "rows": report.rows,
        "read": report.read,
        "leftOut": dict(report.left_out),
        "accepted": report.accepted,
        "duplicate": report.duplicate,
        "proven": report.proven,
        "warned": report.warned,
        "quarantined": report.quarantined,
        "unsettled": report.unsettled,
        "belowHeader": report.below,
        "records": [
            {"type": kind, "outcome": outcome.value, "count": count}
            for (kind, outcome), count in sorted(report.records.items())
        ],
        "reasons": [
            {"code": code, "item": item, "count": count}
            for (code, item), count in sorted(report.reasons.items(), key=lambda each: -each[1])
        ],
        "warnings": [
            {"code": code, "item": item, "count": count}
            for (code, item), count in sorted(report.warnings.items(), key=lambda each: -each[1])
        ],
        "dropped": dict(report.dropped),
        "headerRow": table.header_row,
        "columns": [_column(each, titles) for each in table.columns],
        "entries": [
            {"row": row, "type": one.record_type, "key": one.key, "entryId": str(one.entry_id)}
            for row, one in submission.outcomes
            if one.entry_id is not None and one.outcome is not Outcome.DUPLICATE
        ],
        "refused": [_refused(each, cells=cells) for each in listed],
        "refusedNotListed": len(submission.refused) - len(listed),
        "doubted": [_refused(each, cells=cells) for each in submission.doubted[:REFUSED_SHOWN_MAX]],
    }


def _outcomes(submission: Submission) -> dict[str, Any]:
    """Return what became of each record that was not refused, also of a dry run."""
    taken = [(row, one) for row, one in submission.outcomes if one.outcome not in GO_BACK]
    return {
        "outcomes": [
            {
                "row": row,
                "type": one.record_type,
                "key": one.key,
                "outcome": one.outcome.value,
                "revision": one.revision,
                **({} if one.home is None else {"home": one.home.hub}),
            }
            for row, one in taken[:OUTCOMES_SHOWN_MAX]
        ],
        "outcomesNotListed": max(0, len(taken) - OUTCOMES_SHOWN_MAX),
    }


def _column(column: Column, titles: Mapping[str, FlatColumn]) -> dict[str, Any]:
    """Return a column; one that is named as an item of the standard also as people call it."""
    wire: dict[str, Any] = {"position": column.position, "name": column.name}
    item = titles.get(column.name)
    return wire if item is None else {**wire, "zh": item.zh, "en": item.en}


def _refused(refused: Refused, *, cells: bool) -> dict[str, Any]:
    wire: dict[str, Any] = {
        "row": refused.row.number,
        "problems": [_problem(each) for each in refused.problems],
    }
    if refused.homes:
        wire |= {"homes": list(refused.homes), "unsettled": refused.waits}
    if cells:
        wire["cells"] = [text_of(cell) for cell in refused.row.cells]
    return wire


def refused_from_wire(wire: Mapping[str, Any], row: SourceRow, *, is_taken: bool) -> Refused:
    """Return what an answer says of a row, as the side that has the row gives it back."""
    told = [
        RowProblem(problem_from_wire(each), tuple(each["columns"]), each["path"])
        for each in wire["problems"]
    ]
    homes = tuple(wire.get("homes", ()))
    waits = bool(wire.get("unsettled"))
    return Refused(row, told, is_taken=is_taken, homes=homes, waits=waits)


def _problem(found: RowProblem) -> dict[str, Any]:
    return {**problem_to_wire(found.problem), "columns": list(found.columns)}


def mapping_problems(error: MappingError) -> list[dict[str, Any]]:
    """Return everything that is wrong with a mapping, as JSON."""
    return [
        {
            "code": each.code,
            "messageZh": each.zh,
            "messageEn": each.en,
            "line": each.line,
            "where": each.where,
        }
        for each in error.problems
    ]


def mapping_warnings(mapping: SavedMapping) -> list[dict[str, Any]]:
    """Return what the keeper of a mapping should know of it, although it is sound."""
    return [
        {
            "code": "NUMBERED_BY_ROW",
            "messageZh": "编号取自行号：同一批行换了顺序，或在中间增删一行，就成为另外的记录",
            "messageEn": "records are numbered by their rows: the same rows in another order, or "
            "with one put in or taken out, are other records",
            "line": line,
            "where": path,
        }
        for path, line in mapping.numbered_by_row
    ]


def report_from_wire(name: str, wire: Mapping[str, Any], table: Mapping[str, Any]) -> FileReport:
    """Return the report of one table of an answer, as the side that sent the file shows it."""
    counts = {
        Outcome.ACCEPTED: table["accepted"],
        Outcome.PROVEN: table["proven"],
        Outcome.DUPLICATE: table["duplicate"] - table["proven"],
        Outcome.QUARANTINED: table["quarantined"],
        Outcome.UNSETTLED: table.get("unsettled", 0),
    }
    return FileReport(
        file=name,
        sheet=table["sheet"],
        rows=table["rows"],
        left_out=table["leftOut"],
        outcomes=counts,
        records={(r["type"], Outcome(r["outcome"])): r["count"] for r in table["records"]},
        reasons={(each["code"], each["item"]): each["count"] for each in table["reasons"]},
        warnings={(each["code"], each["item"]): each["count"] for each in table["warnings"]},
        dropped=table["dropped"],
        warned=table["warned"],
        below=table["belowHeader"],
        dry_run=wire["dryRun"],
        replayed=wire["replayed"],
    )
