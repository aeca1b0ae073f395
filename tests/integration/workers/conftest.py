from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.embedded.valkey import EmbeddedValkey
from tests.conftest import PREFIX
from tests.redis_server import redis_program, redis_server, redis_url

__all__ = ["redis_program", "redis_server", "redis_url"]


@pytest.fixture
def valkey() -> Iterator[EmbeddedValkey]:
    """A Valkey of this test's own, not yet started."""
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
        made = EmbeddedValkey(Path(folder) / "valkey")
        yield made
        made.stop()
