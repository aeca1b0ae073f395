from __future__ import annotations

from pathlib import Path

import pytest

from hub.errors import SettingsError
from hub.settings import Settings

PAGE = Path(__file__).parents[3] / "docs" / "operators" / "settings.md"


def test_without_any_variable_the_hub_is_local_and_closed() -> None:
    made = Settings.from_environment({"PATH": "/bin"})
    assert made.base == "http://127.0.0.1:8000"
    assert not made.sandbox
    assert not made.anonymous


def test_every_problem_is_listed_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment(
            {
                "HUB_PORT": "x",
                "HUB_DATABASE_URL": "mysql://there",
                "HUB_TYPO": "1",
                "HUB_SANDBOX": "maybe",
                "HUB_PUBLIC_BASE": "https://hub.example/path",
                "HUB_WORKERS": "65",
            }
        )
    told = " ".join(refused.value.problems)
    for name in ("PORT", "DATABASE_URL", "TYPO", "SANDBOX", "PUBLIC_BASE", "WORKERS"):
        assert f"HUB_{name}" in told


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("10", 10), ("86400", 86_400)])
def test_harvests_are_off_or_between_ten_seconds_and_a_day_apart(text: str, seconds: int) -> None:
    made = Settings.from_environment({"HUB_HARVEST_INTERVAL_S": text})
    assert made.harvest_interval_s == seconds


@pytest.mark.parametrize("text", ["9", "86401", "-1", "1.5", "15min", "1e3", "²"])
def test_another_interval_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({"HUB_HARVEST_INTERVAL_S": text})
    assert refused.value.problems == [
        "HUB_HARVEST_INTERVAL_S is 0 (off) or seconds from 10 to 86400"
    ]


def test_every_setting_is_documented_as_it_is() -> None:
    page = PAGE.read_text("utf-8")
    rows = [
        f"| `{name}` | {f'`{default}`' if default else ''} | {meaning} |"
        for name, default, meaning in Settings.documentation()
    ]
    assert [row for row in rows if row not in page] == []
    assert page.count("| `HUB_") == len(rows)


@pytest.mark.parametrize(
    "text",
    ["mailto:security@hub.example", "https://hub.example/report?to=us", "tel:+86-571-8888-0000"],
)
def test_a_contact_is_an_address_that_can_be_followed(text: str) -> None:
    assert Settings.from_environment({"HUB_CONTACT": text}).contact == text


@pytest.mark.parametrize(
    "text",
    [
        "security@hub.example",
        "http://hub.example",
        "mailto:x@y",
        "mailto:a@b.example\nPolicy: https://evil.example",
        "https://hub.example/a b",
        "javascript:alert(1)",
        "mailto:安全@hub.example",
    ],
)
def test_another_contact_is_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({"HUB_CONTACT": text})
    assert "HUB_CONTACT is mailto:" in refused.value.problems[0]


def test_a_socket_needs_the_address_of_the_proxy() -> None:
    with pytest.raises(SettingsError, match="HUB_SOCKET needs HUB_PUBLIC_BASE"):
        Settings.from_environment({"HUB_SOCKET": "/run/hub.sock"})
    base = "https://hub.example"
    made = Settings.from_environment({"HUB_SOCKET": "/run/hub.sock", "HUB_PUBLIC_BASE": base})
    assert (made.base, made.socket) == (base, Path("/run/hub.sock"))
