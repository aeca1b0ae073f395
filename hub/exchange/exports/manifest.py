"""`manifest`: what an export says of itself, as JSON-ready data; pure."""

from __future__ import annotations

from typing import Any

from hub.exchange.exports.formats import ExportFormat
from hub.exchange.exports.service import ExportState
from hub.store.exports import ExportPart, KeptExport
from schema.dates import format_instant

PATH = "/exports"


def manifest_of(state: ExportState, base: str) -> dict[str, Any]:
    """Return everything about an export; `base` is the hub's own address."""
    kept = state.kept
    return {
        **summary_of(kept, base),
        "document": kept.document,
        "variables": dict(kept.variables),
        "scopes": sorted(kept.scopes),
        "standard": kept.facts.get("standard"),
        "fields": kept.facts.get("fields", []),
        "withheld": kept.facts.get("withheld", []),
        "sources": kept.facts.get("sources", []),
        "snapshot": kept.facts.get("snapshot"),
        "checkpoint": kept.facts.get("checkpoint"),
        "parts": [part_to_wire(kept, part, base) for part in state.parts],
    }


def summary_of(kept: KeptExport, base: str) -> dict[str, Any]:
    """Return how an export stands."""
    return {
        "id": kept.export_id,
        "status": kept.status,
        "errorCode": kept.error_code,
        "format": kept.format,
        "record": kept.facts.get("record"),
        "rows": kept.rows,
        "bytes": kept.size,
        "hidden": kept.hidden,
        "createdAt": format_instant(kept.created_at),
        "endedAt": None if kept.ended_at is None else format_instant(kept.ended_at),
        "expiresAt": format_instant(kept.expires_at),
        "url": address_of(kept, base),
    }


def part_to_wire(kept: KeptExport, part: ExportPart, base: str) -> dict[str, Any]:
    """Return what a part is and where."""
    return {
        "number": part.number,
        "rows": part.rows,
        "bytes": part.size,
        "sha256": part.sha256.hex(),
        "name": name_of(kept, part.number),
        "url": f"{address_of(kept, base)}/parts/{part.number}",
    }


def address_of(kept: KeptExport, base: str) -> str:
    """Return where the manifest of an export is."""
    return f"{base}{PATH}/{kept.export_id}"


def name_of(kept: KeptExport, number: int) -> str:
    """Return the name of a part as a file; the record's name and numbers, nothing from outside."""
    record = kept.facts.get("record") or "export"
    return f"{record}-{number:04d}.{ExportFormat[kept.format].value.suffix}"
