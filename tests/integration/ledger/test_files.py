"""What the log keeps on disk: made once, whole or not at all, for nobody else to read."""

from __future__ import annotations

import stat
import threading

import pytest

from hub.errors import SettingsError
from hub.ledger.failures import FencedError
from hub.ledger.log_files import CHECKPOINT_FILE, CheckpointFile, key_file_name, log_signer

ORIGIN = "hub.delta.example/records"
KEY = key_file_name(ORIGIN)


def test_the_key_is_made_at_the_first_start_and_kept(tmp_path) -> None:
    folder = tmp_path / "log"
    first = log_signer(ORIGIN, folder)
    assert log_signer(ORIGIN, folder).key == first.key
    assert stat.S_IMODE((folder / KEY).stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == [KEY]


def test_of_many_that_start_at_once_all_get_one_key(tmp_path) -> None:
    keys = []
    threads = [
        threading.Thread(target=lambda: keys.append(log_signer(ORIGIN, tmp_path).key))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


def test_a_key_that_others_may_read_is_refused(tmp_path) -> None:
    log_signer(ORIGIN, tmp_path)
    (tmp_path / KEY).chmod(0o644)
    with pytest.raises(SettingsError, match="chmod 600"):
        log_signer(ORIGIN, tmp_path)


def test_a_key_file_that_was_named_is_never_made(tmp_path) -> None:
    with pytest.raises(SettingsError):
        log_signer(ORIGIN, tmp_path, tmp_path / "elsewhere.pem")
    log_signer(ORIGIN, tmp_path)
    named = log_signer(ORIGIN, tmp_path / "other", tmp_path / KEY)
    assert named.key == log_signer(ORIGIN, tmp_path).key


def test_what_is_not_a_key_is_refused(tmp_path) -> None:
    (tmp_path / KEY).write_bytes(b"not a key")
    (tmp_path / KEY).chmod(0o600)
    with pytest.raises(SettingsError):
        log_signer(ORIGIN, tmp_path)


def test_the_checkpoint_file_is_swapped_only_by_who_knows_it(tmp_path) -> None:
    file = CheckpointFile(tmp_path / "log", ORIGIN)
    assert file.read() is None
    file.replace(None, b"one")
    with pytest.raises(FencedError):
        file.replace(None, b"two")
    with pytest.raises(FencedError):
        file.replace(b"zero", b"two")
    file.replace(b"one", b"two")
    assert (tmp_path / "log" / "hub.delta.example_records" / CHECKPOINT_FILE).read_bytes() == b"two"


def test_each_log_has_its_own_key_and_file(tmp_path) -> None:
    other = "hub.delta.example/other"
    assert log_signer(ORIGIN, tmp_path).key.public != log_signer(other, tmp_path).key.public
    CheckpointFile(tmp_path / "log", ORIGIN).replace(None, b"one")
    assert CheckpointFile(tmp_path / "log", other).read() is None
