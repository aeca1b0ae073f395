"""Mapping: one module per source, pure functions from a source's rows to records of the standard.

How to add a source, say `jiangsu`:

1. Write `adapters/jiangsu.py`. Its docstring says what a maintainer will forget: units, codes,
   what is inverted, what is personal. Map rows with a `Row`: take every field, `drop` what is
   personal, `ignore` what is out of scope; unknown codes report themselves.
   End it with `ADAPTER = Adapter(metadata=METADATA, collections=…)`, the lists in reading order:
   one that others refer to comes first.
2. Write `adapters/jiangsu.toml` for people who do not read Python: who publishes it, how often
   each record type is read, how fresh it is then, how many rows are right, which word is which
   code (`adapters._metadata_text` has the form). What stands there stands nowhere else.
3. Record `tests/fixtures/jiangsu/source.json` (a session of
   `connectors.http.replay.RecordingTransport`, people in it replaced) and write `records.json`,
   what must come out, by hand.
4. Write `docs/standard/mappings/jiangsu.md`, what becomes of each field, and its row in the index.

Nothing else is edited: `discover()` finds the module and holds it against its metadata, the
contract suite tests it. Addresses and credentials are facts of a deployment and never stand here.

A table that somebody keeps needs no module: `adapters.mapping` reads it as its keeper describes it.
"""

from importlib import import_module
from pkgutil import iter_modules

from adapters._adapter import Adapter

__all__ = ["Adapter", "discover"]


def discover() -> dict[str, Adapter]:
    """Return every adapter in this package by its source id.

    Raises `MetadataError` where the metadata of one is wrong; file and place are named.
    """
    modules = (m for m in iter_modules(__path__) if not m.ispkg)
    names = sorted(m.name for m in modules if not m.name.startswith("_"))
    adapters: list[Adapter] = [import_module(f"{__name__}.{name}").ADAPTER for name in names]
    for adapter in adapters:
        adapter.check()
    return {adapter.id: adapter for adapter in adapters}
