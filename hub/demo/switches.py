"""`switches`: where the running demo's systems can be made to fail, for `deltahub sandbox`.

The demo writes the addresses into its folder and takes them away at its end; a file that outlived
a demo names addresses at which nobody answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from schema.strict_toml import read_toml

__all__ = ["read_switches", "switches_file"]

FILE = "switches.toml"
CHARACTERS_MAX = 16_384


@contextmanager
def switches_file(folder: Path, switches: Mapping[str, str]) -> Iterator[None]:
    """Keep the addresses of the switches, by source, as long as the block runs."""
    lines = (f"{json.dumps(name)} = {json.dumps(url)}\n" for name, url in switches.items())
    path = folder / FILE
    path.write_text("".join(lines), "utf-8")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def read_switches(folder: Path) -> dict[str, str]:
    """Return the addresses by source; empty while no demo runs."""
    try:
        text = (folder / FILE).read_text("utf-8")
    except FileNotFoundError:
        return {}
    return {name: str(url) for name, url in read_toml(text, characters_max=CHARACTERS_MAX).items()}
