"""Tables that a source leaves in a folder: which are taken, once, and what is written back."""

from __future__ import annotations

import os

import pytest

from connectors.limits import Limits
from hub.harvest.report import RunStatus
from hub.intake.batch import Outcome
from tests.integration.drop.conftest import BAD, GOOD, INSTITUTION, touched
from tests.integration.mapping.test_monthly_workbook import PUBLISHED, fill, opened, saved

pytestmark = pytest.mark.integration


def said(report, name):
    return [each.message or "" for each in report.collections if each.name == name]


async def test_a_marked_file_is_taken_at_once_and_answered_beside_it(drop):
    drop.leave("a.csv", BAD)
    report = await drop.look()
    assert (report.total(Outcome.ACCEPTED), report.total(Outcome.QUARANTINED)) == (1, 1)
    assert report.status is RunStatus.PARTIAL
    assert await drop.rows() == {"A3": 1}
    told = drop.receipts("a.csv")
    (table,) = told["tables"]
    assert (table["accepted"], table["quarantined"]) == (1, 1)
    assert table["entries"][0]["key"].endswith("/A3")
    (sheet,) = opened((drop.folder / "a.csv.rejects.xlsx").read_bytes()).values()
    assert [row[1] for row in sheet] == ["No.", "A4"]
    assert await drop.states() == {"a.csv": "ANSWERED"}
    assert sorted(each.name for each in drop.folder.iterdir()) == [
        "a.csv",
        "a.csv.ok",
        "a.csv.receipts.json",
        "a.csv.rejects.xlsx",
    ]


async def test_a_file_is_read_once_it_has_stood_still_by_our_clock(drop):
    path = drop.leave("a.csv", is_marked=False)
    touched(path, 86_400)  # its own clock says that it is decades old
    report = await drop.look()
    assert "60 s" in said(report, "a.csv")[0]
    assert await drop.rows() == {}
    drop.time.pass_by(seconds=59)
    await drop.look()
    assert await drop.rows() == {}
    path.write_text(GOOD + "A9,光谱,在用\n", "utf-8")
    drop.time.pass_by(seconds=59)
    await drop.look()  # it changed: the time begins anew
    assert await drop.rows() == {}
    drop.time.pass_by(seconds=60)
    assert (await drop.look()).status is RunStatus.OK
    assert await drop.rows() == {"A1": 1, "A2": 1, "A9": 1}


async def test_a_clock_of_ours_that_is_set_back_makes_no_file_complete(folder):
    folder.leave("a.csv", is_marked=False)
    await folder.look()
    folder.time.pass_by(days=-1)
    await folder.look()
    folder.time.pass_by(seconds=30)
    await folder.look()
    assert await folder.rows() == {}
    folder.time.pass_by(seconds=31)
    await folder.look()
    assert await folder.rows() == {"A1": 1, "A2": 1}


async def test_a_mark_that_is_older_than_its_file_says_nothing(folder):
    touched(folder.leave("a.csv"), 2_000)
    touched(folder.folder / "a.csv.ok", 1_000)
    await folder.look()
    assert await folder.rows() == {}


async def test_an_unfinished_file_is_never_read(folder):
    for name in ("a.csv.part", "b.tmp", ".c.csv", "d.csv.filepart", "e.csv~", "F.CSV.PART"):
        folder.leave(name)
    await folder.look()
    folder.time.pass_by(days=1)
    report = await folder.look()
    assert await folder.rows() == {}
    assert [each.name for each in report.collections] == ["no new file"]
    assert report.status is RunStatus.OK


async def test_the_same_bytes_are_not_taken_twice_whatever_their_name(drop):
    drop.leave("a.csv")
    await drop.look()
    before = await drop.entries()
    drop.leave("b.csv")
    report = await drop.look()
    assert "a.csv" in said(report, "b.csv")[0]
    assert await drop.entries() == before
    assert await drop.states() == {"a.csv": "ANSWERED", "b.csv": "SAME"}
    assert not (drop.folder / "b.csv.receipts.json").exists()


