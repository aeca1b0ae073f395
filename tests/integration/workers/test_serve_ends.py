"""A hub that ends answers what it has in hand and leaves nothing running, whatever ends it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from redis import Redis

from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.client import ClientError, HubClient
from hub.clock import system_clock
from hub.crypto.keys import SigningKey, generate_key
from hub.store.database import Database
from hub.store.sources import register_source
from tests.conftest import PREFIX
from tests.eventually import until
from tests.integration.workers.serving import STOP_S_MAX, Serving

UNIVERSITY, SOURCE = "moe:10335", "mine"
IN_ORDER = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """One data folder for all, so that its database is made once; each test leaves it alone."""
    with tempfile.TemporaryDirectory(prefix=PREFIX) as made:
        yield Path(made)


@pytest.fixture
def hub(folder: Path) -> Iterator[Serving]:
    made = Serving(folder)
    yield made
    made.clean_up()


def nothing_runs(hub: Serving) -> bool:
    return not (hub.workers() or hub.postgres.is_running() or hub.valkey.is_running())


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number", IN_ORDER, ids=lambda number: number.name)
async def test_told_to_stop_it_leaves_nothing_running(
    hub: Serving, number: signal.Signals, workers: int
) -> None:
    hub.start(workers)
    await hub.until_it_answers()
    assert hub.postgres.is_running()
    assert hub.valkey.is_running() is (workers > 1)
    assert len(hub.workers()) == (workers if workers > 1 else 0)
    hub.process.send_signal(number)
    assert hub.wait() == 0, hub.told()
    assert nothing_runs(hub)
    assert "Traceback" not in hub.told()


@pytest.mark.parametrize("workers", [1, 2])
async def test_killed_it_leaves_nothing_running_either(hub: Serving, workers: int) -> None:
    hub.start(workers)
    await hub.until_it_answers()
    hub.process.kill()
    assert hub.wait() == -signal.SIGKILL

    async def gone() -> bool:
        return nothing_runs(hub)

    await until(gone)
    with socket.create_server(("127.0.0.1", hub.port)):
        pass  # the port is free


async def test_a_hangup_that_nohup_ignores_does_not_stop_it(hub: Serving) -> None:
    hub.start(1, hangup="SIG_IGN")
    await hub.until_it_answers()
    hub.process.send_signal(signal.SIGHUP)
    hub.process.send_signal(signal.SIGHUP)
    await hub.until_it_answers()
    hub.process.send_signal(signal.SIGTERM)
    assert hub.wait() == 0


class Held(httpx.AsyncHTTPTransport):
    """Sends everything but pushes while it holds them; keeps the last one."""

    holds = False
    kept: httpx.Request

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not self.holds or request.url.path != "/batches":
            return await super().handle_async_request(request)
        await request.aread()
        self.kept = request
        raise httpx.ConnectError("held back", request=request)


async def registered(hub: Serving) -> tuple[str, SigningKey]:
    """Let a new client push to the hub's database."""
    key, client = generate_key(), f"client-{os.urandom(4).hex()}"
    application = read_application(application_document(client, client, key.public))
    grant = ClientGrant(UNIVERSITY, ClientKind.UNIVERSITY, ("records:push",), (SOURCE,))
    async with Database(hub.postgres.url) as database:
        await register_source(
            database, SOURCE, "推送", mode="PUSH", owners=[UNIVERSITY], now=system_clock()
        )
        await admit(DatabaseClientStore(database), application, grant, system_clock())
    return client, key


def row(name: str) -> dict[str, Any]:
    told = {"zh": name, "en": name}
    stated = {"institutionKey": UNIVERSITY, "name": told, "kind": "UNIVERSITY"}
    return {"type": "Institution", "record": stated | {"divisionCode": "330106"}}


async def signed_push(hub: Serving, name: str) -> httpx.Request:
    """Return a push that the hub would accept, not sent yet."""
    client, key = await registered(hub)
    transport = Held()
    async with HubClient(hub.base, client, key, transport=transport) as caller:

        async def accepted() -> bool:  # a hub whose Valkey is new takes no proof for some seconds
            try:
                await caller.push([row(f"{name} before")], source=SOURCE)
            except ClientError as error:
                assert error.code in ("STATE_UNAVAILABLE", "temporarily_unavailable")
                return False
            return True

        await until(accepted)
        transport.holds = True
        with pytest.raises(ClientError):
            await caller.push([row(name)], source=SOURCE)
    return transport.kept


