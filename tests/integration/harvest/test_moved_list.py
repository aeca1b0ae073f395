"""A list that moved while it was read withdraws nothing and covers nothing (case 01)."""

import pytest

from hub.harvest.report import ListStatus, RunStatus

pytestmark = pytest.mark.integration
BOOKINGS = [f"{n}" for n in range(1, 9)]


@pytest.fixture
def source_that_moves(laboratory, source):
    return laboratory, source


async def standing(database):
    rows = await database.reads.fetch_all(
        "SELECT local_id FROM occupancy_source WHERE NOT withdrawn ORDER BY local_id::int"
    )
    return [local_id for (local_id,) in rows]


@pytest.mark.parametrize(
    "moved",
    [
        ["0", *BOOKINGS],  # one came in front: a row is given twice, none is missed
        BOOKINGS[1:],  # the first one went: the first row of page 2 is never given
        [*BOOKINGS[2:], "9", "10", "11"],
    ],
)
async def test_what_a_moved_list_does_not_name_still_stands(
    harvester, source_that_moves, database, time, heard, moved
):
    laboratory, source = source_that_moves
    await harvester.harvest(source)
    assert await standing(database) == BOOKINGS
    before = time.now
    time.pass_by(hours=2)
    laboratory.from_page = {("bookings", 2): moved}
    report = await harvester.harvest(source)
    part = next(each for each in report.collections if each.name == "bookings")
    assert part.status is ListStatus.PARTIAL
    assert report.status is RunStatus.PARTIAL
    assert "bookings" in report.message
    assert "still stand" in report.message
    assert report.error_code == "SOURCE_BAD_DATA"
    assert set(BOOKINGS) <= set(await standing(database))
    assert await heard() == [before]
    assert not report.withdrawn

    laboratory.from_page = {}
    time.pass_by(hours=2)
    again = await harvester.harvest(source)
    assert again.status is RunStatus.OK
    assert set(await standing(database)) == set(moved)
    assert await heard() == [time.now]
