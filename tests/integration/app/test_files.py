"""Files of a university over HTTP, under its own key."""

from __future__ import annotations

import json

import httpx
import pytest

from hub.access.clients import ClientKind
from hub.client import CallRefusedError, HubClient
from hub.client.files import FileAnswer, SentFile, keep_mapping, send_file
from hub.intake import limits
from tests.integration.app.conftest import UNIVERSITY, World
from tests.workbooks import workbook_of

SOURCE = "zju-push"
ROWS = [
    ["institutionKey", "localNo", "name.zh", "status", "originalValue.amount"],
    [UNIVERSITY, "1", "扫描电子显微镜", "在用", ""],
    [UNIVERSITY, "2", "", "坏了", "三百万"],
]
MAPPING = f'''
title = "台账"
[[record]]
type = "Instrument"
[record.fixed]
institutionKey = "{UNIVERSITY}"
[record.items]
localNo = "编号"
name.zh = "名称"
status = "状况"
'''


@pytest.fixture
async def university(world: World) -> HubClient:
    scopes = ("records:push", "receipt:read", "catalogue:read", "graphql:adhoc")
    return await world.register("zju", UNIVERSITY, ClientKind.PARTNER, scopes, SOURCE)


async def send(hub: HubClient, data: bytes, key: str = "k-1", **more: object) -> FileAnswer:
    file = SentFile(name="月报.xlsx", data=data, source=SOURCE, key=key, **more)
    return await send_file(hub, file)


async def test_a_monthly_workbook_is_known_by_itself_and_comes_back_marked(
    university: HubClient,
) -> None:
    answer = await send(university, workbook_of({"Instrument": ROWS}), marked=True)
    (table,) = answer.report["tables"]
    assert answer.report["monthly"] is True
    assert (table["sheet"], table["accepted"], table["quarantined"]) == ("Instrument", 1, 1)
    assert [each["row"] for each in table["entries"]] == [2]
    (refused,) = table["refused"]
    assert refused["row"] == 3
    assert {(each["path"], tuple(each["columns"])) for each in refused["problems"]} >= {
        ("status", (4,)),
        ("originalValue.amount", (5,)),
    }
    assert answer.marked is not None
    again = await send(university, answer.marked, key="k-2")
    assert again.report["tables"][0]["refused"][0]["row"] == 3, "rows keep their numbers"


async def test_what_a_file_says_is_vouched_for_by_the_university_s_signature(
    university: HubClient,
) -> None:
    answer = await send(university, workbook_of({"Instrument": ROWS}))
    (entry,) = answer.report["tables"][0]["entries"]
    assert entry["key"] == f"{UNIVERSITY}/1"
    question = "{ instruments { nodes { provenance { assurance source } } } }"
    found = await university.query(question)
    provenance = found["data"]["instruments"]["nodes"][0]["provenance"]
    assert provenance == {"assurance": "REQUEST_SIGNED", "source": SOURCE}


async def test_a_catalogue_s_document_is_of_whom_the_client_acts_for(
    university: HubClient,
) -> None:
    document = {
        "identifier": {"identifier": "10.5072/inst-1", "identifierType": "DOI"},
        "schemaVersion": "1.0",
        "landingPage": "https://book.example.edu.cn/1",
        "name": "透射电镜",
        "owners": [{"ownerName": "another institution"}],
        "manufacturers": [{"manufacturerName": "日本电子"}],
        "measuredVariables": ["current"],
    }
    nameless = {**document, "name": ""}
    answer = await send(university, json.dumps([document, nameless]).encode())
    (table,) = answer.report["tables"]
    assert (table["accepted"], table["quarantined"], table["warned"]) == (1, 1, 1)
    assert table["entries"][0]["key"] == f"{UNIVERSITY}/inst-1"
    assert [each["row"] for each in table["refused"]] == [2]


async def test_a_dry_run_says_the_same_and_writes_nothing(university: HubClient) -> None:
    data = workbook_of({"Instrument": ROWS})
    dry = await send(university, data, dry_run=True)
    found = await university.query("{ instruments { totalCount } }")
    assert dry.report["dryRun"] is True
    assert dry.report["tables"][0]["accepted"] == 1
    assert dry.report["tables"][0]["entries"] == []
    assert found["data"]["instruments"]["totalCount"] == 0


