from datetime import date

import httpx
import pytest

from hub.sandbox.anhui import platform
from hub.sandbox.ecnu import university

SCALE = 0.05


def today():
    return date(2026, 11, 24)


@pytest.fixture
async def school():
    system = university(today, SCALE)
    transport = httpx.ASGITransport(app=system.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
        yield system, client


@pytest.fixture
async def province():
    system = platform(today, SCALE)
    transport = httpx.ASGITransport(app=system.app)
    headers = {"X-Api-Key": system.api_key}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://sandbox", headers=headers
    ) as client:
        yield system, client


async def token(system, client, **changed):
    form = {"grant_type": "client_credentials", **changed}
    auth = (system.client_id, system.client_secret)
    return await client.post("/oauth2/token", data=form, auth=auth)


async def test_a_token_opens_the_lists_of_the_university(school):
    system, client = school
    refused = await client.get("/api/v1/device/dxyq")
    assert refused.status_code == 401
    given = (await token(system, client)).json()
    assert (given["token_type"], given["expires_in"]) == ("Bearer", 600)
    headers = {"Authorization": f"Bearer {given['access_token']}"}
    page = await client.get(
        "/api/v1/device/dxyq", params={"pageNum": "2", "pageSize": "10"}, headers=headers
    )
    data = page.json()["data"]
    assert (data["totalNum"], len(data["rows"])) == (23, 10)
    assert {"mc", "bh", "hgjg", "sfbz", "lxr"} <= set(data["rows"][0])
    unknown = await client.get("/api/v1/device/other", headers=headers)
    assert unknown.status_code == 404
    bad = await client.get("/api/v1/device/dxyq", params={"pageNum": "x"}, headers=headers)
    assert bad.status_code == 400


async def test_a_wrong_secret_or_grant_gets_no_token(school):
    system, client = school
    wrong = await client.post(
        "/oauth2/token",
        data={"grant_type": "client_credentials", "client_id": "hub", "client_secret": "guess"},
    )
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
    other = await token(system, client, grant_type="password")
    assert other.json()["error"] == "unsupported_grant_type"


async def test_the_platform_wants_its_key_and_pages_by_offset(province):
    _, client = province
    refused = await client.get("/openapi/v1/units", headers={"X-Api-Key": "guess"})
    assert refused.status_code == 401
    first = (await client.get("/openapi/v1/equipment", params={"limit": "3"})).json()["result"]
    second = (
        await client.get("/openapi/v1/equipment", params={"limit": "3", "offset": "3"})
    ).json()["result"]
    assert first["total"] == second["total"] == 228
    numbers = [(row["insCode"], row["innerId"]) for row in first["list"] + second["list"]]
    assert len(set(numbers)) == 6


async def test_switches_break_the_system_and_put_it_right_again(province):
    _, client = province
    path = "/openapi/v1/units"
    sound = (await client.get(path)).json()["result"]
    for fault, status in (("dead", 503), ("denied", 401), ("html", 200)):
        assert (await client.post("/_faults", json={fault: True})).json()[fault] is True
        answer = await client.get(path)
        assert answer.status_code == status
    assert "text/html" in answer.headers["content-type"]
    await client.post("/_faults", json={"shrunk": True})
    assert (await client.get(path)).json()["result"]["total"] == sound["total"] // 2
    await client.post("/_faults", json={"empty": True})
    assert (await client.get(path)).json()["result"] == {"total": 0, "list": []}
    await client.post("/_faults", json={"lying": True})
    lying = (await client.get(path)).json()["result"]
    assert lying["total"] == sound["total"] + 1
    assert lying["list"][0]["adcode"] == "349999"
    await client.post("/_faults", json={})
    assert (await client.get(path)).json()["result"] == sound
    unknown = await client.post("/_faults", json={"tired": True})
    assert unknown.status_code == 400


async def test_a_stale_system_shows_what_it_showed_a_fortnight_ago(province):
    _, client = province
    path = "/openapi/v1/occupancy"
    query = {"limit": "1000", "from": "2026-12-10 00:00:00", "to": "2026-12-31 00:00:00"}
    ahead = (await client.get(path, params=query)).json()["result"]["total"]
    await client.post("/_faults", json={"stale": True})
    stale = (await client.get(path, params=query)).json()["result"]["total"]
    assert ahead > 0
    assert stale == 0
