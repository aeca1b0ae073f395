"""The front page and the kit over HTTP: figures, languages, policy of every page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.app import build
from hub.clock import system_clock
from hub.edge import routed
from hub.errors import DatabaseUnavailableError
from hub.front.endpoint import front_routes
from hub.front.figures import SHARES, KeptAnswer
from hub.settings import Settings
from hub.store.database import Database
from tests.integration.app.conftest import BASE

pytestmark = pytest.mark.integration
PAGES = ("/", "/explore", "/submit", "/verify", "/customs", "/vouchers", "/guide")
PAGES += ("/guide/errors",)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, sandbox=True)


async def get(
    settings: Settings, database: Database, *paths: str, **headers: str
) -> list[httpx.Response]:
    hub = await build(settings, database, system_clock)
    transport = httpx.ASGITransport(hub.asgi)
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        return [await client.get(path, headers=headers) for path in paths]


async def test_figures_are_what_a_stranger_may_know(database: Database, settings: Settings) -> None:
    opened = replace(settings, anonymous=True)
    first, again = await get(opened, database, "/figures.json", "/figures.json")
    figures = first.json()
    assert figures["open"] is True
    assert (figures["institutions"], figures["instruments"]) == (0, 0)
    assert [each["code"] for each in figures["provinces"]] == [
        "SHANGHAI", "JIANGSU", "ZHEJIANG", "ANHUI",
    ]  # fmt: skip
    assert figures["log"] == {"entries": 0, "signedAt": None}
    assert again.json()["countedAt"] == figures["countedAt"], "counted once in a while"
    assert "max-age" in first.headers["cache-control"]


async def test_where_strangers_may_not_ask_there_are_no_figures_but_the_log_s(
    database: Database, settings: Settings
) -> None:
    (answer,) = await get(replace(settings, anonymous=False), database, "/figures.json")
    assert set(answer.json()) == {"at", "open", "log"}
    assert answer.json()["open"] is False


async def test_without_its_database_the_front_page_still_comes_and_figures_say_why() -> None:
    async def away() -> dict[str, Any]:
        raise DatabaseUnavailableError("closed for the night")

    async def look() -> dict[str, str]:
        return {"database": "DATABASE_UNAVAILABLE", "log": "ok"}

    transport = httpx.ASGITransport(routed(front_routes(look, away)))
    async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
        page, figures = await client.get("/"), await client.get("/figures.json")
    assert page.status_code == 200
    assert "数据库: DATABASE_UNAVAILABLE, 日志: 正常" in page.text
    assert (figures.status_code, figures.json()["code"]) == (503, "DATABASE_UNAVAILABLE")


async def test_a_count_that_fails_is_not_asked_for_again_at_once() -> None:
    asked: list[str] = []

    async def away(name: str) -> dict[str, Any]:
        asked.append(name)
        raise DatabaseUnavailableError("it takes too long")

    kept = KeptAnswer(SHARES, away)
    for _ in range(3):
        with pytest.raises(DatabaseUnavailableError):
            await kept.look()
    assert asked == [SHARES]


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_loads_the_hub_s_own_files_only(
    database: Database, settings: Settings, path: str
) -> None:
    (answer,) = await get(settings, database, path)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert ("script-src" in policy) == ("<script" in answer.text)
    assert "style=" not in answer.text
    assert "<style" not in answer.text
    for part in answer.text.split("<script")[1:]:
        assert part.startswith(' type="module" src="/')
    assert 'src="http' not in answer.text


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_is_chinese_first_and_remembers_english(
    database: Database, settings: Settings, path: str
) -> None:
    plain, wrong, chosen = await get(
        settings, database, path, f"{path}?lang=%22%3E", f"{path}?lang=en"
    )
    assert '<html lang="zh">' in plain.text
    assert "set-cookie" not in plain.headers
    assert '<html lang="en">' in chosen.text
    assert chosen.headers["set-cookie"].startswith("hub-language=en;")
    (later,) = await get(settings, database, path, Cookie="hub-language=en")
    assert '<html lang="en">' in later.text
    assert '">"' not in wrong.text
    assert '<html lang="zh">' in wrong.text


async def test_nothing_but_the_kit_s_own_files_is_served(
    database: Database, settings: Settings
) -> None:
    names = ("layout.py", "words.toml", "submit.html", "..%2Fapp.py", "%00", "words.fr.json")
    answers = await get(settings, database, *(f"/pages/{name}" for name in names))
    assert {answer.status_code for answer in answers} == {404}
    (good, words) = await get(settings, database, "/pages/kit.css", "/pages/words.en.json")
    assert good.headers["content-type"].startswith("text/css")
    assert words.json()["kit.front"] == "Front page"
