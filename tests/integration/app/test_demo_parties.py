"""The partners that `make run` makes: the same on every run, others at another address."""

from __future__ import annotations

from pathlib import Path

from hub.client.profile import load_profile
from hub.clock import system_clock
from hub.demo.parties import PARTIES, home, register
from hub.store.database import Database

FIRST, SECOND = "http://127.0.0.1:8000", "http://127.0.0.1:8001"


async def test_a_second_run_at_another_address_leaves_the_first_one_s_partners_alone(
    database: Database, tmp_path: Path
) -> None:
    folder = home(tmp_path, FIRST)
    first = await register(database, folder, FIRST, system_clock)
    kept = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert len(kept) == 2 * len(PARTIES), "a key and a profile each"

    second = await register(database, home(tmp_path, SECOND), SECOND, system_clock)
    assert {path: path.read_bytes() for path in kept} == kept
    for party in PARTIES:
        assert load_profile(party.profile(folder)).hub == FIRST
        assert second[party.name].hub == SECOND
        assert second[party.name].client_id != first[party.name].client_id

    again = await register(database, folder, FIRST, system_clock)
    assert again == first
