"""Which sources can be asked live: those that the operator deployed, as their files are now."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.federation import deployed
from hub.federation.deployed import LiveSources

ECNU = """
adapter = "ecnu"
base_url = "https://api.example.edu.cn/"
owners = ["moe:10269"]
[token]
value = "x"
"""


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / f"{name}.toml"
    path.write_text(text, "utf-8")
    path.chmod(0o600)
    return path


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are looked at with every question."""
    monkeypatch.setattr(deployed, "SOURCES_KEPT_S", 0.0)


async def test_a_source_comes_goes_and_stays_the_same_while_its_file_does(tmp_path: Path) -> None:
    sources = LiveSources(tmp_path)
    assert await sources.now() == {}
    path = put(tmp_path, "campus", ECNU)
    first = (await sources.now())["campus"]
    assert (await sources.now())["campus"] is first
    put(tmp_path, "campus", ECNU.replace("edu.cn", "edu.example"))
    second = (await sources.now())["campus"]
    assert (first.connection.place, second.connection.place) == (
        "https://api.example.edu.cn/",
        "https://api.example.edu.example/",
    )
    path.unlink()
    assert await sources.now() == {}


async def test_what_cannot_be_asked_or_read_is_left_out_and_stops_no_other(tmp_path: Path) -> None:
    put(tmp_path, "campus", ECNU)
    put(tmp_path, "broken", "adapter = ")
    put(tmp_path, "open", ECNU).chmod(0o644)
    put(tmp_path, "platform", ECNU.replace('"ecnu"', '"asset_cloud"'))
    assert list(await LiveSources(tmp_path).now()) == ["campus"]


async def test_a_source_that_the_program_adds_comes_before_a_file(tmp_path: Path) -> None:
    put(tmp_path, "campus", ECNU)
    (own,) = (await LiveSources(tmp_path).now()).values()
    other = LiveSources(tmp_path, lambda: {"campus": own, "second": own})
    found = await other.now()
    assert found == {"campus": own, "second": own}
    assert await LiveSources(tmp_path / "nowhere").now() == {}
    assert await LiveSources(None).now() == {}
