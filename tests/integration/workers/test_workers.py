"""`deltahub serve` with two workers, on real PostgreSQL, and real Redis or the hub's own Valkey."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from hub.access import dpop
from hub.access.clients import ClientKind, ClientStatus
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.access.token_keys import list_keys, rotate
from hub.client import ClientError, HubClient
from hub.clock import system_clock
from hub.crypto.keys import SigningKey, generate_key
from hub.store.database import Database
from tests.conftest import PREFIX

START_S_MAX = 60
"""A hub on an empty Redis refuses every proof for some seconds; see docs/operators/redis.md."""
POLL_S = 0.2
SENT_AGAIN = 12
QUERY = "{ sources { id } }"
CLIENT = "two-workers"


@dataclass
class Served:
    """A hub with two workers in processes of their own."""

    base: str
    process: subprocess.Popen[bytes]
    key: SigningKey

    def workers(self) -> list[int]:
        found = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, check=True
        )
        return [int(pid) for pid in found.stdout.split()]


@pytest.fixture
def data() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder:
        yield Path(folder)


@pytest.fixture(params=["redis", "own_valkey"])
async def served(
    database: Database, database_url: str, request: pytest.FixtureRequest, data: Path
) -> AsyncIterator[Served]:
    key = generate_key()
    application = read_application(application_document(CLIENT, CLIENT, key.public))
    grant = ClientGrant("moe:10335", ClientKind.PARTNER, ("catalogue:read", "graphql:adhoc"))
    await admit(DatabaseClientStore(database), application, grant, system_clock())
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "HUB_DATABASE_URL": database_url,
        "HUB_DATA_DIR": str(data),
        "HUB_PORT": str(port),
    }
    if request.param == "redis":
        environment["HUB_REDIS_URL"] = request.getfixturevalue("redis_server").url
    command = "from hub.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", command, "serve", "--workers", "2"], env=environment
    )
    made = Served(f"http://127.0.0.1:{port}", process, key)
    try:
        await until_it_answers(made)
        yield made
    finally:
        process.terminate()
        assert process.wait(START_S_MAX) == 0


async def until_it_answers(served: Served) -> None:
    async with asyncio.timeout(START_S_MAX):
        while True:
            async with HubClient(served.base, CLIENT, served.key) as client:
                try:
                    if "data" in await client.query(QUERY):
                        return
                except ClientError:
                    assert served.process.poll() is None
            await asyncio.sleep(POLL_S)


class Keeping(httpx.AsyncHTTPTransport):
    """Keeps the last request to /graphql as it was sent."""

    kept: httpx.Request | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/graphql":
            self.kept = request
        return await super().handle_async_request(request)


async def test_a_proof_that_one_worker_took_is_refused_by_all_and_a_dead_worker_is_replaced(
    served: Served, database: Database, data: Path
) -> None:
    transport = Keeping()
    async with HubClient(served.base, CLIENT, served.key, transport=transport) as client:
        await client.query(QUERY)
    assert transport.kept is not None
    codes = set()
    for _ in range(SENT_AGAIN):  # a new connection each time, so both workers are asked
        async with httpx.AsyncClient() as http:
            codes.add((await http.send(transport.kept)).json()["code"])
    assert codes == {"DPOP_REPLAYED"}

    before = served.workers()
    assert len(before) == 2
    os.kill(before[0], signal.SIGKILL)
    async with asyncio.timeout(START_S_MAX):
        while len(served.workers()) != 2 or before[0] in served.workers():
            await asyncio.sleep(POLL_S)
    await until_it_answers(served)
    await every_worker_refuses_what_another_process_ends(served, database, data)


async def every_worker_refuses_what_another_process_ends(
    served: Served, database: Database, data: Path
) -> None:
    store = DatabaseClientStore(database)
    async with HubClient(served.base, CLIENT, served.key) as client:
        token = await client.token()
        await store.set_status(CLIENT, ClientStatus.SUSPENDED, system_clock())

        async def refusals() -> set[str]:
            codes = set()
            for _ in range(SENT_AGAIN):  # a new connection each time, so both workers are asked
                proof = dpop.make(
                    served.key, "GET", f"{served.base}/clients/self", system_clock(), token=token
                )
                headers = {"Authorization": f"DPoP {token}", "DPoP": proof}
                async with httpx.AsyncClient(base_url=served.base) as http:
                    answer = await http.get("/clients/self", headers=headers)
                codes.add(str(answer.json().get("code")))
            return codes

        async with asyncio.timeout(START_S_MAX):
            while await refusals() != {"CLIENT_INACTIVE"}:
                await asyncio.sleep(POLL_S)
    await store.set_status(CLIENT, ClientStatus.ACTIVE, system_clock())
    (old,) = [key.key.kid for key in list_keys(data / "keys" / "token.pem")]
    rotate(data / "keys" / "token.pem", system_clock(), is_lost=True)
    async with asyncio.timeout(START_S_MAX):
        while True:
            kids = set()
            for _ in range(SENT_AGAIN):
                async with httpx.AsyncClient(base_url=served.base) as http:
                    jwks = (await http.get("/.well-known/jwks.json")).json()
                kids |= {key["kid"] for key in jwks["keys"]}
            if old not in kids:
                break
            await asyncio.sleep(POLL_S)
    await until_it_answers(served)
