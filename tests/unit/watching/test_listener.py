"""Figures are served on a private address, by each worker on a port of its own."""

from __future__ import annotations

import pytest

from hub.cli.metrics import beside_others
from hub.errors import SettingsError
from hub.settings import Settings


@pytest.mark.parametrize(
    ("text", "listens"),
    [
        ("127.0.0.1:9464", ("127.0.0.1", 9464)),
        ("10.1.2.3:80", ("10.1.2.3", 80)),
        ("[::1]:9464", ("::1", 9464)),
    ],
)
def test_a_private_address_is_taken(text: str, listens: tuple[str, int]) -> None:
    made = Settings.from_environment({"HUB_METRICS_LISTEN": text})
    assert made.metrics_listen == listens


@pytest.mark.parametrize(
    "text",
    [
        *("0.0.0.0:9464", "[::]:9464", "8.8.8.8:9464", "9464", ":9464", "127.0.0.1", "localhost:1"),
        *("127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:x", "hub.example.org:9464"),
    ],
)
def test_a_public_address_or_none_is_refused(text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_environment({"HUB_METRICS_LISTEN": text})
    assert "HUB_METRICS_LISTEN" in refused.value.problems[0]


def test_worker_n_listens_n_ports_above() -> None:
    made = Settings(metrics_listen=("127.0.0.1", 9464))
    assert beside_others(made, 3).metrics_listen == ("127.0.0.1", 9467)
    assert beside_others(Settings(), 3).metrics_listen is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("HUB_LOG_LEVEL", "loud"), ("HUB_LOG_FORMAT", "xml"), ("HUB_TRACES_URL", "x")],
)
def test_another_setting_of_log_or_spans_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment({name: value})
