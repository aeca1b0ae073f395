"""`files`: tables of a producer's own as files to the hub, under its own key."""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from typing import Any

import httpx

from hub.client.hub_client import HubClient
from hub.client.wire import refused

FILE_TYPE = "application/octet-stream"


@dataclass(frozen=True, kw_only=True, slots=True)
class SentFile:
    """A file to send.

    `mapping`: the name of one that the source keeps at the hub; None: it is the monthly workbook.
    `key`: the same again with the same content gets the same answer.
    """

    name: str
    data: bytes
    source: str
    key: str
    mapping: str | None = None
    dry_run: bool = False
    marked: bool = False
    units_are_right: bool = False


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """What became of a file: the report as the hub says it, and its marked workbook, if any."""

    report: dict[str, Any]
    marked: bytes | None

    @property
    def quarantined(self) -> int:
        """Rows that come back: refused ones, and those whose home has not answered."""
        tables = self.report["tables"]
        return sum(table["quarantined"] + table.get("unsettled", 0) for table in tables)


async def send_file(hub: HubClient, file: SentFile) -> FileAnswer:
    """Send a file as one signed request; CallRefusedError when nothing of it was taken."""
    parameters = {
        "source": file.source,
        "name": file.name,
        **({"mapping": file.mapping} if file.mapping else {}),
        **({"dryRun": "true"} if file.dry_run else {}),
        **({"marked": "true"} if file.marked else {}),
        **({"unitsAreRight": "true"} if file.units_are_right else {}),
    }
    headers = {"content-type": FILE_TYPE, "idempotency-key": file.key}
    target = f"/files?{httpx.QueryParams(parameters)}"
    answer = await hub.relay("POST", target, headers, file.data)
    if answer.is_error:
        raise refused(answer)
    report = answer.json()
    marked = report.pop("marked", None)
    return FileAnswer(report, None if marked is None else b64decode(marked["base64"]))


async def keep_mapping(hub: HubClient, source: str, name: str, text: str) -> int:
    """Keep a mapping at the hub and return its version; CallRefusedError when it is wrong."""
    target = f"/mappings?{httpx.QueryParams({'source': source, 'name': name})}"
    headers = {"content-type": "application/toml"}
    answer = await hub.relay("POST", target, headers, text.encode())
    if answer.is_error:
        raise refused(answer)
    return int(answer.json()["version"])


async def fetch_mapping(hub: HubClient, source: str, name: str) -> str:
    """Return the text of a mapping that the hub keeps; CallRefusedError when it keeps none."""
    target = f"/mappings?{httpx.QueryParams({'source': source, 'name': name})}"
    answer = await hub.relay("GET", target, {"accept": "application/toml"}, b"")
    if answer.is_error:
        raise refused(answer)
    return answer.text
