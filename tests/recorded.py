"""What was recorded of a source: its exchanges, with the frozen answers where they stand.

An answer that a stand-in is made from is kept with the stand-ins (`hub/sandbox/wires/<source>`) and
nowhere else; an exchange names its file as `wire`. Other answers stand in `source.json` itself.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parent / "fixtures"
WIRES = Path(__file__).parents[1] / "hub" / "sandbox" / "wires"


def recorded(source: str) -> dict[str, Any]:
    """Return `fixtures/<source>/source.json`, each frozen answer put where its file is named."""
    path = FIXTURES / source / "source.json"
    assert path.exists(), f"{path} is missing: record it first (see adapters/__init__.py)"
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    if "wire" in found:
        found["messages"] = json.loads(frozen(source, found.pop("wire")))
    for exchange in found.get("exchanges", ()):
        name = exchange.pop("wire", "")
        if name.endswith(".json"):
            exchange["json"] = json.loads(frozen(source, name))
        elif name:
            exchange["text"] = frozen(source, name).decode()
    return found


def frozen(source: str, name: str) -> bytes:
    """Return a frozen file of a source as it is."""
    return (WIRES / source / name).read_bytes()
