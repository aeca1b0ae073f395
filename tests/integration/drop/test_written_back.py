"""What is written back beside a file, where that does not go, and that no row is taken twice."""

from __future__ import annotations

import os

import pytest

from connectors.drop.folder import Folder
from hub.harvest.report import RunStatus
from hub.intake.batch import Outcome
from tests.integration.drop.conftest import BAD

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("fault", "code", "words"),
    [
        ("full", "SOURCE_UNAVAILABLE", "make room"),
        ("quota", "SOURCE_UNAVAILABLE", "make room"),
        ("read-only", "SOURCE_DENIED", "write into"),
    ],
)
async def test_an_answer_that_cannot_be_written_is_told_and_tried_again(sftp, fault, code, words):
    sftp.leave("a.csv", BAD)
    sftp.play.fault = fault
    report = await sftp.look()
    assert (report.status, report.error_code) == (RunStatus.PARTIAL, code)
    assert words in report.message
    assert await sftp.rows() == {"A3": 1}
    assert await sftp.states() == {"a.csv": "TAKEN"}
    assert sorted(each.name for each in sftp.folder.iterdir()) == ["a.csv", "a.csv.ok"]
    before = await sftp.entries()
    sftp.play.fault = ""
    again = await sftp.look()
    assert again.status is RunStatus.PARTIAL  # a row waits in quarantine
    assert await sftp.states() == {"a.csv": "ANSWERED"}
    assert await sftp.entries() == before
    assert sftp.receipts("a.csv")["replayed"] is True
    assert (sftp.folder / "a.csv.rejects.xlsx").exists()
    ((waiting,),) = await sftp.database.writes.fetch_all("SELECT count(*) FROM quarantine")
    assert waiting == 1


async def test_after_days_an_answer_that_cannot_be_written_is_given_up(sftp):
    sftp.leave("a.csv")
    sftp.play.fault = "full"
    await sftp.look()
    sftp.time.pass_by(days=7)
    await sftp.look()
    assert await sftp.states() == {"a.csv": "ANSWERED"}


async def test_a_folder_that_may_only_be_read_is_told(folder, monkeypatch):
    """As root nothing is refused by its mode, so the system's answer is given in its place."""
    folder.leave("a.csv")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", refuse)
        report = await folder.look()
    assert report.error_code == "SOURCE_DENIED"
    assert "write into" in report.message
    assert sorted(each.name for each in folder.folder.iterdir()) == ["a.csv", "a.csv.ok"]
    assert (await folder.look()).status is RunStatus.OK
    assert folder.receipts("a.csv")["replayed"] is True


async def test_an_answer_replaces_the_one_before_it_and_never_a_file_elsewhere(folder):
    outside = folder.file.parent / "outside.json"
    outside.write_text("mine", "utf-8")
    (folder.folder / "a.csv.receipts.json").symlink_to(outside)
    folder.leave("a.csv")
    await folder.look()
    assert outside.read_text("utf-8") == "mine"
    assert folder.receipts("a.csv")["file"] == "a.csv"


async def test_a_server_that_cannot_replace_a_name_is_answered_all_the_same(sftp):
    sftp.play.fault = "old-server"
    sftp.leave("a.csv")
    (sftp.folder / "a.csv.receipts.json").write_text("old", "utf-8")
    assert (await sftp.look()).status is RunStatus.OK
    assert sftp.receipts("a.csv")["file"] == "a.csv"


async def test_a_run_that_dies_between_rows_and_answer_takes_nothing_twice(folder, monkeypatch):
    folder.leave("a.csv", BAD)

    async def die(*_: object) -> None:
        raise RuntimeError("the machine is gone")

    with monkeypatch.context() as patched:
        patched.setattr(Folder, "store", die)
        with pytest.raises(RuntimeError):
            await folder.look()
    before = await folder.entries()
    await folder.look()
    assert await folder.entries() == before == 1
    assert folder.receipts("a.csv")["replayed"] is True


async def test_a_file_that_goes_before_its_answer_is_written_is_let_go(folder, monkeypatch):
    path = folder.leave("a.csv")
    with monkeypatch.context() as patched:
        patched.setattr(os, "rename", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "full")))
        await folder.look()
    path.unlink()
    report = await folder.look()
    assert report.status is RunStatus.OK
    assert report.total(Outcome.ACCEPTED) == 0


async def test_a_long_file_goes_in_parts_with_one_answer(folder, monkeypatch):
    from hub.harvest import drop_intake

    monkeypatch.setattr(drop_intake, "FILE_ROWS_MAX", 10)
    monkeypatch.setattr(drop_intake, "PART_ROWS_MAX", 8)
    rows = "".join(f"B{n},电镜,{'在用' if n % 7 else '不知道'}\n" for n in range(1, 31))
    folder.leave("a.csv", "No.,Name,State\n" + rows)
    report = await folder.look()
    assert (report.total(Outcome.ACCEPTED), report.total(Outcome.QUARANTINED)) == (26, 4)
    told = folder.receipts("a.csv")
    assert len(told["parts"]) == 4
    assert told["refusedInAll"] == 4
    assert len(await folder.rows()) == 26


async def test_what_the_hub_wrote_back_is_not_read(folder):
    folder.leave("a.csv", BAD)
    await folder.look()
    folder.time.pass_by(days=1)
    report = await folder.look()
    assert [each.name for each in report.collections] == ["no new file"]


async def test_a_corrected_file_of_refused_rows_is_a_file_like_any_other(folder):
    folder.leave("a.csv", BAD)
    await folder.look()
    folder.leave("a-corrected.csv", BAD.replace("不知道", "在用"))
    await folder.look()
    assert await folder.rows() == {"A3": 1, "A4": 1}


async def test_who_may_read_a_file_may_read_its_answer(folder):
    folder.leave("a.csv", BAD).chmod(0o664)
    await folder.look()
    modes = {each.name: each.stat().st_mode & 0o777 for each in folder.folder.iterdir()}
    assert modes["a.csv.receipts.json"] == modes["a.csv.rejects.xlsx"] == 0o664
