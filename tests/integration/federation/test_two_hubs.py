"""Two provinces, each with its hub and log: followed with proofs, asked live, cut off, no loops."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from hub.client.files import SentFile, send_file
from hub.clock import system_clock
from hub.federation.limits import ANSWER_KEPT_S
from hub.harvest.report import RunStatus
from hub.store.epoch import begin_anew
from hub.store.projection import REBUILD_LOCK
from tests.databases import Spares, as_owner, opened
from tests.eventually import until
from tests.integration.federation.campus import UNIVERSITY
from tests.integration.federation.handing_on import (
    PUSHER,
    handed_on,
    pushes,
    sent_as_nrii,
    signed_push,
)
from tests.integration.federation.questions import errand, waiting_codes
from tests.integration.federation.two_hubs import (
    FUDAN,
    NRII_CODE,
    ORIGINS,
    ZJU,
    Provinces,
    booked,
    instrument,
    two_provinces,
)
from tests.workbooks import workbook_of

pytestmark = pytest.mark.integration
NUMBER = "0123456789abcdef"
RELAYED = "SELECT count(*) FROM audit WHERE kind = 'RELAY' AND client_id = %s"
E1 = f"{UNIVERSITY}/E1"
ASK = """query ($key: String!, $from: DateTime!, $until: DateTime!, $s: Duration, $d: Duration!) {
  instrument(by: {key: $key}, maxStaleness: $s, deadline: $d) {
    id
    availability(from: $from, until: $until) { status longestFreeHours asOf }
    occupancies { nodes { id localId provenance { authority source } } }
  }
}"""
IDS = "SELECT item_id FROM {} WHERE NOT withdrawn AND key = ANY(%s) ORDER BY 1"
STANDING = "SELECT key FROM instrument_source WHERE source = %s AND NOT withdrawn ORDER BY key"


@pytest.fixture(scope="module")
def provinces(spares: Spares, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provinces]:
    with two_provinces(spares, tmp_path_factory.mktemp("provinces")) as made:
        asyncio.run(follow_each_other(made))
        yield made


async def follow_each_other(provinces: Provinces) -> None:
    """Read the university and both catalogues once."""
    async with provinces.connected():
        for province, source in (
            (provinces.zhejiang, "campus"),
            (provinces.shanghai, "zhejiang"),
            (provinces.zhejiang, "shanghai"),
        ):
            report = await province.harvest(source)
            assert report.status is RunStatus.OK, (source, report.counts())


def tomorrow() -> datetime:
    """Nine o'clock in Shanghai."""
    day = (system_clock() + timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
    return day.replace(hour=1)


async def asked(provinces: Provinces, key: str = E1, **more: Any) -> dict[str, Any]:
    """Ask Shanghai, as somebody who is registered there alone."""
    day = tomorrow() - timedelta(hours=1)
    window = {"from": day.isoformat(), "until": (day + timedelta(hours=12)).isoformat()}
    values = {"key": key, "s": "PT0S", "d": "PT8S", **window, **more}
    async with provinces.shanghai.client("reader") as hub:
        return await hub.query(ASK, values)


def stands(answer: dict[str, Any], source: str = "zhejiang") -> tuple[str, str, str | None]:
    (entry,) = [each for each in answer["extensions"]["sources"] if each["id"] == source]
    return entry["status"], entry["servedFrom"], entry["errorCode"]


async def test_the_catalogue_is_there_with_receipts_under_the_same_ids(
    provinces: Provinces,
) -> None:
    shanghai, zhejiang = provinces.shanghai, provinces.zhejiang
    async with provinces.connected():
        again = await shanghai.harvest("zhejiang")
    keys = [key for (key,) in zhejiang.rows(STANDING, "campus") + zhejiang.rows(STANDING, "zju")]
    assert len(keys) == 5
    assert [key for (key,) in shanghai.rows(STANDING, "zhejiang")] == sorted(keys)
    ids = IDS.format("instrument_source")
    assert shanghai.rows(ids, keys) == zhejiang.rows(ids, keys)
    proved = shanghai.rows(
        "SELECT record_type, key, origin, revision, word FROM peer_receipt WHERE source = %s",
        "zhejiang",
    )
    facts = {(ORIGINS["zhejiang"], 1, "VALID_UNWITNESSED")}
    assert {tuple(row[2:]) for row in proved} == facts
    names = {(record_type, key) for record_type, key, *_ in proved}
    assert {("Institution", ZJU), ("Instrument", f"{ZJU}/Z1")} <= names
    assert ("OpeningHours", f"{E1}/MONDAY") in names
    assert ("Instrument", f"{ZJU}/Z2") not in names, "its value is not for a peer to read"
    assert zhejiang.rows(STANDING, "shanghai") == [(f"{FUDAN}/S1",), (f"{FUDAN}/S2",)]
    assert again.counts()["accepted"] == 0, "nothing of Fudan came back, nothing came twice"
    assert {
        type_
        for (type_,) in shanghai.rows(
            "SELECT DISTINCT record_type FROM entry WHERE source = 'zhejiang' AND owner = %s", FUDAN
        )
    } == set()


async def test_what_changed_is_followed_and_what_ended_is_withdrawn(provinces: Provinces) -> None:
    shanghai, zhejiang = provinces.shanghai, provinces.zhejiang
    async with provinces.connected():
        await zhejiang.state("zju", instrument(ZJU, "Z1", model="Talos"), instrument(ZJU, "Z9"))
        withdraw = {"type": "Instrument", "withdraw": {"key": f"{ZJU}/Z2", "reason": "SOLD: gone"}}
        await zhejiang.state("zju", withdraw)
        report = await shanghai.harvest("zhejiang", hours=2)
        counts = report.counts()
        assert (report.status, counts["accepted"]) == (RunStatus.OK, 2), counts
        assert counts["rows"] == 3, "only what changed was asked for"
        assert counts["withdrawnByType"] == {"Instrument": 1}
        rows = shanghai.rows("SELECT revision FROM peer_receipt WHERE key = %s", f"{ZJU}/Z1")
        assert rows == [(2,)], "its revision at the peer"
        async with (
            opened(zhejiang.url) as database,
            database.writes.transaction() as connection,
        ):
            await begin_anew(connection)
        restored = await shanghai.harvest("zhejiang", hours=4)
    assert restored.status is RunStatus.OK, restored.counts()
    assert restored.counts()["rows"] > 10, "its cursor ended, so all was read"
    assert restored.counts()["accepted"] == 0


async def test_occupancy_is_asked_live_for_the_caller_and_written_down_at_both(
    provinces: Provinces,
) -> None:
    shanghai, zhejiang = provinces.shanghai, provinces.zhejiang
    async with provinces.connected() as campus:
        campus.bookings = [booked("E1", "b1", tomorrow(), 3)]
        answer = await asked(provinces)
        assert "errors" not in answer, answer
        assert stands(answer) == ("OK", "LIVE", None)
        through = {each["id"]: each["via"] for each in answer["extensions"]["sources"]}
        assert through["zhejiang"] == [ORIGINS["zhejiang"]]
        found = answer["data"]["instrument"]
        assert (found["availability"]["status"], found["availability"]["longestFreeHours"]) == (
            "PARTLY",
            "8",
        )
        assert [each["localId"] for each in found["occupancies"]["nodes"]] == ["b1"]
        assert len(campus.asked) == 1
        campus.bookings = [booked("E1", "b2", tomorrow(), 3)]

        async def is_known() -> bool:
            nodes = (await asked(provinces))["data"]["instrument"]["occupancies"]["nodes"]
            return [each["localId"] for each in nodes] == ["b2"]

        await until(is_known)
        before = len(campus.asked)
        store = await asked(provinces, s="PT1H")
        assert stands(store) == ("OK", "STORE", None)
        assert len(campus.asked) == before
    ids = "SELECT DISTINCT item_id, authority FROM occupancy_source ORDER BY 1"
    assert shanghai.rows(ids) == zhejiang.rows(ids) != []
    audit = "SELECT request_id, client_id, party, detail FROM audit WHERE kind = 'RELAY' ORDER BY 1"
    here, there = shanghai.rows(audit), zhejiang.rows(audit)
    assert {row[1] for row in here} == {"reader"}
    assert {row[1] for row in there} == {"hub-shanghai"}
    told = [row[3]["for"] for row in there]
    assert {(each["subject"], each["party"], *each["via"]) for each in told} == {
        ("reader", "moe:10358", ORIGINS["shanghai"])
    }
    assert {each["request"] for each in told} == {row[0] for row in here}


async def test_many_who_ask_and_one_number_that_comes_twice_cause_one_question(
    provinces: Provinces,
) -> None:
    shanghai = provinces.shanghai
    async with provinces.connected() as campus:
        campus.bookings = [booked(number, "b3", tomorrow(), 2) for number in ("E1", "E2")]
        campus.switchboard.set({"slow": 0.5})
        answers = await asyncio.gather(*(asked(provinces) for _ in range(8)))
        assert {stands(answer)[0] for answer in answers} == {"OK"}
        assert len(campus.asked) == 1
        campus.switchboard.set({})
        for number, count in ((NUMBER, 1), (NUMBER, 1), ("another-number", 2)):
            await errand(shanghai, "zhejiang", f"{UNIVERSITY}/E2", number)
            assert len([each for each in campus.asked if each["yqbh"] == "E2"]) == count
            await asyncio.sleep(ANSWER_KEPT_S + 0.1)  # else an answer is shared, whoever asks


async def test_a_question_that_would_come_back_ends_where_it_is(provinces: Provinces) -> None:
    shanghai, zhejiang = provinces.shanghai, provinces.zhejiang
    async with provinces.connected():
        # Both hubs are told of it by Fudan, so each has a claim of the other.
        file = zhejiang.sources / "shanghai.toml"
        text = file.read_text("utf-8")
        here = shanghai.sources / "zhejiang.toml"
        here_text = here.read_text("utf-8")
        here.write_text(here_text.replace(f'home_of = ["{FUDAN}"]', "home_of = []"), "utf-8")
        await zhejiang.state("fudan", instrument(FUDAN, "S1", model="Talos"))
        try:
            await shanghai.harvest("zhejiang")
            sources = "SELECT source FROM instrument_source WHERE key = %s ORDER BY source"
            assert shanghai.rows(sources, f"{FUDAN}/S1") == [("fudan",), ("zhejiang",)]
            assert zhejiang.rows(sources, f"{FUDAN}/S1") == [("fudan",), ("shanghai",)]
            answer = await asked(provinces, f"{FUDAN}/S1")
            assert stands(answer)[0] == "STALE"
            assert shanghai.rows(RELAYED, "hub-zhejiang") == [(0,)], "Zhejiang did not ask back"
            before = zhejiang.rows(RELAYED, "hub-shanghai")
            await errand(zhejiang, "shanghai", f"{FUDAN}/S1", NUMBER, ORIGINS["shanghai"])
            assert shanghai.rows(RELAYED, "hub-zhejiang") == [(2,)]
            assert zhejiang.rows(RELAYED, "hub-shanghai") == before, "nor did Shanghai"
        finally:
            here.write_text(here_text, "utf-8")
            file.write_text(text, "utf-8")


async def test_a_line_that_is_cut_is_told_and_afterwards_nothing_is_missing(
    provinces: Provinces,
) -> None:
    shanghai, zhejiang = provinces.shanghai, provinces.zhejiang
    async with provinces.connected() as campus:
        campus.bookings = [booked("E2", "b4", tomorrow(), 2)]
        assert stands(await asked(provinces, f"{UNIVERSITY}/E2"))[0] == "OK"
        await asyncio.sleep(ANSWER_KEPT_S + 0.1)
        zhejiang.line.is_cut = True
        try:
            answer = await asked(provinces, f"{UNIVERSITY}/E2", d="PT1S")
            assert "errors" not in answer
            assert stands(answer) == ("TIMEOUT", "STORE", "SOURCE_TIMEOUT")
            assert len(answer["data"]["instrument"]["occupancies"]["nodes"]) == 1
            await zhejiang.state("zju", instrument(ZJU, "Z7"))
        finally:
            await zhejiang.line.mend()

        async def is_back() -> bool:
            return stands(await asked(provinces, f"{UNIVERSITY}/E2"))[0] == "OK"

        await until(is_back)
        report = await shanghai.harvest("zhejiang", hours=2)
        assert (report.status, report.counts()["accepted"]) == (RunStatus.OK, 1), report.counts()
        assert (await shanghai.harvest("zhejiang")).counts()["accepted"] == 0


async def test_what_belongs_to_a_home_elsewhere_is_refused_with_its_address(
    provinces: Provinces,
) -> None:
    zhejiang = provinces.zhejiang
    async with provinces.connected():
        await pushes(zhejiang, "fudan-there", "fudan")
        async with zhejiang.client("fudan-there") as hub:
            answer = await hub.push([instrument(FUDAN, "S5")], source="fudan")
    (row,) = answer.body["rows"]
    (told,) = row["problems"]
    assert (told["code"], told["value"]) == ("HOME_ELSEWHERE", provinces.shanghai.public)


async def test_a_row_is_handed_on_where_both_agreed_and_a_lost_answer_is_asked_for_again(
    provinces: Provinces,
) -> None:
    shanghai, zhejiang = provinces.shanghai, provinces.zhejiang
    await pushes(shanghai, "platform", "delta")
    rows = [instrument(ZJU, "Z5"), instrument(FUDAN, "S5"), instrument(ZJU, "Z6", status="X")]
    there = "SELECT entry_id::text, assurance, party FROM entry WHERE key = %s"

    async with provinces.connected(), shanghai.client("platform") as hub:
        await hub.push([instrument(ZJU, "Z4")], source="delta")  # so it has a token
        zhejiang.line.is_deaf = True
        asking = asyncio.create_task(hub.push(rows, source="delta", idempotency_key="k1"))

        async def is_there() -> bool:
            return zhejiang.rows(there, f"{ZJU}/Z5") != []

        await until(is_there)
        await zhejiang.line.mend()
        lost = (await asking).body
        assert [row["outcome"] for row in lost["rows"]] == ["UNSETTLED", "ACCEPTED", "QUARANTINED"]
        settled = (await hub.push(rows, source="delta", idempotency_key="k1")).body
    first, *others = settled["rows"]
    assert [row["outcome"] for row in settled["rows"]] == ["ACCEPTED", "ACCEPTED", "QUARANTINED"]
    assert lost["rows"][1:] == others, "what is at home here does not wait"
    assert zhejiang.rows(there, f"{ZJU}/Z5") == [
        (first["home"]["entryId"], "REQUEST_SIGNED", "moe:10358")
    ]
    assert (first["home"]["origin"], "entryId" in first) == (ORIGINS["zhejiang"], False)
    assert first["home"]["receipt"]["word"] == "VALID_UNWITNESSED"


async def test_what_the_home_cannot_write_in_time_is_not_taken_and_goes_in_later(
    provinces: Provinces,
) -> None:
    shanghai, zhejiang = provinces.shanghai, provinces.zhejiang
    await pushes(shanghai, PUSHER, "delta")
    pushed = signed_push("delta", instrument(ZJU, "L1"), instrument(FUDAN, "L1"))
    there = "SELECT count(*) FROM entry WHERE key = %s"
    async with provinces.connected():
        with psycopg.connect(as_owner(zhejiang.url)) as busy:
            busy.execute(f"SELECT pg_advisory_xact_lock({REBUILD_LOCK})".encode())
            late = await handed_on(shanghai, pushed)
            assert late == [("UNSETTLED", ["HOME_LATE"]), ("ACCEPTED", [])]
        assert zhejiang.rows(there, f"{ZJU}/L1") == [(0,)]
        again = await handed_on(shanghai, pushed)
    assert [outcome for outcome, _ in again] == ["ACCEPTED", "ACCEPTED"]
    assert zhejiang.rows(there, f"{ZJU}/L1") == [(1,)]


async def test_rows_of_a_file_are_handed_on_and_the_same_file_settles_a_lost_answer(
    provinces: Provinces,
) -> None:
    shanghai, zhejiang = provinces.shanghai, provinces.zhejiang
    await pushes(shanghai, "registrar", "delta")
    rows = [["institutionKey", "localNo", "name.zh", "status"]]
    rows += [[owner, "F1", "扫描电子显微镜", "在用"] for owner in (ZJU, FUDAN)]
    data = workbook_of({"Instrument": rows})
    file = SentFile(name="月报.xlsx", data=data, source="delta", key="f1", marked=True)
    there = "SELECT count(*) FROM entry WHERE key = %s"
    async with provinces.connected(), shanghai.client("registrar") as hub:
        await hub.push([instrument(ZJU, "F0")], source="delta")  # so it has a token
        zhejiang.line.is_deaf = True
        asking = asyncio.create_task(send_file(hub, file))

        async def is_there() -> bool:
            return zhejiang.rows(there, f"{ZJU}/F1") == [(1,)]

        await until(is_there)
        await zhejiang.line.mend()
        lost = await asking
        settled = (await send_file(hub, file)).report["tables"][0]
    (table,) = lost.report["tables"]
    assert (table["accepted"], table["unsettled"], table["quarantined"]) == (1, 1, 0)
    (row,) = table["refused"]
    assert [each["code"] for each in row["problems"]] == ["HOME_SILENT"]
    assert (row["unsettled"], row["homes"]) == (True, [zhejiang.public])
    assert lost.marked is not None
    assert (settled["accepted"], settled["unsettled"], settled["refused"]) == (2, 0, [])
    assert zhejiang.rows(there, f"{ZJU}/F1") == [(1,)], "it was stated once"


async def test_the_form_of_nrii_is_handed_on_and_told_later_until_its_home_has_spoken(
    provinces: Provinces,
) -> None:
    shanghai, zhejiang = provinces.shanghai, provinces.zhejiang
    await pushes(shanghai, "nrii-sender", "delta")
    there = "SELECT count(*) FROM entry WHERE key = %s"
    async with provinces.connected(), shanghai.client("nrii-sender") as hub:
        assert await sent_as_nrii(hub, NRII_CODE, "N1") == ("100", "上传成功")
        zhejiang.line.is_deaf = True
        asking = asyncio.create_task(sent_as_nrii(hub, NRII_CODE, "N2"))

        async def is_there() -> bool:
            return zhejiang.rows(there, f"{ZJU}/N2") == [(1,)]

        await until(is_there)
        await zhejiang.line.mend()
        code, words = await asking
        assert (code, zhejiang.public in words) == ("301", True)
        assert await sent_as_nrii(hub, NRII_CODE, "N2") == ("100", "上传成功")
        assert (await sent_as_nrii(hub, NRII_CODE, "N3", worth="many"))[0] == "202"
    assert [zhejiang.rows(there, f"{ZJU}/{each}") for each in ("N1", "N2", "N3")] == [
        [(1,)],
        [(1,)],
        [(0,)],
    ]
    assert shanghai.rows(there, f"{ZJU}/N1") == [(0,)], "nothing of it is stated here"


async def test_a_receipt_of_another_log_is_not_believed(provinces: Provinces) -> None:
    shanghai, zhejiang = provinces.shanghai, provinces.zhejiang
    file = shanghai.sources / "zhejiang.toml"
    text, wrong = file.read_text("utf-8"), zhejiang.folder / "shanghai.policy"
    file.write_text(text.replace(str(shanghai.folder / "zhejiang.policy"), str(wrong)), "utf-8")
    try:
        async with provinces.connected():
            await zhejiang.state("zju", instrument(ZJU, "Z8"))
            report = await shanghai.harvest("zhejiang")
    finally:
        file.write_text(text, "utf-8")
    assert report.status is RunStatus.PARTIAL
    assert waiting_codes(shanghai) == {"RECEIPT_BAD_LOG_SIG"}
    assert (f"{ZJU}/Z8",) not in shanghai.rows(STANDING, "zhejiang")
    assert (f"{ZJU}/Z1",) in shanghai.rows(STANDING, "zhejiang"), "what stood stands"
