"""A hub as its own process, busy and attacked: what its log and figures tell, and what not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import make_url

from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.client import CallRefusedError, HubClient
from hub.clock import system_clock
from hub.crypto.keys import SigningKey, generate_key
from hub.store.database import Database
from hub.store.sources import register_source
from tests.eventually import until
from tests.running_hub import environment

pytestmark = pytest.mark.integration
PASSWORD = "Tr0ub4dor-and-3"
SOURCE_TOKEN = "opaque~source~credential~4711"
UNIVERSITY = "uscc:12100000470095016Q"
SCOPES = ("catalogue:read", "graphql:adhoc", "records:push", "receipt:read")
STOP_S = 30
READ = "{ instruments(first: 1) { nodes { key } } }"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Keeping(httpx.AsyncHTTPTransport):
    """Keeps every secret that a client sends or is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.secrets: set[str] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        for name in ("dpop", "authorization", "signature"):
            if name in request.headers:
                self.secrets.add(request.headers[name].split(" ")[-1])
        body = request.read().decode("utf-8", "replace")
        self.secrets |= set(re.findall(r"client_assertion=([\w.-]+)", body))
        response = await super().handle_async_request(request)
        if request.url.path == "/oauth/token":
            answer = json.loads(await response.aread())
            self.secrets |= {answer["access_token"]} if "access_token" in answer else set()
        return response


@dataclass
class Busy:
    base: str
    figures: str
    log: Path
    key: SigningKey
    transport: Keeping = field(default_factory=Keeping)

    def lines(self) -> list[dict[str, Any]]:
        told = self.log.read_text("utf-8").splitlines()
        return [json.loads(line) for line in told if line.startswith("{")]

    def metrics(self) -> str:
        with urllib.request.urlopen(f"{self.figures}/metrics", timeout=10) as answer:
            return str(answer.read().decode())


