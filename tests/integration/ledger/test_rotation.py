"""A log outlives its name and its key: what was proved before stays proved, nothing is lost."""

from __future__ import annotations

from itertools import pairwise

import pytest

from hub.ledger.checkpoint import open_checkpoint, parse_checkpoint
from hub.ledger.failures import FencedError, FrozenError
from hub.ledger.leader import Step
from hub.ledger.log_files import CheckpointFile
from hub.ledger.merkle import root
from hub.ledger.note import parse_note
from hub.ledger.policy import NONE, Policy
from hub.ledger.receipts import ReceiptState, receipts_for
from hub.ledger.verify import Word, verify

from .conftest import ORIGIN, Killed, RememberingSigner

SECOND, THIRD = "hub.delta.example/second", "hub.delta.example/third"


def trusting(*signers: RememberingSigner) -> Policy:
    return Policy(tuple(signer.key for signer in signers), {}, {}, NONE)


async def texts(log, database) -> dict[int, str]:
    """The receipt of every entry there is; each of them is INCLUDED."""
    receipts = await receipts_for(database, list(log.records))
    assert {each.state for each in receipts.values()} == {ReceiptState.INCLUDED}
    return {entry: each.text for entry, each in receipts.items()}


def words(log, receipts: dict[int, str], policy: Policy) -> set[Word]:
    return {
        verify(text.encode(), log.records[entry], policy, log.keys).word
        for entry, text in receipts.items()
    }


def assert_never_forked(log, *signers: RememberingSigner) -> None:
    """Whatever any key signed, seen or not, is a prefix of its log, unless that was cut."""
    seen: dict[tuple[str, int], bytes] = {}
    for head in (head for signer in signers for head in signer.signed):
        assert seen.setdefault((head.origin, head.size), head.root) == head.root
    for origin in {signer.key.name for signer in signers}:
        rows = log.sql(
            "SELECT leaf_hash FROM leaf WHERE origin = %s ORDER BY leaf_index", (origin,)
        )
        hashes = [row[0] for row in rows]
        published = log.sql(
            "SELECT note FROM checkpoint WHERE origin = %s ORDER BY size", (origin,)
        )
        for (note,) in published:
            head = parse_checkpoint(parse_note(note.encode()).text)
            assert (head.origin, head.root) == (origin, root(hashes[: head.size]))
        for head in (head for signer in signers for head in signer.signed):
            if head.origin == origin and head.size <= len(hashes):
                assert head.root == root(hashes[: head.size])


async def test_another_origin_begins_another_log_and_the_old_one_stays(log, database) -> None:
    second = RememberingSigner(SECOND, b"second")
    before = log.add(300)
    await log.sequencer().catch_up()
    kept = await texts(log, database)
    old = log.published()
    after = log.add(5)
    done = await log.sequencer(signer=second).catch_up()
    assert (done.origin, done.size) == (SECOND, 5)
    assert set(old) < set(log.published())
    again = await texts(log, database)
    assert {entry: again[entry] for entry in before} == kept
    assert words(log, kept, trusting(log.signer)) == {Word.VALID_UNWITNESSED}
    new = {entry: again[entry] for entry in after}
    assert words(log, new, trusting(second)) == {Word.VALID_UNWITNESSED}
    assert words(log, new, trusting(log.signer)) == {Word.BAD_LOG_SIG}
    assert words(log, again, trusting(log.signer, second)) == {Word.VALID_UNWITNESSED}
    origins = {each.origin for each in (await receipts_for(database, after)).values()}
    assert origins == {SECOND}
    assert_never_forked(log, log.signer, second)


async def test_another_key_signs_the_same_tree_from_then_on(log, database, caplog) -> None:
    other = RememberingSigner(ORIGIN, b"another")
    log.add(7)
    await log.sequencer().catch_up()
    kept = await texts(log, database)
    await log.sequencer(signer=other).catch_up()
    assert "partners must pin it" in caplog.text
    assert [head.size for head in other.signed] == [7]  # at once, not only when the log grows
    assert words(log, await texts(log, database), trusting(other)) == {Word.VALID_UNWITNESSED}
    log.add(5)
    await log.sequencer(signer=other).catch_up()
    receipts = await texts(log, database)
    assert words(log, receipts, trusting(other)) == {Word.VALID_UNWITNESSED}
    assert words(log, receipts, trusting(log.signer)) == {Word.BAD_LOG_SIG}
    assert words(log, kept, trusting(log.signer)) == {Word.VALID_UNWITNESSED}
    assert len(log.leaves()) == 12
    caplog.clear()
    await log.sequencer(signer=other).catch_up()
    assert caplog.text == ""
    assert len(other.signed) == 2
    assert_never_forked(log, log.signer, other)


