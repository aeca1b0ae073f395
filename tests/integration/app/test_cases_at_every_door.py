"""Cases from the field at every door that takes records: the same row means the same at each.

`POST /batches`, the mutation and `deltahub client push` take records as JSON; `POST /files` and
`deltahub submit` take tables, which `tests/unit/mapping/test_cases_in_every_file.py` reads in every
form. What is refused names its row, what is wrong in Chinese and English, and what was there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hub.access.clients import ClientKind
from hub.client.files import SentFile, keep_mapping, send_file
from hub.client.pushing import PushedFile, push_file
from tests.integration.app.conftest import UNIVERSITY, World
from tests.integration.app.test_both_doors import WRITES, Sent, both, instrument, mutated, same
from tests.unit.mapping.written import KINDS, file_of

__all__ = ["both"]
pytestmark = pytest.mark.integration

MARKS = "\u200b\u200d\ufeff\u00a0\u00ad\u3000\ufe0f\u200e\u202e\u2066\u3164\u2800\U000e0041"
WRONG_TEXTS: list[tuple[str, dict[str, Any], str]] = [
    *(("08", instrument(f"A{mark}1"), "KEY_CHARACTER") for mark in MARKS),
    *(("08", instrument("A1", model=f"{mark}X"), "") for mark in MARKS),
    ("04", instrument(1234567890123456789), "NOT_TEXT"),  # type: ignore[arg-type]
    ("04", instrument(13.0), "NOT_TEXT"),  # type: ignore[arg-type]
    ("05", instrument("A1", acceptedOn="2024-05-01T00:00:00Z"), "NOT_PARTIAL_DATE"),
    ("05", instrument("A1", acceptedOn="2024-05-01 24:00"), "NOT_PARTIAL_DATE"),
    ("06", instrument("A1", acceptedOn=1714492800), "NOT_PARTIAL_DATE"),
    ("11", instrument("A1", originalValue={"amount": "12,50", "currency": "CNY"}), "NOT_DECIMAL"),
    ("11", instrument("A1", originalValue={"amount": "$12", "currency": "CNY"}), "NOT_DECIMAL"),
    ("11", instrument("A1", originalValue={"amount": "1e2", "currency": "CNY"}), "NOT_DECIMAL"),
    *(
        ("11", instrument("A1", originalValue={"amount": each, "currency": "CNY"}), "NOT_DECIMAL")
        for each in ("1.123456789", "0.000000001", "NaN", "Infinity", "１２")
    ),
    ("16", instrument("A1", place={"divisionCode": "市辖区"}), "MISSHAPEN"),
    ("16", instrument("A1", place={"divisionCode": "310199"}), "DIVISION_UNKNOWN"),
]
NO_JSON = [
    ("13", '"model": NaN'),
    ("13", '"model": [-Infinity]'),
    ("13", '"surplus": {"a": 1e400}'),
    ("13", '"model": "a", "model": "b"'),
    ("13", '"model": "a", "m\\u006fdel": "b"'),
    ("13", '"name": {"zh": "a", "\\u007ah": "b"}'),
    ("13", f'"model": {"9" * 600}'),
]
WRONG_CHARACTERS = [
    ("12", '"model": "A\\ud83d"'),
    ("12", '"model": "\\udc00\\ud83d"'),
    ("12", '"surplus\\ud83d": 1'),
    ("12", '"place": {"address": "\\udfff"}'),
    ("09", '"model": "a\u2028b"'),
    ("09", '"model": "a\\u2029b"'),
    ("09", '"model": "a\\u0085b"'),
    ("08", '"model": "a\\u0000b"'),
]


def with_member(text: str) -> str:
    return f"{json.dumps(instrument('A1'))[:-2]}, {text}}}}}"


async def test_a_wrong_record_is_told_the_same_by_batch_mutation_and_client(
    both: Any, world: World, tmp_path: Path
) -> None:
    doors = await both()
    scopes = (*WRITES, "receipt:read")
    client = await world.register("three", UNIVERSITY, ClientKind.UNIVERSITY, scopes, "zju-push")
    lines = [json.dumps(row, ensure_ascii=False) for _, row, _ in WRONG_TEXTS]
    lines += [with_member(text) for _, text in WRONG_CHARACTERS]
    lines += [json.dumps(instrument("GOOD"))]
    told, taken = await _by_lines(doors, lines)
    good = [line for line, problems in zip(lines, told, strict=True) if not problems]
    assert (good, taken) == (lines[-1:], 1), "the good row goes in beside the others"
    for (case, row, code), outcome in zip(WRONG_TEXTS, told, strict=False):
        codes = [each for _, each in outcome]
        assert codes, (case, row)
        assert not code or code in codes, (case, row, codes)
    for (case, text), outcome in zip(WRONG_CHARACTERS, told[len(WRONG_TEXTS) :], strict=False):
        assert outcome, (case, text)
    file = tmp_path / "rows.ndjson"
    file.write_text("\n".join(lines).replace("PARTY", UNIVERSITY), "utf-8")
    sent = PushedFile(path=file, source="zju-push", dry_run=True)
    pushed = await push_file(client, sent, lambda *_: None)
    by_client = [[(p["path"], p["code"]) for p in r.get("problems", ())] for r in pushed.rows]
    assert by_client == told
    problems = [p for r in pushed.rows for p in r.get("problems", ())]
    assert all(p["messageZh"] and p["messageEn"] for p in problems)


async def _by_lines(doors: Any, lines: list[str]) -> tuple[list[Any], int]:
    """Send lines through both doors of records; return the problems of each row, and who is in."""
    batches, mutation = doors
    taken = await batches(Sent(wire="\n".join(lines), dry_run=True))
    changed = await mutation(Sent(wire=",".join(lines), dry_run=True, key="k-2"))
    assert taken == changed
    assert not isinstance(taken, str), taken
    rows, counts = taken
    return [row[-1] for row in rows], counts["accepted"]


async def test_what_is_no_json_is_refused_with_its_line_and_costs_the_client_no_other(
    both: Any, world: World, tmp_path: Path
) -> None:
    doors = await both()
    client = await world.register("three", UNIVERSITY, ClientKind.UNIVERSITY, WRITES, "zju-push")
    for number, (_, text) in enumerate(NO_JSON):
        assert await same(doors, Sent(wire=with_member(text), key=f"k-{number}")) == "NOT_JSON"
    lines = [json.dumps(instrument("GOOD")), *(with_member(text) for _, text in NO_JSON)]
    file = tmp_path / "rows.ndjson"
    file.write_text("\n".join(lines).replace("PARTY", UNIVERSITY), "utf-8")
    sent = PushedFile(path=file, source="zju-push", dry_run=True)
    pushed = await push_file(client, sent, lambda *_: None)
    assert pushed.counts["accepted"] == 1
    assert [each.number for each in pushed.bad] == list(range(2, len(lines) + 1))
    assert all(each.zh and each.en for each in pushed.bad)
    operation = "query { me { party } } query { me { party } }"
    for body in (f'{{"query": "{operation}", "qu\\u0065ry": "x"}}', '{"variables": {"a": 1e400}'):
        answer = await mutated(client, body.encode(), "k")
        assert answer["errors"][0]["extensions"]["code"] == "NOT_JSON", body


MAPPING = f"""
title = "台账"
[[leave_out]]
column = "state"
is = ["报废"]
reason = "gone"
[[record]]
type = "Instrument"
[record.fixed]
institutionKey = "{UNIVERSITY}"
status = "IN_SERVICE"
[record.items]
localNo = "no"
name.zh = "name"
model = {{ column = "model", match = "^型号：(.+)$" }}
acceptedOn = "day"
originalValue = {{ column = "value", currency = "CNY" }}
place.divisionCode = {{ column = "place", lookup = "GB/T 2260" }}
"""
HEAD = ("no", "name", "model", "day", "value", "place", "state")


def row(no: str, **changed: str) -> tuple[str, ...]:
    good = {
        "no": no,
        "name": "电镜",
        "model": "型号：X",
        "day": "2024-05-01",
        "value": "12",
        "place": "杭州市",
        "state": "在用",
        **changed,
    }
    return tuple(good[name] for name in HEAD)


TABLE = [
    (row("1"), None, ""),
    (row("1E+05"), "DIGITS_LOST", "no"),
    (row("T\u200b9"), "KEY_CHARACTER", "no"),
    (row("4", day="2024-05-01 08:00 CST"), "DATE_UNREADABLE", "day"),
    (row("5", model="#REF!"), "CELL_ERROR", "model"),
    (row("6", model="=SUM(A1:A2)"), "FORMULA_WITHOUT_RESULT", "model"),
    (row("7", model="X"), "MATCH_NOTHING", "model"),
    (row("8", value="12,50"), "NOT_DECIMAL", "value"),
    (row("9", value="$12"), "CURRENCY_CONTRADICTED", "value"),
    (row("10", value="1.123456789"), "DECIMALS_TOO_MANY", "value"),
    (row("11", place="市辖区"), "DIVISION_UNKNOWN", "place"),
    (row("12", state="\ufeff报\u200b废"), None, ""),
]


async def test_a_table_is_told_of_row_by_row_whatever_file_it_is(world: World) -> None:
    client = await world.register("zju", UNIVERSITY, ClientKind.UNIVERSITY, WRITES, "zju-push")
    await keep_mapping(client, "zju-push", "台账", MAPPING)
    for kind in KINDS:
        data = file_of(kind, HEAD, *(cells for cells, _, _ in TABLE))
        sent = SentFile(name=f"t.{kind}", data=data, source="zju-push", key=kind, mapping="台账")
        (table,) = (await send_file(client, sent)).report["tables"]
        assert (table["rows"], table["leftOut"]) == (len(TABLE), {"gone": 1})
        assert refused_cells(table) == expected_cells(kind), kind


def expected_cells(kind: str) -> list[tuple[int, str, list[int]]]:
    """Return the row, the code and the columns of what is wrong with the table."""
    first = 1 if kind in ("json", "ndjson") else 2
    return [
        (number, code, [HEAD.index(column) + 1])
        for number, (_, code, column) in enumerate(TABLE, start=first)
        if code
    ]


def refused_cells(table: dict[str, Any]) -> list[tuple[int, str, list[int]]]:
    """Return the same as a report tells it, each in both languages and with what was there."""
    found = [(each["row"], one) for each in table["refused"] for one in each["problems"]]
    assert all(one["messageZh"] and one["messageEn"] and one["value"] for _, one in found)
    return [(number, one["code"], one["columns"]) for number, one in found]