@pytest.fixture
async def busy(database: Database, tmp_path: Path) -> AsyncIterator[Busy]:
    key = generate_key()
    application = read_application(application_document("zju", "zju", key.public))
    grant = ClientGrant(UNIVERSITY, ClientKind.UNIVERSITY, SCOPES, ("zju-push",))
    await register_source(
        database, "zju-push", "浙江大学推送", mode="PUSH", owners=[UNIVERSITY], now=system_clock()
    )
    await admit(DatabaseClientStore(database), application, grant, system_clock())
    sources = tmp_path / "sources"
    sources.mkdir()
    closed = free_port()
    file = sources / "broken.toml"
    file.write_text(
        'adapter = "anhui"\n'
        f'base_url = "http://127.0.0.1:{closed}/x?key={SOURCE_TOKEN}"\n'
        'owners = "any"\nauthority = "platform:anhui/booking"\n'
        f'[token]\nvalue = "{SOURCE_TOKEN}"\nheader = "X-Api-Key"\n'
    )
    file.chmod(0o600)
    port, figures = free_port(), free_port()
    settings = environment(database.url)
    for name in ("HUB_DATABASE_URL", "HUB_DATABASE_READ_URL"):
        url = make_url(settings[name]).set(password=PASSWORD)
        settings[name] = url.render_as_string(hide_password=False)
    log = tmp_path / "hub.log"
    with served(
        {
            **settings,
            "HUB_PORT": str(port),
            "HUB_DATA_DIR": str(tmp_path / "data"),
            "HUB_LOG_LEVEL": "debug",
            "HUB_METRICS_LISTEN": f"127.0.0.1:{figures}",
            "HUB_SOURCE_SECRETS_DIR": str(sources),
        },
        log,
    ) as process:
        made = Busy(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{figures}", log, key)

        async def answers() -> bool:
            assert process.poll() is None, log.read_text("utf-8", "replace")
            with contextlib.suppress(OSError):
                return await asyncio.to_thread(lambda: bool(made.metrics()))
            return False

        await until(answers)
        yield made
        await made.transport.aclose()


@contextlib.contextmanager
def served(settings: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", "from hub.cli.main import main; main()", "serve"],
            env=settings,
            stdout=out,
            stderr=out,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(STOP_S) == 0, log.read_text("utf-8", "replace")


async def be_busy(busy: Busy) -> None:
    row = {
        "institutionKey": UNIVERSITY,
        "localNo": "A1",
        "name": {"zh": "透射电子显微镜"},
        "status": "IN_SERVICE",
    }
    rows = [{"type": "Instrument", "record": row}, {"type": "Instrument", "record": {}}]
    async with HubClient(busy.base, "zju", busy.key, transport=busy.transport) as client:
        await client.push(rows, source="zju-push", idempotency_key="k1")
        await client.query(READ)
        with pytest.raises(CallRefusedError):
            await client.push(rows, source="another")
    stranger = HubClient(busy.base, "nobody", generate_key(), transport=busy.transport)
    async with stranger as client:
        with pytest.raises(CallRefusedError):
            await client.query(READ)
    async with httpx.AsyncClient(transport=busy.transport, base_url=busy.base) as http:
        token = max(busy.transport.secrets, key=len)
        for headers in (
            {"authorization": f"DPoP {token}"},
            {"authorization": f"Bearer {token}", "dpop": token},
            {"authorization": f"DPoP {token}", "dpop": "x.y.z", "signature": "sig=:YWJj:"},
        ):
            answer = await http.post("/graphql", json={"query": READ}, headers=headers)
            assert answer.status_code in (400, 401)
        assert (await http.get(f"/receipts/{token[:40]}")).status_code < 500
        assert (await http.get("/nothing")).status_code == 404
        assert (await http.get("/metrics")).status_code == 404  # never on the public port
        form = {"client_assertion": token, "grant_type": "client_credentials"}
        assert (await http.post("/oauth/token", data=form)).status_code in (400, 401)


async def test_the_log_of_a_busy_hub_tells_what_happened_and_no_secret(busy: Busy) -> None:
    await be_busy(busy)

    async def harvested() -> bool:
        return any("harvest of broken" in line["event"] for line in busy.lines())

    await until(harvested)
    told = busy.log.read_text("utf-8")
    private = re.sub(r"-----[^\n]*-----|\s", "", busy.key.pem().decode())
    sent = busy.transport.secrets - {"x.y.z"}
    secrets = {PASSWORD, SOURCE_TOKEN, private[:40], *sent}
    assert len(busy.transport.secrets) > 10
    assert [each for each in secrets if each in told or each.rsplit(".", 1)[-1] in told] == []

    lines = busy.lines()
    answered = [line for line in lines if line["logger"] == "hub.requests"]
    doors = {line["door"] for line in answered}
    assert {"graphql", "batches", "oauth", "receipts", "other"} <= doors
    assert all(re.fullmatch("[0-9a-f]{16}", line["request"]) for line in answered)
    pushed = [line for line in answered if line["door"] == "batches"]
    assert {line["client"] for line in pushed} == {"zju"}
    assert "zju-push" in {line.get("source") for line in pushed}
    assert "adhoc" in {line.get("operation") for line in answered}


async def test_the_figures_of_a_busy_hub(busy: Busy) -> None:
    await be_busy(busy)
    told = ""

    async def is_told() -> bool:
        nonlocal told
        told = await asyncio.to_thread(busy.metrics)
        return "deltahub_quarantine_open{" in told

    await until(is_told)

    def value(series: str) -> float:
        (found,) = re.findall(rf"^{re.escape(series)} (\S+)$", told, re.M)
        return float(found)

    assert value('deltahub_intake_rows_total{outcome="ACCEPTED",source="zju-push"}') == 1
    assert value('deltahub_intake_rows_total{outcome="QUARANTINED",source="zju-push"}') == 1
    assert value('deltahub_quarantine_open{source="zju-push"}') == 1
    query = 'door="graphql",operation="adhoc",status="200"'
    assert value(f"deltahub_requests_total{{{query}}}") == 1
    counted = value('deltahub_request_duration_seconds_count{door="graphql",operation="adhoc"}')
    assert counted == 1
    for part in ("database", "shared", "disk", "clock", "log"):
        assert value(f'deltahub_up{{part="{part}"}}') == 1
    refused = set(re.findall(r'deltahub_refused_total{door="(\w+)",reason="(\w+)"}', told))
    assert ("batches", "SOURCE_FORBIDDEN") in refused
    assert {door for door, _ in refused} >= {"graphql", "oauth", "batches"}
    assert value('deltahub_pool_size{pool="answer"}') == 8
    assert value("deltahub_log_waiting") <= 1
    for name in (
        "deltahub_event_loop_lag_seconds",
        "deltahub_log_waiting_seconds",
        "deltahub_requests_in_hand",
        "deltahub_intake_batches_in_hand",
        "deltahub_clock_ahead_seconds",
        "process_open_fds",
    ):
        assert value(name) < 1e6
    assert 'deltahub_source_promised_seconds{mode="PUSH",record_type="",source="zju-push"}' in told
    with urllib.request.urlopen(f"{busy.figures}/readyz", timeout=10) as answer:
        assert json.load(answer)["ready"] is True
