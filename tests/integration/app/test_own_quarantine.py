"""A producer sees what of its own waits, and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest

from hub.access.clients import ClientKind
from hub.client import CallRefusedError, HubClient
from tests.integration.app.conftest import UNIVERSITY, World
from tests.integration.app.test_push import SCOPES, row


@pytest.fixture
async def university(world: World) -> HubClient:
    return await world.register("zju", UNIVERSITY, ClientKind.UNIVERSITY, SCOPES, "zju-push")


async def test_a_university_sees_its_own_rows_page_by_page(university: HubClient) -> None:
    rows = [row(f"A{n}", status="BROKEN") for n in range(3)]
    await university.push(rows, source="zju-push")
    first = await university.quarantine(source="zju-push", first=2)
    assert [each["key"] for each in first["rows"]] == [f"{UNIVERSITY}/A{n}" for n in (0, 1)]
    (problem,) = first["rows"][0]["problems"]
    assert problem["code"] == "CODE_UNKNOWN"
    assert problem["messageZh"]
    assert first["rows"][0]["sent"] == rows[0]
    rest = await university.quarantine(source="zju-push", after=first["after"])
    assert [each["key"] for each in rest["rows"]] == [f"{UNIVERSITY}/A2"]
    assert rest["after"] is None
    await university.push([row(f"A{n}") for n in range(3)], source="zju-push")
    assert (await university.quarantine(source="zju-push"))["rows"] == []


async def refusal(client: HubClient, **asked: Any) -> str:
    with pytest.raises(CallRefusedError) as refused:
        await client.quarantine(**asked)
    return refused.value.code


async def test_nobody_sees_the_rows_of_others(university: HubClient, world: World) -> None:
    await university.push([row("A1", status="BROKEN")], source="zju-push")
    assert await refusal(university, source="anhui") == "SOURCE_FORBIDDEN"
    reader = await world.register(
        "reader", UNIVERSITY, ClientKind.PARTNER, ("catalogue:read",), "zju-push"
    )
    assert await refusal(reader, source="zju-push") == "SCOPE_MISSING"


@pytest.mark.parametrize("after", ["-1", "x", "9" * 40, "1;2"])
async def test_what_is_no_position_is_refused(university: HubClient, after: str) -> None:
    assert await refusal(university, source="zju-push", after=after) == "BAD_USER_INPUT"
