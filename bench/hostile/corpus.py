"""`corpus`: every hostile request, built one after another, since some are large."""

from __future__ import annotations

from collections.abc import Iterator

from bench.hostile.attack import Attack
from bench.hostile.bodies import bodies
from bench.hostile.documents import documents
from bench.hostile.requests import requests


def corpus() -> Iterator[Attack]:
    """Yield every attack, each of them small on its own side and meant to be large on the hub's."""
    yield from documents()
    yield from bodies()
    yield from requests()
