"""Files that nobody here wrote, read in place, through the example mappings, into PostgreSQL."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from hub.errors import DatabaseUnavailableError
from hub.intake.batch import Outcome
from hub.intake.files import submission
from hub.store.database import Database
from tests.integration.mapping.conftest import MAPPINGS, ROOT, Send, mapping_text, real_file

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Case:
    mapping: str
    path: str
    rows: int
    left_out: int = 0
    quarantined: int = 0
    reasons: dict[tuple[str, str], int] = field(default_factory=dict)
    records: int | None = None
    duplicate: int = 0

    @property
    def read(self) -> int:
        return self.rows - self.left_out


NO_CHINESE_NAME = ("MISSING", "name.zh")
CASES = [
    Case("pnnl-instrument", "pnnl-dms/instrument.csv", 263, left_out=57),
    Case("pnnl-instrument-group", "pnnl-dms/instrument_group.csv", 71, left_out=24),
    Case("pnnl-service-cost-rate", "pnnl-dms/service_cost_rate.csv", 18, records=54),
    Case(
        "pnnl-emsl-instrument",
        "pnnl-dms/emsl_instrument.csv",
        149,
        quarantined=1,
        reasons={("MISSING", "status"): 1},
    ),
    Case("pnnl-instrument-history", "pnnl-dms/instrument_history.jsonl", 676, left_out=421),
    Case("ctam62-sessions", "instrument-usage-ctam62/2019-6 Instrument_A.csv", 12),
    Case("ctam62-sessions", "instrument-usage-ctam62/2019-6 Instrument_B.csv", 9),
    Case("ctam62-sessions", "instrument-usage-ctam62/2019-6 Instrument_C.csv", 6),
    Case(
        "ncas-instruments",
        "ncas-instruments/ncas-instrument-name-and-descriptors.tsv",
        156,
        quarantined=4,
        reasons={("TOO_LONG", "serialNo"): 4},
    ),
    Case(
        "ncas-instruments",
        "ncas-instruments/community-instrument-name-and-descriptors.tsv",
        10,
    ),
    Case("ncas-instruments-json", "ncas-instruments/AMF_ncas_instrument.json", 156),
    Case("ncas-instruments-json", "ncas-instruments/AMF_community_instrument.json", 10),
    Case(
        "ror-institutions",
        "ror-cn/ror-yrd.jsonl",
        404,
        left_out=14,
        quarantined=91,
        reasons={NO_CHINESE_NAME: 90, ("SEVERAL_VALUES", "kind"): 1},
    ),
    Case(
        "ror-institutions",
        "ror-cn/ror-cn.jsonl",
        2263,
        left_out=52,
        quarantined=277,
        reasons={
            NO_CHINESE_NAME: 266,
            ("MISSHAPEN", "homepageUrl"): 6,
            ("SEVERAL_VALUES", "kind"): 4,
            ("MISSING", "kind"): 2,
        },
    ),
    Case(
        "moe-universities",
        "cn-universities-moe/universities.csv",
        2631,
    ),
]


PAGE = ROOT / "docs" / "standard" / "mappings" / "README.md"


def figures_row(case: Case) -> str:
    """Return the figures of a file as the page shows them."""
    accepted = case.read - case.quarantined - case.duplicate
    why = "，".join(f"{code} {item} {n}" for (code, item), n in case.reasons.items()) or "—"
    cells = (case.rows, case.left_out, case.read, accepted, case.duplicate, case.quarantined, why)
    shown = " | ".join(f"{cell:,}" if isinstance(cell, int) else cell for cell in cells)
    return f"| `{case.mapping}` | {case.path} | {shown} |"


def test_the_page_shows_the_figures_that_are_tested() -> None:
    page = PAGE.read_text("utf-8").partition("## 有映射的公开数据")[2]
    rows = [figures_row(case) for case in CASES]
    assert [line for line in page.splitlines() if line.startswith("| `")] == rows


async def count(database: Database, table: str) -> int:
    rows = await database.writes.fetch_all(f"SELECT count(*) FROM {table}")
    return int(rows[0][0])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.path.rpartition("/")[2])
async def test_every_row_is_accepted_duplicate_or_quarantined_with_its_reasons(
    case: Case, send: Send, database: Database
) -> None:
    text, data = mapping_text(case.mapping), real_file(case.path)
    report = (await send(text, case.path, data)).report
    assert report.rows == case.rows
    assert sum(report.left_out.values()) == case.left_out
    assert report.read == report.accepted + report.duplicate + report.quarantined
    assert (report.accepted, report.duplicate, report.quarantined) == (
        case.read - case.quarantined,
        case.duplicate,
        case.quarantined,
    )
    assert dict(report.reasons) == case.reasons
    accepted = sum(n for (_, outcome), n in report.records.items() if outcome == Outcome.ACCEPTED)
    assert accepted == (case.records or report.accepted)
    assert await count(database, "entry") == accepted
    assert await count(database, "quarantine") == case.quarantined


@pytest.mark.parametrize("case", CASES[:5], ids=lambda case: case.path.rpartition("/")[2])
async def test_a_file_that_was_changed_by_nothing_but_a_comment_of_its_mapping_is_all_duplicate(
    case: Case, send: Send
) -> None:
    text, data = mapping_text(case.mapping), real_file(case.path)
    await send(text, case.path, data)
    report = (await send(f"{text}\n# read again\n", case.path, data)).report
    assert (report.accepted, report.quarantined) == (0, case.quarantined)
    assert report.duplicate == case.read - case.quarantined
    assert report.balanced


async def test_the_same_file_again_gets_the_answer_it_got_before(
    send: Send, database: Database
) -> None:
    text, data = mapping_text("pnnl-emsl-instrument"), real_file("pnnl-dms/emsl_instrument.csv")
    first = (await send(text, "a.csv", data)).report
    again = (await send(text, "a.csv", data)).report
    assert (first.replayed, again.replayed) == (False, True)
    assert again.outcomes == first.outcomes
    assert await count(database, "quarantine") == 1


async def test_a_dry_run_tells_the_same_and_writes_nothing(send: Send, database: Database) -> None:
    text, data = mapping_text("ror-institutions"), real_file("ror-cn/ror-yrd.jsonl")
    tried = (await send(text, "ror.jsonl", data, dry_run=True)).report
    assert await count(database, "entry") == 0
    assert await count(database, "quarantine") == 0
    done = (await send(text, "ror.jsonl", data)).report
    assert (tried.outcomes, tried.reasons) == (done.outcomes, done.reasons)


async def test_personal_columns_are_counted_and_leave_no_trace_in_the_store(
    send: Send, database: Database
) -> None:
    path = "instrument-usage-ctam62/2019-6 Instrument_A.csv"
    # One cell is spoilt, so that a row goes to quarantine with everything that is kept of it.
    data = real_file(path).replace(b"2019-06-14 14:00", b"2019-06-14 noon")
    report = (await send(mapping_text("ctam62-sessions"), path, data)).report
    assert report.quarantined == 1
    assert report.dropped["Full name"] == report.dropped["Phone"] == 12
    kept = await database.writes.fetch_all(
        "SELECT convert_from(canon, 'UTF8') FROM entry_body UNION ALL SELECT raw::text FROM "
        "quarantine"
    )
    texts = " ".join(str(row[0]) for row in kept)
    assert "Instrument A" in texts
    for trace in ("HJYR", "Frances", "Palmer", "222-7820", "eratvelpede", "Holcomb", "821-6390"):
        assert trace not in texts


async def test_a_price_in_dollars_is_an_offer_in_dollars(send: Send, database: Database) -> None:
    data = real_file("pnnl-dms/service_cost_rate.csv")
    await send(mapping_text("pnnl-service-cost-rate"), "rates.csv", data)
    rows = await database.writes.fetch_all(
        "SELECT price ->> 'amount', price ->> 'currency', audience FROM service_offer_source "
        "WHERE key = 'ror:05h992307/service-centre/102-113-LDRD'"
    )
    assert rows == [("22", "USD", "INSIDE")]


def test_every_example_mapping_is_tried_on_a_real_file() -> None:
    assert {path.stem for path in MAPPINGS.glob("*.toml")} == {case.mapping for case in CASES}


async def test_a_file_of_many_batches_adds_up_and_is_taken_up_where_it_stopped(
    send: Send, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, data = mapping_text("moe-universities"), real_file("cn-universities-moe/universities.csv")
    monkeypatch.setattr(submission, "BATCH_ROWS_MAX", 500)
    whole, calls = submission.submit, 0

    async def until_the_third(*words: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise DatabaseUnavailableError("gone")
        return await whole(*words, **named)

    monkeypatch.setattr(submission, "submit", until_the_third)
    with pytest.raises(DatabaseUnavailableError):
        await send(text, "u.csv", data)
    assert 0 < await count(database, "entry") < 1001
    report = (await send(text, "u.csv", data)).report
    assert (report.accepted, report.quarantined, report.replayed) == (2631, 0, True)
    assert await count(database, "entry") == 2631
    assert await count(database, "quarantine") == 0
