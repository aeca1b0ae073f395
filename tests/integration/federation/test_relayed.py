"""A question that another hub sent: where it ends, and how long it may take."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from hub.access.clients import ClientKind
from hub.access.relay import Relay
from hub.graphql.service import Asking, GraphRequest
from hub.state.errors import StateUnavailableError
from tests.integration.federation.conftest import PARTY, READER, World
from tests.integration.federation.questions import E1, E2, ONE, stands

pytestmark = pytest.mark.integration
PEER = replace(READER, kind=ClientKind.PEER)
OWN = PARTY.removeprefix("hub:")
RELAY = Relay(via=("hub.sh.example/records",), request_id="0123456789abcdef", left_s=5.0)
SKIPPED = ("SKIPPED", "STORE", "SOURCE_STALE")


async def relayed(world: World, key: str = E1, **changes: Any) -> tuple[str, str, str | None]:
    """What the manifest says of the university, to a hub that passes a question on."""
    world.time.pass_by(seconds=10)
    request = GraphRequest(query=ONE, variables={"key": key, "s": "PT5S", "d": "PT5S"})
    asking = Asking(caller=PEER, language="en", relay=replace(RELAY, **changes))
    answer = await world.engine.answer(request, asking)
    return stands(json.loads(answer.body))


async def test_a_question_that_was_here_before_or_passed_too_many_is_answered_from_the_store(
    world: World,
) -> None:
    assert await relayed(world, via=(OWN,)) == SKIPPED
    assert await relayed(world, via=("a", OWN, "b")) == SKIPPED
    assert await relayed(world, via=("a", "b", "c")) == SKIPPED
    assert world.campus.asked == []
    assert await relayed(world, via=("a", "b")) == ("OK", "LIVE", None)


async def test_under_one_number_a_source_is_asked_once_about_each_instrument(world: World) -> None:
    assert await relayed(world) == ("OK", "LIVE", None)
    assert await relayed(world) == SKIPPED
    assert (await relayed(world, E2))[0] == "OK"
    assert (await relayed(world, request_id="another-number"))[0] == "OK"
    assert len(world.campus.asked) == 3


async def test_the_time_that_the_hub_before_has_left_is_all_there_is(world: World) -> None:
    world.fault(slow=60)
    assert await relayed(world, left_s=0.1) == ("TIMEOUT", "STORE", "SOURCE_TIMEOUT")
    world.fault()


async def test_where_nobody_knows_what_was_asked_nothing_is_asked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> bool:
        raise StateUnavailableError("away")

    monkeypatch.setattr(world.state, "reserve", away)
    assert await relayed(world) == SKIPPED
    assert world.campus.asked == []
