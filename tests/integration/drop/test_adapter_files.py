"""Files that an adapter reads, left in a folder: each once, in order, past broken ones."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from xml.etree import ElementTree as XmlTree

import pytest

from adapters._adapter import Adapter, Collection, Context, Mapped, Yielded
from adapters._row import Row
from connectors.files import DroppedFiles
from hub.harvest import config
from hub.harvest.report import RunStatus
from hub.harvest.schedule import Schedule
from tests.eventually import until
from tests.integration.drop.conftest import INSTITUTION, touched
from tests.source_metadata import metadata

pytestmark = pytest.mark.integration


def _parse(data: bytes) -> Iterable[dict[str, str]]:
    if b"<!" in data:
        raise ValueError("it declares a document type")
    return [dict(each.attrib) for each in XmlTree.fromstring(data.decode())]


def _device(row: Row, context: Context) -> Iterable[Yielded]:
    yield Mapped(
        "Instrument",
        {
            "institutionKey": context.institution_key,
            "localNo": row.text("no"),
            "name": {"zh": row.text("name")},
            "status": "IN_SERVICE",
        },
    )


ADAPTER = Adapter(
    metadata=metadata(
        "devices-xml",
        {"Instrument": ("15 min", "24 h")},
        title=("设备报文", "Messages of devices"),
        protocol="files",
    ),
    collections=(
        Collection(
            name="messages",
            reader=DroppedFiles(parse=_parse, names="*.xml"),
            map=_device,
            types=("Instrument",),
        ),
    ),
)


@pytest.fixture
def messages(drop, monkeypatch):
    """The same folders, read by an adapter."""
    monkeypatch.setattr(config, "discover", lambda: {ADAPTER.id: ADAPTER})
    text = drop.file.read_text("utf-8").partition("[mappings]")[0]
    text = text.replace('"tables"', f'"{ADAPTER.id}"').replace('title_zh = "台账"\n', "")
    drop.file.write_text(f'{text}[institution]\ninstitutionKey = "{INSTITUTION}"\n', "utf-8")
    return drop


def message(*numbers: int, name: str = "电镜") -> str:
    devices = "".join(f'<device no="D{each}" name="{name}"/>' for each in numbers)
    return f"<devices>{devices}</devices>"


async def test_each_complete_file_is_read_once(messages):
    touched(messages.leave("b.xml", message(1, name="旧")), 1_000)
    touched(messages.leave("a.xml", message(1, 2)), 2_000)
    messages.leave("c.xml", message(3), is_marked=False)
    messages.leave("readme.txt", "not for us")
    report = await messages.look()
    assert report.status is RunStatus.OK, report.message
    assert await messages.rows() == {"D1": 1, "D2": 1}
    assert report.collections[1].documents == 2
    assert await messages.states() == {
        "a.xml": "ANSWERED",
        "b.xml": "ANSWERED",
        "c.xml": "SEEN",
        "readme.txt": "SEEN",
    }
    messages.time.pass_by(minutes=2)
    report = await messages.look()
    assert report.collections[1].rows == 1
    assert await messages.rows() == {"D1": 1, "D2": 1, "D3": 1}


async def test_what_became_of_each_record_is_written_beside_its_file(messages):
    messages.leave("a.xml", '<devices><device no="D1" name="x"/><device no="" name="y"/></devices>')
    messages.leave("b.xml", "<devices")
    await messages.look()
    told = messages.receipts("a.xml")
    assert told["counts"] == {"ACCEPTED": 1, "QUARANTINED": 1}
    taken, refused = told["records"]
    assert (taken["key"], taken["entryId"]) == (f"{INSTITUTION}/D1", "1")
    assert refused["problems"][0]["code"] == "MISSING"
    assert messages.receipts("b.xml")["refused"]["code"] == "FILE_UNREADABLE"


async def test_an_answer_that_cannot_be_written_is_tried_again(messages):
    if not messages.play.connections and "[folder]" in messages.file.read_text("utf-8"):
        (messages.folder / "a.xml.receipts.json").mkdir()  # a name that cannot be replaced
    messages.play.fault = "full"
    messages.leave("a.xml", message(1))
    report = await messages.look()
    assert "could not be written" in report.message
    assert await messages.states() == {"a.xml": "TAKEN"}
    before = await messages.entries()
    messages.play.fault = ""
    if (messages.folder / "a.xml.receipts.json").is_dir():
        (messages.folder / "a.xml.receipts.json").rmdir()
    assert (await messages.look()).status is RunStatus.OK
    assert await messages.entries() == before
    assert messages.receipts("a.xml")["counts"] == {"DUPLICATE": 1}


async def test_the_same_bytes_are_not_read_twice_whatever_their_name(messages):
    messages.leave("a.xml", message(1))
    messages.leave("b.xml", message(1))
    report = await messages.look()
    assert report.collections[1].documents == 1
    assert sorted((await messages.states()).values()) == ["ANSWERED", "SAME"]
    assert await messages.rows() == {"D1": 1}


async def test_a_broken_file_is_told_and_does_not_stand_in_the_way(messages):
    touched(messages.leave("a.xml", "<devices><device"), 1_000)
    touched(messages.leave("b.xml", "<!DOCTYPE x><devices/>"), 1_000)
    touched(messages.leave("c.xml", message(1)), 2_000)
    for _ in range(2):
        report = await messages.look()
        assert report.status in (RunStatus.PARTIAL, RunStatus.FAILED)
        assert "a.xml: ParseError" in report.message
        assert "b.xml: it declares a document type" in report.message
        assert await messages.rows() == {"D1": 1}
    touched(messages.leave("a.xml", message(2)), 3_000)
    touched(messages.leave("b.xml", message(3)), 3_000)
    for name in ("a.xml.ok", "b.xml.ok"):
        touched(messages.folder / name, 4_000)
    assert (await messages.look()).status is RunStatus.OK
    assert await messages.rows() == {"D1": 1, "D2": 1, "D3": 1}


async def test_a_file_whose_rows_did_not_go_in_is_read_again(messages, monkeypatch):
    from hub.harvest import reading

    messages.leave("a.xml", message(1))

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the machine is gone")

    with monkeypatch.context() as patched:
        patched.setattr(reading, "submit", fail)
        with pytest.raises(RuntimeError):
            await messages.look()
    assert await messages.states() == {"a.xml": "SEEN"}
    await messages.look()
    assert await messages.rows() == {"D1": 1}


async def test_a_running_hub_looks_at_the_folder_by_itself(folder):
    folder.leave("a.csv")
    schedule = Schedule(folder.database, "hub:test", folder.time, folder.file.parent, None)
    stop = asyncio.Event()
    running = asyncio.create_task(schedule.run(stop))
    try:

        async def is_taken() -> bool:
            found = await folder.database.writes.fetch_all("SELECT status FROM run")
            return [status for (status,) in found] == ["OK"]

        await until(is_taken)
    finally:
        stop.set()
        await running
    assert await folder.rows() == {"A1": 1, "A2": 1}
    assert (folder.folder / "a.csv.receipts.json").exists()
