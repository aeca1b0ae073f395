"""One leads, the others wait; who was replaced can no longer write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from hub.ledger.checkpoint import Checkpoint, read_checkpoint, sign_checkpoint
from hub.ledger.failures import FencedError
from hub.ledger.leader import Step
from hub.ledger.log_files import CheckpointFile
from hub.ledger.log_store import open_log
from hub.ledger.merkle import consistency_proof, nodes_of, verify_consistency
from hub.ledger.sequencer import SequencerState

from .conftest import ORIGIN, RememberingSigner


@asynccontextmanager
async def running(*sequencers):
    stop = asyncio.Event()
    tasks = [asyncio.create_task(each.run(stop)) for each in sequencers]
    try:
        yield
    finally:
        stop.set()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(condition) -> None:
    for _ in range(1500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to pass")


def heads(log):
    return [read_checkpoint(note, log.signer.key) for note in log.published()]


async def test_each_checkpoint_extends_the_one_before(log) -> None:
    sequencer = log.sequencer(checkpoint_s=0)
    async with running(sequencer):
        for count in (1, 2, 3, 250, 1, 255, 1, 40):
            log.add(count)
            await until(lambda: sequencer.health.signed_size == log.count)
    signed = heads(log)
    assert [head.size for head in signed] == sorted({head.size for head in signed})
    assert signed[-1].size == log.count == 553
    hashes = [row[0] for row in log.sql("SELECT leaf_hash FROM leaf ORDER BY leaf_index")]
    node = nodes_of(hashes)
    for old, new in pairwise(head for head in signed if head.size):
        proof = consistency_proof(node, old.size, new.size)
        verify_consistency(old.size, new.size, old.root, new.root, proof)
    log.assert_never_forked()


async def test_a_restart_goes_on_where_it_was(log) -> None:
    for count in (3, 0, 300, 1):
        log.add(count)
        await log.sequencer().catch_up()
    assert [head.size for head in heads(log)] == [3, 303, 304]
    assert log.sql("SELECT epoch FROM log_state") == [(4,)]
    log.assert_never_forked()


async def test_an_empty_log_is_signed_once(log) -> None:
    for _ in range(2):
        await log.sequencer().catch_up()
    assert [head.size for head in heads(log)] == [0]
    assert len(log.signer.signed) == 1


async def test_no_two_checkpoints_lie_closer_than_the_bound(log) -> None:
    sequencer = log.sequencer(checkpoint_s=3600)
    async with running(sequencer):
        await until(lambda: sequencer.health.signed_at is not None)
        log.add(5)
        await until(lambda: sequencer.health.size == 5)
        log.add(5)
        await until(lambda: sequencer.health.size == 10)
    assert [head.size for head in heads(log)] == [0]


async def test_of_two_sequencers_one_signs(log) -> None:
    one, two = log.sequencer(checkpoint_s=0), log.sequencer(checkpoint_s=0)
    async with running(one, two):
        for _ in range(5):
            log.add(20)
            await until(lambda: max(one.health.signed_size, two.health.signed_size) == log.count)
        states = {one.health.state, two.health.state}
        assert states == {SequencerState.LEADING, SequencerState.STANDBY}
        with pytest.raises(FencedError):
            await log.sequencer().catch_up()
    assert log.sql("SELECT DISTINCT epoch FROM checkpoint") == [(1,)]
    log.assert_never_forked()


async def test_another_takes_over_when_the_leader_s_connection_dies(log) -> None:
    one, two = log.sequencer(checkpoint_s=0), log.sequencer(checkpoint_s=0)
    async with running(one, two):
        await until(lambda: SequencerState.LEADING in (one.health.state, two.health.state))
        for _ in range(4):
            log.add(10)
            await until(lambda: max(one.health.signed_size, two.health.signed_size) == log.count)
            killed = log.sql(
                """SELECT pg_terminate_backend(pid) FROM pg_locks
                   WHERE locktype = 'advisory' AND granted
                     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                """
            )
            assert killed == [(True,)]
        log.add(10)
        await until(lambda: heads(log)[-1].size == log.count)
    assert log.sql("SELECT max(epoch) FROM log_state")[0][0] >= 5
    log.assert_never_forked()


async def test_who_was_replaced_while_asleep_can_neither_sequence_nor_publish(log) -> None:
    log.add(4)

    def overtaken_at(moment: Step) -> Callable[[Step], None]:
        def overtake(step: Step) -> None:
            if step is moment:
                log.sql("UPDATE log_state SET epoch = epoch + 1")

        return overtake

    for asleep_at in (Step.LEAVES_COMMITTED, Step.SIGNED, Step.FILE_SYNCED):
        log.add(4)
        before = log.published()
        with pytest.raises(FencedError) as refused:
            await log.sequencer(on_step=overtaken_at(asleep_at)).catch_up()
        assert refused.value.code == "LOG_FENCED"
        assert log.published() == before
        await log.sequencer().catch_up()
    assert heads(log)[-1].size == log.count == len(log.leaves())
    log.assert_never_forked()


async def test_who_was_replaced_while_asleep_cannot_put_back_an_old_file(log) -> None:
    log.add(3)
    await log.sequencer().catch_up()
    file = CheckpointFile(log.folder, ORIGIN)
    log.add(3)

    def overtaken(step: Step) -> None:
        if step is Step.SIGNED:
            newer = log.folder / "newer"
            newer.write_bytes(b"written by the one that took over\n")
            newer.replace(log.file)

    with pytest.raises(FencedError) as refused:
        await log.sequencer(on_step=overtaken).catch_up()
    assert refused.value.code == "LOG_FILE_MOVED"
    assert file.read() == b"written by the one that took over\n"


async def test_a_new_epoch_refuses_the_writes_of_the_old_one(log) -> None:
    async with open_log(log.url, ORIGIN) as store:
        now = log.sequencer()._parts.clock()
        assert await store.take_epoch(now) == 1
        assert await store.take_epoch(now) == 2
    log.add(1)
    await log.sequencer().catch_up()
    assert log.sql("SELECT epoch FROM checkpoint") == [(3,)]


async def test_a_database_that_goes_away_is_waited_for(log) -> None:
    sequencer = log.sequencer(checkpoint_s=0)
    log.url, good = log.url.replace("hub_test", "hub_gone"), log.url
    away = log.sequencer()
    log.url = good
    async with running(sequencer, away):
        await until(lambda: away.health.state is SequencerState.AWAY)
        assert away.health.code in ("DATABASE_UNAVAILABLE", "LOG_DATABASE_ERROR")
        assert not away.health.is_well
        log.add(2)
        await until(lambda: sequencer.health.signed_size == 2)


async def test_who_stands_by_on_another_machine_keeps_a_file_of_its_own(log) -> None:
    log.add(2)
    await log.sequencer().catch_up()
    elsewhere = log.folder / "elsewhere"
    other = log.sequencer(folder=elsewhere)
    await other.adopt()
    leader = log.sequencer(checkpoint_s=0)
    async with running(leader):
        await until(lambda: leader.health.state is SequencerState.LEADING)
        async with running(other):
            log.add(3)
            await until(lambda: leader.health.signed_size == 5)
            await until(lambda: CheckpointFile(elsewhere, ORIGIN).read() == log.published()[-1])
            assert other.health.state is SequencerState.STANDBY


async def test_who_stands_by_beside_a_forked_log_says_so(log) -> None:
    log.add(2)
    await log.sequencer().catch_up()
    forked = RememberingSigner(ORIGIN)
    checkpoint = Checkpoint(ORIGIN, 1, b"\1" * 32)
    elsewhere = log.folder / "elsewhere"
    CheckpointFile(elsewhere, ORIGIN).replace(None, sign_checkpoint(checkpoint, forked).encode())
    leader, other = log.sequencer(), log.sequencer(folder=elsewhere)
    async with running(leader):
        await until(lambda: leader.health.state is SequencerState.LEADING)
        async with running(other):
            await until(lambda: other.health.state is SequencerState.FROZEN)
            assert other.health.code == "LOG_STORE_FORKED"


async def test_a_failure_that_nobody_foresaw_is_told_and_tried_again(log, caplog) -> None:
    log.add(1)
    failures = []

    def fail_once(step: Step) -> None:
        if step is Step.SIGNED and not failures:
            failures.append(step)
            raise RuntimeError("unforeseen")

    sequencer = log.sequencer(on_step=fail_once)
    async with running(sequencer):
        await until(lambda: sequencer.health.signed_size == 1)
    assert [r.levelname for r in caplog.records if "failed" in r.message] == ["ERROR"]
    log.assert_never_forked()