async def test_a_corrected_row_settles_what_came_back_of_it(university: HubClient) -> None:
    async def waiting() -> list[str | None]:
        answer = await university.relay("GET", f"/quarantine?source={SOURCE}", {}, b"")
        return [row.get("key") for row in answer.json()["rows"]]

    header, good, bad = ROWS
    nameless = [UNIVERSITY, "", "无编号", "在用", ""]
    await send(university, workbook_of({"Instrument": [header, good, bad, nameless]}))
    assert await waiting() == [f"{UNIVERSITY}/2", None]
    worse = [*bad[:2], "名称", "还是坏了", ""]
    await send(university, workbook_of({"Instrument": [header, worse]}), key="k-2")
    assert sorted(await waiting(), key=str) == [None, f"{UNIVERSITY}/2"], "one row of each record"
    right = [*bad[:2], "名称", "在用", ""]
    await send(university, workbook_of({"Instrument": [header, right]}), key="k-3")
    assert await waiting() == [None], "whose number could not be read"


async def test_of_two_rows_of_one_record_the_refused_one_waits(university: HubClient) -> None:
    header, good, _ = ROWS
    broken = [*good[:3], "坏了", ""]
    await send(university, workbook_of({"Instrument": [header, good, broken]}))
    answer = await university.relay("GET", f"/quarantine?source={SOURCE}", {}, b"")
    assert len(answer.json()["rows"]) == 1


async def test_what_becomes_of_each_record_is_told_when_asked_for(university: HubClient) -> None:
    data = workbook_of({"Instrument": ROWS})
    target = f"/files?source={SOURCE}&name=x.xlsx&rows=true&dryRun="
    headers = {"content-type": "application/octet-stream"}
    dry = await university.relay("POST", f"{target}true", {**headers, "idempotency-key": "d"}, data)
    wet = await university.relay(
        "POST", f"{target}false", {**headers, "idempotency-key": "w"}, data
    )
    for answer in (dry, wet):
        (table,) = answer.json()["tables"]
        (told,) = table["outcomes"]
        assert (told["row"], told["key"], told["outcome"]) == (2, f"{UNIVERSITY}/1", "ACCEPTED")
        assert (told["revision"], table["outcomesNotListed"]) == (1, 0)
        assert table["headerRow"] == 1
        assert table["columns"][1] == {
            "position": 2, "name": "localNo", "zh": "仪器编号", "en": table["columns"][1]["en"],
        }  # fmt: skip


async def test_a_request_sent_again_gets_its_answer_and_another_file_under_its_key_a_refusal(
    university: HubClient,
) -> None:
    data = workbook_of({"Instrument": ROWS})
    first, again = await send(university, data), await send(university, data)
    assert again.report["replayed"] is True
    assert again.report["tables"][0]["entries"] == first.report["tables"][0]["entries"]
    with pytest.raises(CallRefusedError) as caught:
        await send(university, workbook_of({"Instrument": ROWS[:2]}))
    assert caught.value.code == "IDEMPOTENCY_CONFLICT"


async def test_a_table_of_its_own_is_read_by_a_mapping_that_the_source_keeps(
    university: HubClient,
) -> None:
    table = "编号,名称,状况\nA1,电镜,IN_SERVICE\n".encode()
    assert await keep_mapping(university, SOURCE, "台账", MAPPING) == 1
    assert await keep_mapping(university, SOURCE, "台账", MAPPING) == 1, "the same is no new one"
    assert await keep_mapping(university, SOURCE, "台账", MAPPING + "\n# 2\n") == 2
    answer = await send(university, table, mapping="台账")
    assert answer.report["tables"][0]["accepted"] == 1
    listed = await university.relay("GET", f"/mappings?source={SOURCE}", {}, b"")
    assert [(m["name"], m["version"]) for m in listed.json()["mappings"]] == [("台账", 2)]
    text = await university.relay(
        "GET", f"/mappings?{httpx.QueryParams({'source': SOURCE, 'name': '台账'})}", {}, b""
    )
    assert text.text == MAPPING + "\n# 2\n"


