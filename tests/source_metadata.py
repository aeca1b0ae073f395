"""`metadata`: what a made-up source says of itself, as short as a test needs it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from adapters._metadata import RowBounds, SourceMetadata
from adapters._metadata_text import parse_metadata

_TEXT = """
id = "{id}"
title = {{ zh = "{zh}", en = "{en}" }}
publisher = {{ zh = "示例", en = "Example" }}
authority = {{ zh = "本单位", en = "the unit itself" }}
interface = "not public"
basis = {{ zh = "测试", en = "a test" }}
protocol = "{protocol}"
purpose = "OTHER"
institutions = "one"
additions = "{additions}"
"""
_FEED = """
[feed.{name}]
mode = "{mode}"
every = "{every}"
promised = "{promised}"
lookback = "100 d"
rows = {{ min = 0, max = 1_000_000 }}
"""


def metadata(
    name: str,
    feeds: dict[str, tuple[str, str]],
    *,
    title: tuple[str, str] = ("示例来源", "Example source"),
    protocol: str = "http",
    additions: str = "warn",
    live: str | None = None,
) -> SourceMetadata:
    """Return the metadata of a source; `feeds`: how often read and how fresh, by record type.

    `live`: the record type that it is asked for while a caller waits.
    """
    text = _TEXT.format(
        id=name, zh=title[0], en=title[1], protocol=protocol, additions=additions
    ) + "".join(
        _FEED.format(
            name=each,
            mode="LIVE" if each == live else "HARVEST",
            every=every,
            promised=promised,
        )
        for each, (every, promised) in feeds.items()
    )
    return parse_metadata(text)


def promising(known: SourceMetadata, promise: timedelta) -> SourceMetadata:
    """Return metadata whose every feed promises this."""
    feeds = {name: replace(each, promised_freshness=promise) for name, each in known.feeds.items()}
    return replace(known, feeds=feeds)


def bounded(known: SourceMetadata, record_type: str, least: int, most: int) -> SourceMetadata:
    """Return metadata with other bounds of one record type."""
    return known.with_bounds({record_type: RowBounds(least, most)})
