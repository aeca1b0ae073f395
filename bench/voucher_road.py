"""`voucher_road`: messages about vouchers through the whole HTTP road: token, proof, signed request, signed answer.

Requests are signed beforehand and sent as they are over connections that are kept, so the load takes little
of the two cores that the hub and PostgreSQL have. Answers are read, counted and looked at, not verified.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from bench.machine import Running, children_seconds, cpu_seconds
from bench.voucher_world import PROVIDER, Claimable
from hub.access.clients import Client, ClientKey, ClientKind, ClientStatus, KeyStatus
from hub.access.content_digest import content_digest
from hub.access.envelope import Envelope
from hub.access.store import DatabaseClientStore
from hub.client import HubClient
from hub.clock import system_clock
from hub.crypto.keys import generate_key
from hub.store.database import Database
from schema.codes import VoucherEvent

CLIENTS = 16
SCOPES = ("catalogue:read", "graphql:adhoc", "voucher:claim")
ANSWER_WAIT_S = 60.0
_ANSWER = "{ state refused missing userErrors { code } }"
DOCUMENTS = {
    VoucherEvent.RESERVE: f"mutation ($input: ReserveVoucherInput!) {{ reserveVoucher(input: $input) {_ANSWER} }}",
    VoucherEvent.CONSUME: f"mutation ($input: VoucherClaimInput!) {{ consumeVoucher(input: $input) {_ANSWER} }}",
}
TAKEN = {VoucherEvent.RESERVE: b'"state":"RESERVED"', VoucherEvent.CONSUME: b'"state":"CONSUMED"'}


@dataclass(slots=True)
class Ran:
    """Messages of one kind: how many, in how long, each one's seconds, processor time of both sides."""

    seconds: float = 0.0
    each_s: list[float] = field(default_factory=list)
    hub_s: float = 0.0
    postgres_s: float = 0.0
    faults: list[str] = field(default_factory=list)

    @property
    def per_s(self) -> float:
        return len(self.each_s) / self.seconds

    def at(self, share: float) -> float:
        """Return milliseconds within which this share of the messages was answered."""
        ordered = sorted(self.each_s)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


async def senders(database: Database, base: str) -> list[HubClient]:
    """Register clients of the provider, and give each a token."""
    store, now, found = DatabaseClientStore(database), system_clock(), []
    for number in range(CLIENTS):
        key, name = generate_key(), f"bench-voucher-{number}"
        client = Client(
            client_id=name, party=PROVIDER, kind=ClientKind.PARTNER, name=name, scopes=SCOPES, sources=(),
            status=ClientStatus.ACTIVE, created_at=now, keys=(ClientKey(key.public, name, KeyStatus.ACTIVE, now),),
        )  # fmt: skip
        await store.register(client)
        found.append(HubClient(base, name, key))
    return found


async def signed(
    clients: Sequence[HubClient], items: Sequence[Claimable], event: VoucherEvent
) -> list[bytes]:
    """Return the requests of some messages, signed and ready to be sent."""
    made = []
    for at, item in enumerate(items):
        client = clients[at % len(clients)]
        body = json.dumps(
            {"query": DOCUMENTS[event], "variables": {"input": _input(item, event)}}
        ).encode()
        headers = {
            "content-type": "application/json",
            "accept": "application/graphql-response+json",
            "content-digest": content_digest(body),
            "idempotency-key": f"{event.value}-{item.number}",
        }
        target = f"{client.base}/graphql"
        sent = await client._sign(Envelope("POST", "/graphql", target, target, headers), body)
        lines = [f"{name}: {value}" for name, value in sent.headers.items()]
        host = client.base.partition("://")[2]
        head = "\r\n".join(
            ["POST /graphql HTTP/1.1", f"host: {host}", f"content-length: {len(body)}", *lines]
        )
        made.append(f"{head}\r\n\r\n".encode() + body)
    return made


def _input(item: Claimable, event: VoucherEvent) -> dict[str, object]:
    wanted = item.wanted(event)
    given: dict[str, object] = {
        "issuer": wanted.issuer, "code": wanted.code, "claimNo": wanted.claim_no, "fen": wanted.fen,
    }  # fmt: skip
    if wanted.planned is not None:
        first, last = (day.isoformat() for day in wanted.planned)
        return {
            **given,
            "provider": wanted.provider,
            "orderNo": wanted.order_no,
            "plannedFrom": first,
            "plannedUntil": last,
        }
    return {**given, "service": wanted.service}


async def drive(
    running: Running,
    postmaster: int,
    requests: Sequence[bytes],
    taken: bytes,
    *,
    at_once: int,
    per_s: float = 0.0,
) -> Ran:
    """Send requests over `at_once` connections: as they come back, or so many a second (`per_s`).

    At a rate, a message that is due while no connection is free waits, and that counts as its time.
    """
    ran, waiting = Ran(), iter(enumerate(requests))
    hub, postgres = cpu_seconds(running.pid), children_seconds(postmaster)
    began = time.perf_counter() + 0.1

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.port)
        for number, request in waiting:
            due = began + number / per_s if per_s else time.perf_counter()
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            writer.write(request)
            async with asyncio.timeout(ANSWER_WAIT_S):
                body = await _answer(reader)
            ran.each_s.append(time.perf_counter() - due)
            if taken not in body.replace(b" ", b""):
                ran.faults.append(body[:300].decode("utf-8", "replace"))
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(connection() for _ in range(at_once)))
    ran.seconds = time.perf_counter() - began
    ran.hub_s = cpu_seconds(running.pid) - hub
    ran.postgres_s = children_seconds(postmaster) - postgres
    return ran


async def _answer(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = head.partition(b"content-length:")[2].split(b"\r\n")[0]
    return await reader.readexactly(int(length))
