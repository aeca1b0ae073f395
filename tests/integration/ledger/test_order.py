"""Every accepted entry gets exactly one place, whatever the order of commits."""

from __future__ import annotations

import random

import psycopg

from hub.ledger.merkle import root


async def test_an_entry_waits_for_a_transaction_that_began_before_it(log) -> None:
    with psycopg.connect(log.url) as slow:
        early = log.insert(slow)
        late = log.add()[0]
        await log.sequencer().catch_up()
        assert log.leaves() == []
        slow.commit()
    await log.sequencer().catch_up()
    assert log.leaves() == [(0, early), (1, late)]


async def test_a_higher_id_of_an_earlier_transaction_comes_first_and_none_is_lost(log) -> None:
    with psycopg.connect(log.url) as first, psycopg.connect(log.url) as second:
        first.execute("SELECT pg_current_xact_id()")
        low = log.insert(second)
        high = log.insert(first)
        second.commit()
        await log.sequencer().catch_up()
        assert log.leaves() == []
        first.commit()
    await log.sequencer().catch_up()
    assert [entry for _, entry in log.leaves()] == [high, low]


async def test_entries_of_a_transaction_that_was_undone_have_no_place(log) -> None:
    with psycopg.connect(log.url) as connection:
        log.insert(connection)
        connection.rollback()
    kept = log.add()
    await log.sequencer().catch_up()
    assert [entry for _, entry in log.leaves()] == kept


async def test_twenty_random_transactions_at_once_are_each_included_once(log) -> None:
    chance = random.Random(20261123)
    sequencer = log.sequencer(batch=7)
    connections = [psycopg.connect(log.url) for _ in range(20)]
    expected = set()
    try:
        pending = [(number, step) for number in range(20) for step in range(4)]
        chance.shuffle(pending)
        left = dict.fromkeys(range(20), 4)
        for turn, (number, _) in enumerate(pending):
            expected.add(log.insert(connections[number]))
            left[number] -= 1
            if not left[number]:
                connections[number].commit()
            if turn % 6 == 0:
                await sequencer.catch_up()
    finally:
        for connection in connections:
            connection.close()
    await sequencer.catch_up()
    places = log.leaves()
    assert [index for index, _ in places] == list(range(80))
    assert {entry for _, entry in places} == expected
    log.assert_never_forked()


async def test_a_batch_smaller_than_the_backlog_leaves_nothing_behind(log) -> None:
    ids = log.add(25)
    done = await log.sequencer(batch=10).catch_up()
    assert [entry for _, entry in log.leaves()] == ids
    hashes = [row[0] for row in log.sql("SELECT leaf_hash FROM leaf ORDER BY leaf_index")]
    assert (done.size, done.root) == (25, root(hashes))


async def test_a_database_loaded_from_a_dump_goes_on_although_its_transactions_start_again(
    log,
) -> None:
    included = log.add(3)
    await log.sequencer().catch_up()
    waiting = log.add(2)
    log.sql("UPDATE entry SET xid = '4611686018427387904'::xid8")  # as another server counted
    fresh = log.add(2)
    await log.sequencer(batch=3).catch_up()
    later = log.add(1)
    await log.sequencer().catch_up()
    log.sql("UPDATE entry SET xid = '3'::xid8 WHERE entry_id = ANY(%s)", (waiting,))
    await log.sequencer().catch_up()
    order = [entry for _, entry in log.leaves()]
    assert order[:3] == included
    assert sorted(order[3:7]) == sorted(waiting + fresh)
    assert order[7:] == later
    log.assert_never_forked()


async def test_entries_of_a_dump_that_has_no_leaf_yet_are_taken(log) -> None:
    loaded = log.add(4)
    log.sql("UPDATE entry SET xid = '4611686018427387904'::xid8")
    await log.sequencer(batch=3).catch_up()
    later = log.add(1)
    await log.sequencer().catch_up()
    assert [entry for _, entry in log.leaves()] == loaded + later
    log.assert_never_forked()