async def test_a_file_that_changed_under_its_name_is_a_new_one(drop):
    touched(drop.leave("a.csv"), 1_000)
    await drop.look()
    touched(drop.leave("a.csv", GOOD.replace("电镜", "扫描电镜")), 2_000)
    await drop.look()
    assert await drop.rows() == {"A1": 2, "A2": 1}
    again = await drop.look()
    assert again.total(Outcome.ACCEPTED) == 0
    assert [each.name for each in again.collections] == ["no new file"]


async def test_files_come_in_the_order_of_their_time(folder):
    touched(folder.leave("a.csv", GOOD.replace("电镜", "新名称")), 2_000)
    touched(folder.leave("z.csv", GOOD), 1_000)
    for name in ("a.csv.ok", "z.csv.ok"):
        touched(folder.folder / name, 3_000)
    await folder.look()
    ((name,),) = await folder.database.reads.fetch_all(
        "SELECT name FROM instrument_source WHERE key LIKE '%%/A1'"
    )
    assert name["zh"] == "新名称"


async def test_the_monthly_workbook_is_known_by_itself(folder):
    sheets = opened(PUBLISHED.read_bytes())
    name = next(each for each in sheets if "localNo" in sheets[each][1])
    record = {"institutionKey": INSTITUTION, "localNo": "M1", "name.zh": "电镜", "status": "在用"}
    fill(sheets, name, [record, {**record, "localNo": "M2", "status": "坏了"}])
    folder.leave("月报.xlsx", saved(sheets))
    report = await folder.look()
    assert await folder.rows() == {"M1": 1}
    assert folder.receipts("月报.xlsx")["monthly"] is True
    assert report.total(Outcome.QUARANTINED) == 1
    assert "M2" in str(opened((folder.folder / "月报.xlsx.rejects.xlsx").read_bytes()))


UNIQUIP = "institutionID,name,manufacturer\nU1,TEM,JEOL\n"


async def test_a_catalogue_is_of_the_one_institution_that_the_source_speaks_for(folder):
    folder.leave("list.tsv", UNIQUIP)
    assert (await folder.look()).status is RunStatus.OK
    assert await folder.rows() == {"U1": 1}
    text = folder.file.read_text("utf-8")
    both = f'owners = ["{INSTITUTION}", "moe:10336"]'
    folder.file.write_text(text.replace(f'owners = ["{INSTITUTION}"]', both), "utf-8")
    folder.leave("other.tsv", UNIQUIP.replace("U1", "U2"))
    report = await folder.look()
    assert report.status is RunStatus.PARTIAL
    assert "institution" in said(report, "other.tsv")[0]
    assert await folder.rows() == {"U1": 1}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"Nr.,Name,State\nA1,x,y\n", "No."),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "neither a workbook"),
    ],
)
async def test_a_file_that_cannot_be_read_is_refused_in_words_and_once(folder, content, words):
    folder.leave("a.csv", content)
    folder.leave("b.csv")
    report = await folder.look()
    assert report.status is RunStatus.PARTIAL
    assert words in said(report, "a.csv")[0]
    assert "refused" in folder.receipts("a.csv")
    assert await folder.rows() == {"A1": 1, "A2": 1}  # the other file went in
    (folder.folder / "a.csv.receipts.json").unlink()
    again = await folder.look()
    assert words in said(again, "a.csv")[0]  # it is still told
    assert not (folder.folder / "a.csv.receipts.json").exists()  # and was not tried


async def test_a_refused_file_is_tried_again_when_its_mapping_is_another(folder):
    folder.leave("a.csv", "Nr.,Name,State\nA1,电镜,在用\n")
    await folder.look()
    assert await folder.states() == {"a.csv": "REFUSED"}
    mapping = folder.mapping
    mapping.write_text(mapping.read_text("utf-8").replace("No.", "Nr."), "utf-8")
    assert (await folder.look()).status is RunStatus.OK
    assert await folder.rows() == {"A1": 1}
    assert await folder.states() == {"a.csv": "ANSWERED"}