async def test_a_file_sent_again_is_answered_unread_whatever_its_mapping_is_now(
    university: HubClient,
) -> None:
    table = "编号,名称,状况\nA1,电镜,IN_SERVICE\nA2,,坏了\n".encode()
    await keep_mapping(university, SOURCE, "台账", MAPPING)
    first = await send(university, table, mapping="台账")
    fitting_no_more = MAPPING.replace('"编号"', '"资产编号"')
    await keep_mapping(university, SOURCE, "台账", fitting_no_more)
    again = await send(university, table, mapping="台账")
    assert again.report == {**first.report, "replayed": True}
    with pytest.raises(CallRefusedError) as caught:
        await send(university, table, mapping="台账", key="k-2")
    assert caught.value.code == "MAPPING_INVALID"


async def test_a_wrong_mapping_is_refused_line_by_line_and_a_missing_one_by_name(
    university: HubClient,
) -> None:
    with pytest.raises(CallRefusedError) as caught:
        await keep_mapping(university, SOURCE, "x", MAPPING.replace("localNo", "number"))
    assert caught.value.code == "MAPPING_INVALID"
    assert all(each["messageZh"] and each["messageEn"] for each in caught.value.problem["problems"])
    with pytest.raises(CallRefusedError) as caught:
        await send(university, b"a,b\n1,2\n", mapping="nothing")
    assert caught.value.code == "MAPPING_UNKNOWN"


async def test_a_draft_of_a_mapping_is_made_for_a_table(university: HubClient) -> None:
    table = "仪器编号,仪器名称,使用状况\nA1,电镜,在用\n".encode()
    target = f"/mappings/draft?{httpx.QueryParams({'source': SOURCE, 'name': '台账.csv'})}"
    headers = {"content-type": "text/csv"}
    drafted = await university.relay("POST", target, headers, table)
    assert drafted.status_code == 200
    assert "[[record]]" in drafted.text


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "FILE_UNREADABLE"),
        (b"PK\x03\x04 nothing", "FILE_UNREADABLE"),
        (b"colour,size\nred,3\n", "MAPPING_INVALID"),
    ],
)
async def test_what_is_no_table_is_refused_with_words(
    university: HubClient, data: bytes, code: str
) -> None:
    with pytest.raises(CallRefusedError) as caught:
        await send(university, data)
    assert caught.value.code == code
    assert caught.value.problem["hint"]


async def test_nobody_sends_for_another_source_or_without_a_signature(
    university: HubClient, world: World
) -> None:
    other = SentFile(name="x", data=b"x", source="fudan", key="k")
    with pytest.raises(CallRefusedError) as caught:
        await send_file(university, other)
    assert caught.value.code == "SOURCE_FORBIDDEN"
    reader = await world.register("reader", UNIVERSITY, ClientKind.PARTNER, ("catalogue:read",))
    with pytest.raises(CallRefusedError) as caught:
        await send(reader, b"x")
    assert caught.value.code == "SCOPE_MISSING"
    async with httpx.AsyncClient(transport=world.transport, base_url=university.base) as stranger:
        for method, path in [("POST", "/files"), ("POST", "/mappings"), ("GET", "/mappings")]:
            answer = await stranger.request(method, f"{path}?source={SOURCE}")
            assert answer.status_code == 401


async def test_a_column_whose_unit_is_off_is_told_before_anything_is_written(
    university: HubClient,
) -> None:
    rows = [["institutionKey", "localNo", "name.zh", "status", "originalValue.amount",
             "originalValue.currency"]]  # fmt: skip
    rows += [[UNIVERSITY, str(n), "电镜", "在用", str(n * 10**10), "CNY"] for n in range(100, 130)]
    with pytest.raises(CallRefusedError) as caught:
        await send(university, workbook_of({"Instrument": rows}))
    assert caught.value.code == "MAPPING_INVALID"
    assert caught.value.problem["problems"][0]["code"] == "UNIT_DOUBTED"
    found = await university.query("{ instruments { totalCount } }")
    assert found["data"]["instruments"]["totalCount"] == 0


async def test_more_than_one_request_may_hold_is_refused_before_anything_is_written(
    university: HubClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.intake.files.endpoint.FILE_ROWS_MAX", 1)
    with pytest.raises(CallRefusedError) as caught:
        await send(university, workbook_of({"Instrument": ROWS}))
    assert caught.value.code == "BATCH_TOO_LARGE"
    with pytest.raises(CallRefusedError) as caught:
        await send(university, b"x" * (limits.FILE_BYTES_MAX + 1))
    assert caught.value.code == "BODY_TOO_LARGE"
