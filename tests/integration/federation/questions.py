"""What is asked in these tests, and how answers are read."""

from __future__ import annotations

from typing import Any

from tests.integration.federation.campus import UNIVERSITY

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
