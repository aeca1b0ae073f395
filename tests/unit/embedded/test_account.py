"""The folder of an embedded server is taken only from those who may give it."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.embedded.account import Account
from hub.embedded.errors import EmbeddedError
from hub.embedded.server import EmbeddedPostgres

STRANGER = 54321
"""No account of this machine."""

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that a lent account may pass through, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="hub-test-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


def facts(folder: Path) -> tuple[int, int, int]:
    found = folder.stat()
    return found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)


def test_a_new_folder_belongs_to_the_account_and_to_nobody_else(place: Path) -> None:
    account = Account.current()
    account.own(place / "new" / "server")
    uid, _, mode = facts(place / "new" / "server")
    assert (uid, mode) == (account.uid, 0o700)
    account.own(place / "new" / "server")


@as_root
def test_a_link_that_another_user_planted_changes_no_owner(place: Path) -> None:
    victim = place / "victim"
    victim.mkdir(mode=0o755)
    before = facts(victim)
    planted = place / "planted"
    planted.symlink_to(victim)
    os.lchown(planted, STRANGER, STRANGER)
    with pytest.raises(EmbeddedError, match="planted"):
        Account.current().own(planted)
    assert facts(victim) == before


@as_root
def test_a_link_in_the_folder_of_temporary_files_stops_the_set_up_of_the_server(
    place: Path,
) -> None:
    victim = place / "victim"
    victim.mkdir(mode=0o755)
    before = facts(victim)
    server = EmbeddedPostgres(place / ("long" * 30), throwaway=True)
    assert server.socket_folder.parent == Path(tempfile.gettempdir())
    server.socket_folder.symlink_to(victim)
    try:
        os.lchown(server.socket_folder, STRANGER, STRANGER)
        with pytest.raises(EmbeddedError) as refused:
            server.start()
        assert str(server.socket_folder) in refused.value.message_en
        assert refused.value.hint
    finally:
        server.stop()
        server.socket_folder.unlink()
    assert facts(victim) == before
    assert list(victim.iterdir()) == []


@as_root
def test_a_folder_that_another_user_made_is_not_taken(place: Path) -> None:
    planted = place / "planted"
    planted.mkdir(mode=0o777)
    os.chown(planted, STRANGER, STRANGER)
    before = facts(planted)
    with pytest.raises(EmbeddedError, match="another user"):
        Account.current().own(planted)
    assert facts(planted) == before


@pytest.mark.parametrize(
    ("made_by", "taken"),
    [("caller", True), ("account", True), ("stranger", False)],
)
def test_only_folders_of_the_caller_and_of_the_account_are_taken(made_by: str, taken: bool) -> None:
    account = Account(name="lent", uid=os.geteuid() + 1, gid=os.getegid())
    uids = {"caller": os.geteuid(), "account": account.uid, "stranger": STRANGER}
    assert account.may_take(uids[made_by]) is taken


def test_a_link_of_the_caller_s_own_is_followed(place: Path) -> None:
    (place / "disk").mkdir()
    (place / "link").symlink_to(place / "disk")
    account = Account.current()
    account.own(place / "link")
    uid, _, mode = facts(place / "disk")
    assert (uid, mode) == (account.uid, 0o700)


@pytest.mark.parametrize("kind", ["file", "dangling"])
def test_what_is_no_folder_is_refused_in_words(place: Path, kind: str) -> None:
    odd = place / "odd"
    if kind == "file":
        odd.write_text("x")
    else:
        odd.symlink_to(place / "nowhere")
    with pytest.raises(EmbeddedError, match="odd"):
        Account.current().own(odd)


@as_root
def test_the_account_writes_its_own_files_so_that_a_link_in_its_folder_leads_root_nowhere(
    place: Path,
) -> None:
    account = Account.current()
    folder = place / "server"
    account.own(folder)
    secret = place / "secret"
    secret.write_text("root's")
    secret.chmod(0o644)
    (folder / "hub.conf").symlink_to(secret)
    account.write(folder / "hub.conf", "ours")
    assert secret.read_text() == "root's"
    assert (folder / "hub.conf").read_text() == "ours"
    assert (folder / "hub.conf").stat().st_uid == account.uid


@as_root
def test_the_account_cannot_be_led_to_kill_what_is_not_its_own(place: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as mine:
        try:
            with pytest.raises(EmbeddedError):
                Account.current().kill(mine.pid)
            assert mine.poll() is None
        finally:
            mine.kill()