@pytest.mark.parametrize("is_finished", [True, False], ids=["finished", "never finished"])
@pytest.mark.parametrize("step", Step)
async def test_origin_and_key_change_again_and_again_under_kills(
    log, database, step, is_finished
) -> None:
    """Each sequencer is killed in its first turn, and the same or only the next one goes on."""
    signers = [
        log.signer,
        RememberingSigner(ORIGIN, b"k2"),
        RememberingSigner(SECOND, b"k3"),
        RememberingSigner(SECOND, b"k4"),
        RememberingSigner(THIRD, b"k5"),
    ]
    everything, kept = trusting(*signers), []
    for signer in signers:
        log.add(3)

        def die(reached: Step) -> None:
            if reached is step:
                raise Killed

        with pytest.raises((Killed, FencedError)):
            await log.sequencer(signer=signer, on_step=die).catch_up()
        log.add(2)
        if is_finished:
            await log.sequencer(signer=signer).catch_up()
            kept.append(await texts(log, database))
    await log.sequencer(signer=signers[-1]).catch_up()
    kept.append(await texts(log, database))
    assert len(kept[-1]) == 25
    for receipts in kept:
        assert words(log, receipts, everything) == {Word.VALID_UNWITNESSED}
    places = log.sql("SELECT origin, leaf_index FROM leaf ORDER BY 1, 2")
    assert len(places) == 25
    assert all(b[1] == a[1] + 1 for a, b in pairwise(places) if a[0] == b[0])
    assert_never_forked(log, *signers)


async def test_leaves_that_nobody_signed_go_to_the_next_log_and_end_the_old_one(
    log, database
) -> None:
    log.add(260)
    await log.sequencer().catch_up()
    tiles = "SELECT level, tile_index, hashes FROM tile WHERE origin = %s ORDER BY 1, 2"
    signed = log.sql(tiles, (ORIGIN,))
    waiting = log.add(300)
    with pytest.raises(Killed):
        await log.dying_at(Step.LEAVES_COMMITTED).catch_up()
    assert log.sql(tiles, (ORIGIN,)) != signed
    second = RememberingSigner(SECOND, b"second")
    await log.sequencer(signer=second).catch_up()
    assert log.sql(tiles, (ORIGIN,)) == signed
    assert log.sql("SELECT origin, size FROM log_state ORDER BY 1") == [
        (ORIGIN, 260),
        (SECOND, 300),
    ]
    receipts = await receipts_for(database, waiting)
    assert {each.origin for each in receipts.values()} == {SECOND}
    with pytest.raises(FrozenError) as refused:
        await log.sequencer().catch_up()
    assert refused.value.code == "LOG_ENDED"


async def test_a_checkpoint_that_only_the_old_log_s_file_has_is_published_without_its_key(
    log, database
) -> None:
    ids = log.add(4)
    with pytest.raises(Killed):
        await log.dying_at(Step.FILE_SYNCED).catch_up()
    assert log.published() == []
    second = RememberingSigner(SECOND, b"second")
    await log.sequencer(signer=second).catch_up()
    receipts = await texts(log, database)
    assert words(log, receipts, trusting(log.signer)) == {Word.VALID_UNWITNESSED}
    assert sorted(receipts) == ids
    file = CheckpointFile(log.folder, ORIGIN).read()
    assert open_checkpoint(parse_note(file), log.signer.key).size == 4


async def test_a_log_that_was_signed_to_its_end_goes_on_when_its_name_is_set_again(log) -> None:
    second = RememberingSigner(SECOND, b"second")
    for signer, count in ((log.signer, 3), (second, 2), (log.signer, 4), (second, 1)):
        log.add(count)
        await log.sequencer(signer=signer).catch_up()
    counts = log.sql("SELECT origin, count(*) FROM leaf GROUP BY 1 ORDER BY 1")
    assert counts == [(ORIGIN, 7), (SECOND, 3)]
    assert_never_forked(log, log.signer, second)


async def test_a_key_of_another_log_is_refused(log) -> None:
    log.add(1)
    await log.sequencer().catch_up()
    shared = RememberingSigner(SECOND)
    assert shared.key.public == log.signer.key.public
    with pytest.raises(FrozenError) as refused:
        await log.sequencer(signer=shared).catch_up()
    assert refused.value.code == "LOG_KEY_SHARED"
    assert shared.signed == []


async def test_each_log_is_compared_with_its_own_file(log, database) -> None:
    """The old log's store went back in time: no reason to freeze the new one."""
    second = RememberingSigner(SECOND, b"second")
    log.add(3)
    await log.sequencer().catch_up()
    log.add(3)
    await log.sequencer().catch_up()
    for table in ("checkpoint", "leaf"):
        column = "size" if table == "checkpoint" else "leaf_index + 1"
        log.sql(f"DELETE FROM {table} WHERE {column} > 3")
    log.sql("UPDATE log_state SET size = 3, root = (SELECT root FROM checkpoint WHERE size = 3)")
    with pytest.raises(FrozenError) as refused:
        await log.sequencer().catch_up()
    assert refused.value.code == "LOG_STORE_BEHIND"
    done = await log.sequencer(signer=second).catch_up()
    assert done.size == 3  # the entries whose places are lost have new ones
    log.add(2)
    await log.sequencer(signer=second).catch_up()
    log.sql("DELETE FROM checkpoint WHERE origin = %s AND size = 5", (SECOND,))
    log.sql("DELETE FROM leaf WHERE origin = %s AND leaf_index > 2", (SECOND,))
    log.sql(
        "UPDATE log_state s SET size = 3, root = c.root FROM checkpoint c "
        "WHERE (c.origin, c.size) = (%s, 3) AND s.origin = c.origin",
        (SECOND,),
    )
    with pytest.raises(FrozenError) as refused:
        await log.sequencer(signer=second).catch_up()
    assert refused.value.code == "LOG_STORE_BEHIND"