async def test_a_column_of_another_unit_is_refused_before_anything_is_written(folder):
    mapping = folder.mapping
    mapping.write_text(mapping.read_text("utf-8") + 'originalValue = "Price"\n', "utf-8")
    rows = "".join(f"B{n},电镜,在用,{n}5\n" for n in range(1, 9))
    folder.leave("a.csv", "No.,Name,State,Price\n" + rows)
    report = await folder.look()
    assert await folder.rows() == {}
    assert said(report, "a.csv")[0]


async def test_an_unknown_mapping_is_told_with_its_name(folder):
    text = folder.file.read_text("utf-8")
    folder.file.write_text(text.split("[mappings]")[0] + '[mappings]\n"*" = "no-such"\n', "utf-8")
    folder.leave("a.csv")
    report = await folder.look()
    assert "POST /mappings" in said(report, "a.csv")[0]
    assert await folder.states() == {"a.csv": "REFUSED"}


async def test_names_links_and_folders_that_are_not_read_are_told(folder):
    (folder.folder / "archive").mkdir()
    outside = folder.file.parent / "outside.csv"
    outside.write_text(GOOD, "utf-8")
    (folder.folder / "link.csv").symlink_to(outside)
    (folder.folder / "way.csv").symlink_to("/etc/passwd")
    folder.leave("new\nline.csv", is_marked=False)
    folder.leave("x\\..\\up.csv", is_marked=False)
    folder.leave(f"{'n' * 230}.csv", is_marked=False)
    (folder.folder.joinpath(b"gb\xb5\xe7.csv".decode("utf-8", "surrogateescape"))).write_text(GOOD)
    os.mkfifo(folder.folder / "pipe.csv")
    await folder.look()
    folder.time.pass_by(minutes=2)
    report = await folder.look()
    assert await folder.rows() == {}
    told = {each.name: each.message for each in report.collections if each.message}
    assert len(told) == 8
    assert "link" in told["link.csv"]
    assert "folder" in told["archive"]
    assert "ordinary" in told["pipe.csv"]
    assert sum("rename it" in each for each in told.values()) == 3
    assert sum("shorten it" in each for each in told.values()) == 1
    assert report.status is RunStatus.OK


async def test_a_folder_with_too_many_names_is_refused_with_what_to_do(folder):
    folder.limits = Limits(files_max=3)
    for number in range(4):
        folder.leave(f"{number}.csv", is_marked=False)
    report = await folder.look()
    assert report.status is RunStatus.FAILED
    assert "archive" in report.message


async def test_a_file_that_is_too_large_is_refused_and_the_others_are_taken(folder):
    folder.limits = Limits(file_bytes_max=500)
    folder.leave("a.csv", GOOD + "A9,电镜,在用\n" * 50)
    folder.leave("b.csv")
    report = await folder.look()
    assert "500 bytes" in said(report, "a.csv")[0]
    assert await folder.rows() == {"A1": 1, "A2": 1}


async def test_a_folder_that_is_gone_fails_the_run_and_says_so(folder):
    folder.folder.rmdir()
    report = await folder.look()
    assert (report.status, report.error_code) == (RunStatus.FAILED, "SOURCE_UNAVAILABLE")
    assert "mounted" in report.message


async def test_an_empty_folder_is_no_sign_of_life(folder):
    folder.leave("a.csv")
    await folder.look()
    heard = "SELECT last_ok_at FROM source"
    first = await folder.database.reads.fetch_all(heard)
    folder.time.pass_by(days=2)
    assert (await folder.look()).status is RunStatus.OK
    assert await folder.database.reads.fetch_all(heard) == first


async def test_it_is_looked_at_when_it_is_due_and_not_before(folder):
    folder.leave("a.csv")
    assert await folder.harvester.harvest_if_due(folder.source, None) is not None
    folder.time.pass_by(seconds=299)
    assert await folder.harvester.harvest_if_due(folder.source, None) is None
    folder.time.pass_by(seconds=1)
    assert await folder.harvester.harvest_if_due(folder.source, None) is not None
