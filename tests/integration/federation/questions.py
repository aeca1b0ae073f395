"""What is asked in these tests, and how answers are read."""

from __future__ import annotations

import asyncio
from typing import Any

from hub.access.clients import ClientKind
from hub.access.relay import Relay
from hub.access.resource import Caller
from hub.clock import system_clock
from hub.federation.errands import Questioner, errand_of
from hub.federation.question import LiveQuestions
from hub.federation.targets import Target
from tests.databases import opened
from tests.integration.federation.campus import UNIVERSITY
from tests.integration.federation.two_hubs import ORIGINS, Province

DAY = 'from: "2026-12-01T00:00:00+08:00", until: "2026-12-02T00:00:00+08:00"'
ONE = f"""query ($key: String!, $s: Duration, $d: Duration! = "PT2S") {{
  instrument(by: {{key: $key}}, maxStaleness: $s, deadline: $d) {{
    key availability({DAY}) {{ status longestFreeHours asOf }}
  }}
}}"""
PAGE = f"""query ($s: Duration, $d: Duration! = "PT2S") {{
  instruments(maxStaleness: $s, deadline: $d) {{
    nodes {{ localNo availability({DAY}) {{ longestFreeHours }} }}
    sources {{ id status servedFrom asOf latencyMs rows errorCode via }}
  }}
}}"""
E1, E2, E3 = (f"{UNIVERSITY}/E{n}" for n in (1, 2, 3))


def of(answer: dict[str, Any], source: str = "campus") -> dict[str, Any]:
    """What the manifest says of a source."""
    (entry,) = [each for each in answer["extensions"]["sources"] if each["id"] == source]
    return entry


def stands(answer: dict[str, Any], source: str = "campus") -> tuple[str, str, str | None]:
    """Status, where it was served from, and the code of what went wrong."""
    entry = of(answer, source)
    return entry["status"], entry["servedFrom"], entry["errorCode"]


def free(answer: dict[str, Any]) -> str:
    """The longest free time of the day, in hours."""
    hours: str = answer["data"]["instrument"]["availability"]["longestFreeHours"]
    return hours


def code(answer: dict[str, Any]) -> str:
    """The code by which a request was refused as a whole."""
    assert "data" not in answer
    found: str = answer["errors"][0]["extensions"]["code"]
    return found


async def errand(here: Province, there: str, key: str, number: str, *before: str) -> None:
    """Ask a hub as the other one does, under a number, on a way that came through `before`."""
    source = here.source(there)
    caller = Caller("reader", "moe:10358", ClientKind.PARTNER, frozenset({"catalogue:read"}))
    relay = Relay(via=before, request_id=number, left_s=5.0)
    who = Questioner(caller=caller, request_id=number, relay=relay)
    async with opened(here.url) as database:
        later = asyncio.get_running_loop().time() + 5
        made = errand_of(source, who, ORIGINS[here.name], later, 0.0)
        questions = LiveQuestions(database, system_clock, "hub:here")
        target = Target(there, key, key, None, None)
        await questions.ask(source, target, system_clock(), made)


def waiting_codes(shanghai: Province) -> set[str]:
    """Codes of what waits at Shanghai of Zhejiang."""
    rows = shanghai.rows(
        "SELECT p->>'code' FROM quarantine q, jsonb_array_elements(q.problems) p "
        "WHERE q.source = 'zhejiang' AND q.status = 'OPEN'"
    )
    return {code for (code,) in rows}
