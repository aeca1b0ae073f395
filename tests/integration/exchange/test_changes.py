"""What a follower is told, and what it is not."""

from __future__ import annotations

import pytest

from tests.integration.exchange.conftest import A, U, V, Hub, Mirror, caller, instrument, usage

pytestmark = pytest.mark.integration


async def test_a_new_record_says_look_again_with_its_place_and_no_content(hub: Hub) -> None:
    await hub.put(instrument(A, "T1"), source="a1")
    ((change,), last) = await hub.all(caller(U))
    assert change["kind"] == "CHANGED"
    assert change["recordType"] == "Instrument"
    assert change["key"] == f"{A}/T1"
    assert change["owner"] == A
    assert (change["source"], change["revision"], change["withdrawn"]) == ("a1", 1, False)
    found = await hub.ask(caller(U), "query($id: ID!) { node(id: $id) { id } }", id=change["id"])
    assert found["data"]["node"] == {"id": change["id"]}
    assert await hub.all(caller(U), after=last["endCursor"]) == ([], {**last, "nodes": []})
