"""Rows that a hub hands on while this process plays its door, which waits a short time only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from adapters._nrii_service import NAMESPACE
from connectors.soap_envelope import SOAP_11
from hub.access.clients import ClientKind
from hub.access.resource import Caller
from hub.client.hub_client import HubClient
from hub.clock import system_clock
from hub.forwarding.service import Forwarding
from hub.harvest.source import HarvestSource
from hub.intake.batch import Assurance, Batch, Channel, Evidence, Idempotency, RequestSignature
from hub.intake.service import submit
from tests.databases import opened
from tests.integration.app.nrii_rows import EQUIPMENT
from tests.integration.federation.two_hubs import ORIGINS, Province, registered

PUSHING = ("records:push", "catalogue:read")
PUSHER = "late-platform"
PARTY = "moe:10358"
PATIENCE_S = 3.0
"""Of the hub that hands on: a token is exchanged in it too."""


def signed_push(source: str, *rows: dict[str, Any]) -> Batch:
    """A signed push at Shanghai, as its door makes it."""
    caller = Caller(PUSHER, PARTY, ClientKind.UNIVERSITY, frozenset(PUSHING))
    request = RequestSignature("base", b"signature", "k" * 43)
    return Batch(
        source=source,
        party=PARTY,
        client_id=PUSHER,
        channel=Channel.PUSH,
        rows=rows,
        evidence=Evidence(assurance=Assurance.REQUEST_SIGNED, request=request),
        as_of=system_clock(),
        idempotency=Idempotency(key="late-1", body_hash=b"1"),
        caller=caller,
    )


async def handed_on(shanghai: Province, pushed: Batch) -> list[tuple[str, list[str]]]:
    """Push at Shanghai, which waits for `PATIENCE_S`; return outcome and codes of each row."""

    async def sources() -> Mapping[str, HarvestSource]:
        return {"zhejiang": shanghai.source("zhejiang")}

    async def note(*_: Any) -> None:
        """What is audited, other tests look at."""

    async with opened(shanghai.url) as database:
        take = partial(submit, database, clock=system_clock)
        own = ORIGINS["shanghai"]
        forwarding = Forwarding(database, take, sources, note, own, forward_s=PATIENCE_S)
        outcomes = await forwarding.take(pushed)
    return [(each.outcome, [one.code for one in each.problems]) for each in outcomes.rows]


async def pushes(province: Province, client: str, source: str) -> None:
    """Have a client push as a source, which has said nothing yet."""
    await province.knows(source)
    scopes = ("records:push", "receipt:read", "catalogue:read")
    await registered(province, client, ClientKind.UNIVERSITY, scopes, source=source)


async def sent_as_nrii(hub: HubClient, code: str, number: str, **more: Any) -> tuple[str, str]:
    """Send one instrument as the proxy of a sender to the national platform does."""
    row = {**EQUIPMENT, "insCode": code, "innerId": number, **more}
    said = {"insCode": code, "instruType": "4", "instruList": json.dumps(row)}
    arguments = "".join(f"<{name}>{escape(text)}</{name}>" for name, text in said.items())
    body = (
        f'<s:Envelope xmlns:s="{SOAP_11}" xmlns:n="{NAMESPACE}"><s:Body>'
        f"<n:instruInfo>{arguments}</n:instruInfo></s:Body></s:Envelope>"
    ).encode()
    headers = {"content-type": "text/xml; charset=utf-8"}
    answer = await hub.relay("POST", "/nrii/instruInfo?source=delta", headers, body)
    assert answer.status_code == 200, answer.text
    told = ElementTree.fromstring(answer.text)
    return told.findtext(".//return") or "", told.findtext(".//message") or ""
