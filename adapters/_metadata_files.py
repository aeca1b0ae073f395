"""`metadata_of`: the metadata that stands beside an adapter, as `<name>.toml` in this folder."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from adapters._metadata import MetadataError, SharedLookUps, SourceMetadata
from adapters._metadata_text import parse_metadata, parse_shared

__all__ = ["metadata_of", "shared_look_ups"]

FOLDER = Path(__file__).parent


@cache
def metadata_of(name: str) -> SourceMetadata:
    """Return the metadata of a source; `MetadataError` names file and place of what is wrong."""
    made = parse_metadata(_text(name), shared_look_ups, file=_path(name).name)
    _require_name(name, made.id)
    return made


@cache
def shared_look_ups(name: str) -> SharedLookUps:
    """Return look-ups that several sources have; `LookupError` where there is no such file."""
    if not (name.startswith("_") and name[1:].isidentifier() and _path(name).is_file()):
        raise LookupError(name)
    made = parse_shared(_text(name), file=_path(name).name)
    _require_name(name, made.id)
    return made


def _path(name: str) -> Path:
    return FOLDER / f"{name}.toml"


def _text(name: str) -> str:
    try:
        return _path(name).read_text("utf-8")
    except FileNotFoundError:
        raise MetadataError([f"{name}.toml: 没有这个文件 · is not there"]) from None


def _require_name(name: str, stated: str) -> None:
    if stated != name:
        raise MetadataError([f"{name}.toml: id: 应为文件名 · must be the name of the file"])