class HalfSent:
    """A request whose head the hub has taken and whose body it waits for."""

    def __init__(self, hub: Serving, request: httpx.Request) -> None:
        self._body = request.content
        self._connection = socket.create_connection(("127.0.0.1", hub.port), STOP_S_MAX)
        lines = [f"POST {request.url.raw_path.decode()} HTTP/1.1".encode()]
        lines += [name + b": " + value for name, value in request.headers.raw]
        lines += [b"Expect: 100-continue", b"", b""]
        self._connection.sendall(b"\r\n".join(lines))
        assert self._connection.recv(1024).startswith(b"HTTP/1.1 100 ")
        self._connection.sendall(self._body[:10])

    def finish(self) -> tuple[int, Any]:
        """Send the rest; return status and answer, to the end of the connection."""
        with self._connection as connection:
            connection.sendall(self._body[10:])
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)


@pytest.mark.parametrize(
    ("workers", "ends"),
    [
        pytest.param(1, lambda process: process.terminate(), id="one_terminated"),
        pytest.param(1, lambda process: os.killpg(process.pid, signal.SIGINT), id="one_ctrl_c"),
        pytest.param(2, lambda process: process.terminate(), id="two_terminated"),
        pytest.param(2, lambda process: os.killpg(process.pid, signal.SIGINT), id="two_ctrl_c"),
        pytest.param(2, lambda process: process.kill(), id="two_whose_parent_is_killed"),
    ],
)
async def test_a_push_in_hand_is_answered_and_what_was_acknowledged_is_kept(
    hub: Serving, workers: int, ends: Callable[[subprocess.Popen[bytes]], None]
) -> None:
    hub.start(workers)
    await hub.until_it_answers()
    name = f"in hand {os.urandom(4).hex()}"
    request = HalfSent(hub, await signed_push(hub, name))
    ends(hub.process)

    async def others_are_gone() -> bool:
        return not hub.accepts() if workers == 1 else len(hub.workers()) == 1

    await until(others_are_gone)
    status, answer = request.finish()
    assert (status, answer["rows"][0]["outcome"]) == (200, "ACCEPTED"), answer

    async def gone() -> bool:
        return hub.process.poll() is not None and nothing_runs(hub)

    await until(gone)
    with hub.postgres, psycopg.connect(hub.postgres.url) as connection:
        kept = connection.execute(
            "SELECT count(*) FROM entry_body WHERE position(%s IN convert_from(canon, 'UTF8')) > 0",
            (f'"{name}"',),
        ).fetchone()
    assert kept == (1,)


@pytest.mark.parametrize("engine", ["postgres", "valkey"])
async def test_an_engine_that_dies_is_started_again_and_the_operator_is_told(
    hub: Serving, engine: str
) -> None:
    hub.start(2)
    await hub.until_it_answers()
    server = hub.postgres if engine == "postgres" else hub.valkey
    number = server.folder / ("data/postmaster.pid" if engine == "postgres" else "server.pid")
    before = number.read_text().split()[0]
    os.kill(int(before), signal.SIGKILL)

    async def is_back() -> bool:
        return number.exists() and number.read_text().split()[:1] not in ([before], [])

    await until(is_back)
    await hub.until_it_answers()

    async def is_told() -> bool:
        return f"{server.title} 意外退出" in hub.told()

    await until(is_told)
    hub.process.terminate()
    assert hub.wait() == 0
    assert nothing_runs(hub)


async def test_two_hubs_on_one_folder_share_engines_and_the_last_one_stops_them(
    hub: Serving,
) -> None:
    other = Serving(hub.folder, log="other.log")
    hub.start(2)
    await hub.until_it_answers()
    other.start(2)
    try:
        await other.until_it_answers()
        with Redis.from_url(hub.valkey.url) as redis:
            assert redis.ping()
        hub.process.terminate()
        assert hub.wait() == 0
        assert hub.postgres.is_running()
        assert hub.valkey.is_running()
        await other.until_it_answers()
        other.process.terminate()
        assert other.wait() == 0
    finally:
        other.clean_up()
    assert nothing_runs(hub)
