"""What partners read is served by the hub itself, and every link on it leads somewhere."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

import httpx
import pytest
from setuptools import find_namespace_packages

from hub.app import build
from hub.clock import system_clock
from hub.guide.library import HOME, html_of, pages, samples
from tests.integration.app.conftest import BASE, World

CONTACT = "mailto:security@hub.example"
HREF = re.compile(r'href="([^"]+)"')


@pytest.fixture
async def stranger(world: World) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(world.hub.asgi)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        yield client


async def test_every_link_of_the_pages_that_the_hub_serves_leads_somewhere(
    stranger: httpx.AsyncClient,
) -> None:
    seen: dict[str, str] = {}
    waiting = ["/"]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        answer = await stranger.get(path)
        if path == "/.well-known/security.txt":  # this hub has no contact, and says so
            assert "HUB_CONTACT" in answer.json()["hint"]
            continue
        assert answer.status_code == 200, path
        is_page = answer.headers["content-type"].startswith("text/html")
        seen[path] = answer.text if is_page and path != "/explore" else ""
        links = [unescape(link) for link in HREF.findall(seen[path])]
        waiting += [link.partition("#")[0] for link in links if link.startswith("/")]
        assert [link for link in links if link.startswith("..")] == []
        assert [link for link in links if link.endswith(".py") and link[1:6] != "guide"] == []
    assert {f"/guide/{name}" for name in pages()} <= set(seen)
    for text in seen.values():
        for link in HREF.findall(text):
            path, _, fragment = link.partition("#")
            if fragment and path.startswith("/guide"):
                assert f'id="{fragment}"' in seen[path], link


@pytest.mark.parametrize("name", list(pages()))
async def test_a_page_of_the_guide_is_plain_html_and_its_source_is_at_hand(
    stranger: httpx.AsyncClient, name: str
) -> None:
    answer = await stranger.get(f"/guide/{name}")
    assert f"<title>{pages()[name].title}" in unescape(answer.text)
    assert "<script" not in answer.text
    assert "'unsafe" not in answer.headers["content-security-policy"]
    source = await stranger.get(f"/guide/{name}.md")
    assert source.text == pages()[name].file.read_text("utf-8")
    assert source.headers["content-type"] == "text/markdown; charset=utf-8"


async def test_a_sample_program_is_served_as_it_is(stranger: httpx.AsyncClient) -> None:
    assert {Path(name).suffix for name in samples()} == {".sh", ".py", ".mjs", ".java"}
    page = (await stranger.get("/guide/partners/samples")).text
    for name, file in samples().items():
        assert f'href="/guide/{name}"' in page
        answer = await stranger.get(f"/guide/{name}")
        assert answer.content == file.read_bytes()
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"


async def test_the_front_page_leads_to_the_three_quick_starts(stranger: httpx.AsyncClient) -> None:
    page = (await stranger.get("/")).text
    for who in ("platform", "university", "voucher"):
        assert f'href="/guide/partners/start-{who}"' in page


@pytest.mark.parametrize(
    "name",
    ["nothing", "../app", "..%2F..%2Fpyproject", "%00", "operators/keys", "partners/samples/x.py"],
)
async def test_nothing_but_the_pages_is_served(stranger: httpx.AsyncClient, name: str) -> None:
    answer = await stranger.get(f"/guide/{name}")
    assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")


def test_an_installed_hub_has_the_pages_with_it() -> None:
    packages = find_namespace_packages(include=["hub*"])
    homes = {page.file.parent.relative_to(HOME).as_posix() for page in pages().values()}
    assert {f"hub.guide.{home.replace('/', '.')}" for home in homes - {"."}} <= set(packages)


def test_tables_links_and_headings_of_a_page_are_markup_and_html_in_it_is_text() -> None:
    page = html_of("standard/wire")
    assert '<h3 id="post-batches"><code>POST /batches</code></h3>' in page
    assert 'href="/guide/standard/hub-sig-1"' in page
    assert 'href="/guide/errors"' in page
    assert "<table>" in html_of("errors")
    assert "&lt;level&gt;" in page


async def test_security_txt_names_the_operator_s_contact_and_a_date_to_come(world: World) -> None:
    settings = replace(world.hub.settings, contact=CONTACT)
    hub = await build(settings, world.hub.database, system_clock)
    transport = httpx.ASGITransport(hub.asgi)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        answer = await client.get("/.well-known/security.txt")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        fields = dict(line.split(": ", 1) for line in answer.text.splitlines())
        policy = await client.get(fields["Policy"])
    await hub.state.aclose()
    assert fields["Contact"] == CONTACT
    assert fields["Preferred-Languages"] == "zh, en"
    assert fields["Canonical"] == f"{BASE}/.well-known/security.txt"
    expires = datetime.fromisoformat(fields["Expires"])
    assert timedelta(days=30) < expires - datetime.now(UTC) < timedelta(days=365)
    assert "What the hub promises" in policy.text


async def test_the_metadata_lead_to_the_guide_and_to_the_policy_on_data(
    stranger: httpx.AsyncClient,
) -> None:
    server = (await stranger.get("/.well-known/oauth-authorization-server")).json()
    resource = (await stranger.get("/.well-known/oauth-protected-resource")).json()
    assert server["service_documentation"] == resource["resource_documentation"]
    for address in (server["service_documentation"], resource["resource_policy_uri"]):
        assert address.startswith(f"{BASE}/")
        assert (await stranger.get(address)).status_code == 200
