"""A store that is not the one that was signed is never signed again."""

from __future__ import annotations

import asyncio
import logging

import pytest

from hub.ledger.checkpoint import read_checkpoint, sign_checkpoint
from hub.ledger.failures import FrozenError, LogFileError
from hub.ledger.sequencer import SequencerState

from .conftest import ORIGIN, RememberingSigner, checkpoint_file

TABLES = ("entry", "entry_body", "leaf", "tile", "checkpoint", "log_key", "log_state")


def backup(log) -> None:
    for table in TABLES:
        log.sql(f"CREATE TABLE backup_{table} AS TABLE {table}")


def restore(log) -> None:
    for table in TABLES:
        log.sql(f"TRUNCATE {table}")
        always = " OVERRIDING SYSTEM VALUE" if table == "entry" else ""
        log.sql(f"INSERT INTO {table}{always} TABLE backup_{table}")


async def refused(log, **how) -> str:
    signed = len(log.signer.signed)
    published, places = log.published(), log.leaves()
    with pytest.raises(FrozenError) as error:
        await log.sequencer(**how).catch_up()
    assert len(log.signer.signed) == signed
    assert (log.published(), log.leaves()) == (published, places)
    assert error.value.hint
    return error.value.code


@pytest.fixture
async def grown(log):
    """A log that was backed up at 7 leaves and went on to 12."""
    log.add(7)
    await log.sequencer().catch_up()
    backup(log)
    log.add(5)
    await log.sequencer().catch_up()
    return log


async def test_a_restored_old_backup_is_refused(grown) -> None:
    restore(grown)
    grown.add(2)
    assert await refused(grown) == "LOG_STORE_BEHIND"


async def test_a_restored_backup_that_has_grown_past_the_signed_size_is_refused(grown) -> None:
    signed = grown.file.read_bytes()
    restore(grown)
    grown.add(20)
    other = grown.folder / "elsewhere"
    grown.file.unlink()
    with pytest.raises(FrozenError):
        await grown.sequencer(folder=other).catch_up()
    await grown.sequencer(folder=other).adopt()
    silent = RememberingSigner(ORIGIN)
    await grown.sequencer(folder=other, signer=silent).catch_up()  # what must never be done
    grown.file.write_bytes(signed)
    assert await refused(grown) == "LOG_STORE_FORKED"


async def test_an_empty_database_beside_a_signed_file_is_refused(grown) -> None:
    for table in TABLES:
        grown.sql(f"TRUNCATE {table}")
    grown.add(3)
    assert await refused(grown) == "LOG_STORE_BEHIND"


async def test_leaves_cut_off_without_their_state_are_refused(grown) -> None:
    grown.sql("DELETE FROM leaf WHERE leaf_index >= 9")
    assert await refused(grown) == "LOG_STORE_DAMAGED"


async def test_a_changed_hash_is_found_before_signing(grown) -> None:
    grown.sql("UPDATE tile SET hashes = set_byte(hashes, 40, get_byte(hashes, 40) # 1)")
    grown.add(1)
    assert await refused(grown) == "LOG_STORE_DAMAGED"


async def test_a_tile_that_is_gone_is_found_before_signing(grown) -> None:
    grown.sql("DELETE FROM tile")
    assert await refused(grown) == "LOG_STORE_DAMAGED"


async def test_a_lost_checkpoint_row_is_put_back_from_the_file(grown) -> None:
    published = grown.published()
    grown.sql("DELETE FROM checkpoint WHERE size = 12")
    await grown.sequencer().catch_up()
    assert grown.published() == published


async def test_a_missing_file_is_refused_until_the_operator_adopts(grown) -> None:
    grown.file.unlink()
    assert await refused(grown) == "LOG_FILE_MISSING"
    adopted = await grown.sequencer().adopt()
    assert adopted is not None
    assert adopted.size == 12
    await grown.sequencer().catch_up()
    with pytest.raises(LogFileError):
        await grown.sequencer().adopt()


async def test_a_file_that_no_known_key_signed_is_refused(grown) -> None:
    other = RememberingSigner(ORIGIN, b"another")
    checkpoint = read_checkpoint(grown.published()[-1], grown.signer.key)
    grown.file.write_bytes(sign_checkpoint(checkpoint, other).encode())
    assert await refused(grown) == "LOG_KEY_UNKNOWN"


async def test_a_damaged_file_is_refused(grown) -> None:
    grown.file.write_bytes(b"")
    assert await refused(grown) == "LOG_FILE_DAMAGED"


async def test_an_entry_that_cannot_be_a_leaf_stops_the_log_loudly(grown) -> None:
    ids = grown.add(1)
    grown.sql("UPDATE entry SET party = 'with space' WHERE entry_id = ANY(%s)", (ids,))
    assert await refused(grown) == "LOG_ENTRY_UNFIT"


async def test_a_file_left_behind_by_a_leader_elsewhere_follows_the_table(grown) -> None:
    elsewhere = grown.folder / "elsewhere"
    file = checkpoint_file(elsewhere)
    file.parent.mkdir(parents=True)
    file.write_bytes(grown.published()[0])
    grown.add(1)
    done = await grown.sequencer(folder=elsewhere).catch_up()
    assert done.size == 13
    assert file.read_bytes() == grown.published()[-1]
    grown.assert_never_forked()


async def test_a_running_sequencer_freezes_says_so_and_thaws_when_it_is_put_right(
    grown, caplog
) -> None:
    caplog.set_level(logging.INFO)
    for table in TABLES:
        grown.sql(f"CREATE TABLE newest_{table} AS TABLE {table}")
    sequencer, stop = grown.sequencer(), asyncio.Event()
    task = asyncio.create_task(sequencer.run(stop))

    async def until(state: SequencerState) -> None:
        for _ in range(1000):
            if sequencer.health.state is state:
                return
            await asyncio.sleep(0.01)
        raise AssertionError(sequencer.health)

    try:
        await until(SequencerState.LEADING)
        signed = len(grown.signer.signed)
        restore(grown)
        grown.add(2)
        await until(SequencerState.FROZEN)
        assert sequencer.health.code == "LOG_STORE_BEHIND"
        assert not sequencer.health.is_well
        assert [r.levelname for r in caplog.records if "frozen" in r.message] == ["CRITICAL"]
        assert len(grown.signer.signed) == signed
        for table in TABLES:
            grown.sql(f"DROP TABLE backup_{table}")
            grown.sql(f"ALTER TABLE newest_{table} RENAME TO backup_{table}")
        restore(grown)
        await until(SequencerState.LEADING)
    finally:
        stop.set()
        await task
    assert sequencer.health.state is SequencerState.STOPPED
    grown.assert_never_forked()
