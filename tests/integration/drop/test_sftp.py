"""A folder behind SFTP: who answers, who we are, and a server that fails in the midst."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from connectors.limits import Limits
from hub.errors import SettingsError
from hub.harvest.config import load_source
from hub.harvest.report import RunStatus
from tests.integration.drop.conftest import GOOD
from tests.integration.drop.test_tables import said

pytestmark = pytest.mark.integration


def change(drop, name, value):
    """Write another value into the file of the source."""
    lines = drop.file.read_text("utf-8").splitlines()
    changed = [f'{name} = "{value}"' if line.startswith(f"{name} =") else line for line in lines]
    assert changed != lines
    drop.file.write_text("\n".join(changed), "utf-8")


async def test_a_server_with_another_key_is_refused_before_anything_is_sent(sftp):
    sftp.leave("a.csv")
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
    change(sftp, "host_key", other)
    report = await sftp.look()
    assert (report.status, report.error_code) == (RunStatus.FAILED, "SOURCE_DENIED")
    assert "host_key" in report.message
    assert sftp.play.channels == 0
    assert await sftp.rows() == {}


async def test_a_server_with_a_key_of_another_kind_is_refused(sftp):
    other = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key()
    change(sftp, "host_key", other.decode().strip())
    report = await sftp.look()
    assert report.error_code == "SOURCE_DENIED"
    assert "host_key" in report.message


async def test_a_key_that_the_server_does_not_know_is_refused(sftp):
    stranger = asyncssh.generate_private_key("ssh-ed25519")
    path = sftp.file.parent / "stranger"
    stranger.write_private_key(path)
    path.chmod(0o600)
    change(sftp, "key_file", path)
    report = await sftp.look()
    assert (report.status, report.error_code) == (RunStatus.FAILED, "SOURCE_DENIED")
    assert "public key" in report.message


async def test_a_locked_key_is_opened_by_its_passphrase_which_is_never_said(sftp, caplog):
    key = asyncssh.read_private_key(sftp.source.connection.key_file)
    path = sftp.file.parent / "locked"
    key.write_private_key(path, "pkcs8-pem", passphrase="s3cret-of-the-key")
    path.chmod(0o600)
    change(sftp, "key_file", path)
    with caplog.at_level(logging.DEBUG):
        report = await sftp.look()
        assert "key_passphrase" in report.message
        text = sftp.file.read_text("utf-8")
        sftp.file.write_text(
            text.replace("settle_s", 'key_passphrase = "s3cret-of-the-key"\nsettle_s'), "utf-8"
        )
        assert (await sftp.look()).status is RunStatus.OK
    assert sftp.source.connection.secrets == ("s3cret-of-the-key",)
    assert "s3cret" not in caplog.text


async def test_a_server_that_dies_in_the_midst_of_a_file_takes_nothing_with_it(sftp):
    rows = "".join(f"B{n},{'电镜' * 40},在用\n" for n in range(800))
    sftp.leave("a.csv", "No.,Name,State\n" + rows)
    sftp.play.fault = "dies"
    report = await sftp.look()
    assert (report.status, report.error_code) == (RunStatus.FAILED, "SOURCE_UNAVAILABLE")
    assert await sftp.rows() == {}
    sftp.play.fault = ""
    assert (await sftp.look()).status is RunStatus.OK
    assert len(await sftp.rows()) == 800


async def test_a_server_that_is_slow_ends_in_a_time_limit(sftp):
    sftp.leave("a.csv")
    sftp.play.fault = "slow"
    sftp.limits = Limits(attempts_max=1, read_s=0.3, total_s=5)
    report = await sftp.look()
    assert (report.status, report.error_code) == (RunStatus.FAILED, "SOURCE_TIMEOUT")


async def test_a_server_that_gives_no_channel_is_told(sftp):
    sftp.play.refuse_channels = True
    report = await sftp.look()
    assert (report.status, report.error_code) == (RunStatus.FAILED, "SOURCE_UNAVAILABLE")
    assert "channels" in report.message


async def test_a_run_needs_one_connection_and_one_channel(sftp):
    for number in range(5):
        sftp.leave(f"{number}.csv", f"No.,Name,State\nC{number},电镜,在用\n")
    assert (await sftp.look()).status is RunStatus.OK
    assert (len(sftp.play.connections), sftp.play.channels) == (1, 1)


async def test_a_file_that_grows_while_it_is_read_is_tried_again(sftp):
    sftp.leave("a.csv")
    sftp.play.fault = "grows"
    report = await sftp.look()
    assert "changed while it was read" in said(report, "a.csv")[0]
    assert await sftp.rows() == {}
    sftp.play.fault = ""
    sftp.leave("a.csv")
    assert (await sftp.look()).status is RunStatus.OK
    assert await sftp.rows() == {"A1": 1, "A2": 1}


async def test_a_name_that_is_not_utf8_is_told_and_the_others_are_taken(sftp):
    sftp.folder.joinpath(b"\xb5\xe7\xbe\xb5.csv".decode("utf-8", "surrogateescape")).write_text(
        GOOD
    )
    sftp.leave("电镜 表.csv")
    report = await sftp.look()
    assert report.status is RunStatus.OK
    assert await sftp.rows() == {"A1": 1, "A2": 1}
    assert any("rename it" in (each.message or "") for each in report.collections)
    assert (sftp.folder / "电镜 表.csv.receipts.json").exists()


async def test_links_of_the_server_are_not_followed(sftp):
    outside = sftp.folder / "archive"
    outside.mkdir()
    (outside / "x.csv").write_text(GOOD, "utf-8")
    (sftp.folder / "a.csv").symlink_to("archive/x.csv")
    (sftp.folder / "a.csv.ok").touch()
    report = await sftp.look()
    assert await sftp.rows() == {}
    assert "link" in said(report, "a.csv")[0]


async def test_a_folder_that_is_not_there_is_told(sftp):
    change(sftp, "folder", "/no/such")
    report = await sftp.look()
    assert report.status is RunStatus.FAILED
    assert "folder in [sftp]" in report.message


async def test_a_server_that_is_away_is_told(sftp):
    connection = replace(sftp.source.connection, port=1)
    report = await sftp.harvester.harvest(replace(sftp.source, connection=connection))
    assert (report.status, report.error_code) == (RunStatus.FAILED, "SOURCE_UNAVAILABLE")


async def test_a_run_that_is_cancelled_leaves_no_connection(sftp):
    sftp.leave("a.csv")
    sftp.play.fault = "slow"
    task = asyncio.create_task(sftp.look())
    async with asyncio.timeout(10):
        while not sftp.play.channels:
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(10):
        await sftp.play.connections[0].wait_closed()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('host_key = "nonsense"', "public key"),
        ('key_file = "/no/such"', "no such file"),
        ("port = 70000", "port"),
        ('folder = ""', "folder is a text"),
        ("settle_s = -1", "seconds"),
        ("colour = 1", "does not know colour"),
    ],
)
async def test_a_mistake_in_the_file_is_told(sftp, line, words):
    name = line.partition(" =")[0]
    text = sftp.file.read_text("utf-8")
    lines = [each for each in text.splitlines() if not each.startswith(f"{name} =")]
    at = lines.index("[sftp]") + 1
    sftp.file.write_text("\n".join([*lines[:at], line, *lines[at:]]), "utf-8")
    with pytest.raises(SettingsError) as told:
        load_source(sftp.file)
    assert words in "; ".join(told.value.problems)


async def test_a_key_that_others_can_read_is_refused(sftp):
    Path(sftp.source.connection.key_file).chmod(0o644)
    with pytest.raises(SettingsError) as told:
        load_source(sftp.file)
    assert "chmod 600" in "; ".join(told.value.problems)
