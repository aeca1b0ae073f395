"""What is written back beside a file that was left in a folder: pure.

`receipts.json` has the members of the answer to `POST /files`; `entryId` of a row is what
`GET /receipts/<entryId>` asks for. Of a file that was refused it says why.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.mapping import MappingError
from connectors.document import Document
from connectors.errors import ConnectorError
from hub.errors import HubError
from hub.intake.batch import RowOutcome, problem_to_wire
from hub.intake.files.gathered import Gathered
from hub.intake.files.large import LargeFile
from hub.intake.files.rejects import rejects_workbook
from hub.intake.files.service import ReadFile
from hub.intake.files.submission import Submission
from hub.intake.files.wire import mapping_problems, submitted_wire

__all__ = [
    "DropAnswer",
    "Refusal",
    "document_answer",
    "parts_answer",
    "refusal_json",
    "whole_answer",
]


@dataclass(frozen=True, kw_only=True)
class DropAnswer:
    """What became of a file."""

    receipts: bytes
    rejects: bytes | None
    rows: int
    outcomes: Mapping[str, int] = field(default_factory=dict)
    dropped: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a file was refused: what is written back, and in words for the operator."""

    content: bytes
    words: str


def whole_answer(
    name: str,
    digest: bytes,
    file: ReadFile,
    submissions: Sequence[Submission],
    marked: bytes | None,
) -> DropAnswer:
    """Return the answer to a file that was taken in at once."""
    wire = submitted_wire(file, submissions, workbook=None, cells=False, rows=True)
    outcomes: Counter[str] = Counter()
    for each in submissions:
        outcomes.update({kind.value: n for kind, n in each.report.outcomes.items()})
    return DropAnswer(
        receipts=_json(name, digest, wire),
        rejects=marked,
        rows=sum(each.report.rows for each in submissions),
        outcomes=outcomes,
        dropped=sum(sum(each.report.dropped.values()) for each in submissions),
    )


def parts_answer(
    name: str,
    digest: bytes,
    large: LargeFile,
    gathered: Gathered,
    answers: Sequence[Mapping[str, Any]],
) -> DropAnswer:
    """Return the answer to a long file; of rows that go back its workbook holds the first ones."""
    reports = gathered.reports
    outcomes: Counter[str] = Counter()
    for each in reports:
        outcomes.update({kind.value: n for kind, n in each.outcomes.items()})
    dates_1904 = any(each.from_1904 for each in large.tables)
    first = next(gathered.returned(), None)
    wire = {
        "replayed": bool(answers) and all(each["replayed"] for each in answers),
        "monthly": large.is_monthly,
        "parts": [{"tables": each["tables"]} for each in answers],
        "empty": list(large.empty),
        "leftAlone": list(large.left_alone),
        "refusedInAll": gathered.quarantined,
    }
    return DropAnswer(
        receipts=_json(name, digest, wire),
        rejects=None if first is None else rejects_workbook(first, dates_1904=dates_1904),
        rows=sum(each.rows for each in reports),
        outcomes=outcomes,
        dropped=sum(sum(each.dropped.values()) for each in reports),
    )


def document_answer(document: Document, outcomes: Sequence[RowOutcome]) -> bytes:
    """Return the answer to a file that an adapter reads: what became of each of its records."""
    records = [
        {
            "type": each.record_type,
            "key": each.key,
            "outcome": each.outcome.value,
            "revision": each.revision,
            "entryId": None if each.entry_id is None else str(each.entry_id),
            "problems": [problem_to_wire(one) for one in each.problems],
        }
        for each in outcomes
    ]
    counts = Counter(each.outcome.value for each in outcomes)
    wire = {"rows": len(document.rows), "counts": dict(counts), "records": records}
    return _json(document.place, document.digest, wire)


def refusal_json(name: str, digest: bytes, error: Exception) -> Refusal:
    """Return why a file was refused."""
    refused: dict[str, Any]
    if isinstance(error, MappingError):
        problems = mapping_problems(error)
        first = problems[0]
        refused = {"code": "MAPPING_INVALID", "problems": problems}
        words = f"{first['messageZh']} {first['messageEn']}"
    elif isinstance(error, ConnectorError):
        refused = {"code": "FILE_UNREADABLE", "detail": error.detail, "hint": error.hint}
        words = f"{error.detail}. {error.hint}"
    elif isinstance(error, HubError):
        refused = {"code": error.code.name, "detail": str(error)}
        words = str(error)
    else:
        refused = {"code": "MAPPING_UNKNOWN", "detail": type(error).__name__}
        words = f"映射无法读取 the mapping cannot be read: {error}"
    return Refusal(_json(name, digest, {"refused": refused}), words)


def _json(name: str, digest: bytes, content: Mapping[str, Any]) -> bytes:
    wire = {"file": name, "sha256": digest.hex(), **content}
    return json.dumps(wire, ensure_ascii=False, indent=1, default=str).encode()
