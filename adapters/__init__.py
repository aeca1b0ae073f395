"""Mapping: one module per source, pure functions from a source's rows to records of the standard.

How to add a source, say `jiangsu`:

1. Write `adapters/jiangsu.py`. Its docstring says what a maintainer will forget: units, codes,
   what is inverted, what is personal. Map rows with a `Row`: take every field, `drop` what is
   personal, `ignore` what is out of scope; unknown codes report themselves.
2. End it with `ADAPTER = Adapter(...)`: who publishes it, its collections in reading order (a list
   that others refer to comes first), how fresh it promises to be.
3. Record `tests/fixtures/jiangsu/source.json` (a session of
   `connectors.http.replay.RecordingTransport`, people in it replaced) and write `records.json`,
   what must come out, by hand.
4. Write `docs/standard/mappings/jiangsu.md`, what becomes of each field, and its row in the index.

Nothing else is edited: `discover()` finds the module, the contract suite tests it. Addresses,
credentials and schedules are facts of a deployment and never stand here.

A table that somebody keeps needs no module: `adapters.mapping` reads it as its keeper describes it.
"""

from importlib import import_module
from pkgutil import iter_modules

from adapters._adapter import Adapter

__all__ = ["Adapter", "discover"]


def discover() -> dict[str, Adapter]:
    """Return every adapter in this package by its source id."""
    modules = (m for m in iter_modules(__path__) if not m.ispkg)
    names = sorted(m.name for m in modules if not m.name.startswith("_"))
    adapters = [import_module(f"{__name__}.{name}").ADAPTER for name in names]
    return {adapter.id: adapter for adapter in adapters}
