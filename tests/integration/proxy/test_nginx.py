"""`docs/operators/nginx.conf` in a real nginx before a real hub, and what attackers get."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from websockets.asyncio.client import connect

from hub.app import build
from hub.cli.serve import bind, listening
from hub.clock import system_clock
from hub.settings import Settings
from hub.store.database import Database
from tests.eventually import until

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(sys.platform != "linux", reason="uses many addresses of the loopback"),
]
PAGE = Path(__file__).parents[3] / "docs/operators/nginx.conf"
NAME = "hub.example.org"
START = f"POST /graphql HTTP/1.1\r\nHost: {NAME}\r\nContent-Type: application/json\r\n".encode()


@dataclass(frozen=True, slots=True)
class Proxied:
    """Ports of nginx, and what trusts its certificate."""

    tls: int
    plain: int
    context: ssl.SSLContext

    def client(self, source: str = "127.0.0.1") -> httpx.AsyncClient:
        transport = httpx.AsyncHTTPTransport(verify=self.context, local_address=source)
        return httpx.AsyncClient(
            base_url=f"https://127.0.0.1:{self.tls}",
            transport=transport,
            headers={"Host": NAME},
        )

    async def get(self, path: str, source: str = "127.0.0.1") -> httpx.Response:
        async with self.client(source) as client:
            return await client.get(path, extensions={"sni_hostname": NAME})

    async def connect(self, sent: bytes, stack: AsyncExitStack) -> asyncio.StreamReader:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.tls, ssl=self.context, server_hostname=NAME,
            local_addr=("127.0.0.9", 0),
        )  # fmt: skip
        stack.callback(_hang_up, writer)
        writer.write(sent)
        return reader


def _hang_up(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


def _free_port() -> int:
    with bind("127.0.0.1", 0) as probe:
        return int(probe.getsockname()[1])


def _certificate(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = system_clock()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    (folder / "chain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, form, plain))
    return ssl.create_default_context(cafile=folder / "chain.pem")


def _configured(folder: Path, hub: int, tls: int, plain: int) -> Path:
    """Write the page's configuration with ports and paths of this test, and shorter times."""
    text = PAGE.read_text("utf-8")
    for old, new in {
        "listen 443": f"listen 127.0.0.1:{tls}",
        "listen 80": f"listen 127.0.0.1:{plain}",
        "server 127.0.0.1:8000": f"server 127.0.0.1:{hub}",
        "/etc/ssl/hub/fullchain.pem": str(folder / "chain.pem"),
        "/etc/ssl/hub/privkey.pem": str(folder / "key.pem"),
        "/run/nginx.pid": str(folder / "nginx.pid"),
        "/var/log/nginx/error.log": str(folder / "error.log"),
        "client_header_timeout 10s": "client_header_timeout 1s",
        "client_body_timeout 20s": "client_body_timeout 1s",
        "worker_processes auto": "worker_processes 1",
    }.items():
        assert old in text, f"the page has no {old} any more"
        text = text.replace(old, new)
    kept = "\n".join(
        f"{kind}_temp_path {folder / kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = text.replace("http {", f"http {{\n{kept}", 1)
    path = folder / "nginx.conf"
    path.write_text("daemon off;\n" + text, "utf-8")
    return path


@pytest.fixture
async def proxied(database: Database, tmp_path: Path) -> AsyncIterator[Proxied]:
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None:
        pytest.skip("no nginx: run tests/integration/proxy/install.sh as root on Debian")
    bound = bind("127.0.0.1", 0)
    tls, plain, port = _free_port(), _free_port(), bound.getsockname()[1]
    context = _certificate(tmp_path)
    settings = Settings(
        data_dir=tmp_path / "data", port=port, anonymous=True,
        public_base=f"https://{NAME}", trusted_proxies=("127.0.0.1/32",),
    )  # fmt: skip
    hub = await build(settings, database, system_clock)
    tmp_path.chmod(0o755)
    configuration = _configured(tmp_path, port, tls, plain)
    async with listening(hub, bound):
        process = subprocess.Popen([program, "-c", str(configuration), "-p", str(tmp_path)])
        made = Proxied(tls, plain, context)

        async def answers() -> bool:
            assert process.poll() is None, (tmp_path / "error.log").read_text()
            try:
                return (await made.get("/log/vkey")).status_code == 200
            except httpx.TransportError:
                return False

        try:
            await until(answers)
            yield made
        finally:
            process.terminate()
            process.wait(20)


async def test_a_caller_reaches_the_hub_over_tls_and_the_operators_routes_stay_inside(
    proxied: Proxied,
) -> None:
    answer = await proxied.get("/log/vkey")
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    for path in ("/metrics", "/healthz", "/readyz", "/sandbox/clients"):
        refused = await proxied.get(path)
        assert (refused.status_code, "code" in refused.text) == (404, False), path  # not the hub's


async def test_sockets_and_streams_of_events_come_through(proxied: Proxied) -> None:
    protocols: Any = ["graphql-transport-ws"]
    address = f"wss://{NAME}/graphql"
    options: Any = {"ssl": proxied.context, "host": "127.0.0.1", "port": proxied.tls}
    asked = {"query": "{ me { party } }"}
    async with connect(address, subprotocols=protocols, **options) as socket:
        await socket.send('{"type":"connection_init"}')
        await socket.wait_closed()
        assert (socket.close_code, socket.close_reason) == (4403, "TOKEN_MISSING")
    async with proxied.client() as client:
        headers = {"accept": "text/event-stream"}
        named = {"sni_hostname": NAME}
        stream = await client.post("/graphql", json=asked, headers=headers, extensions=named)
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.text.startswith("event: next\ndata: ")
    assert stream.text.endswith("event: complete\ndata: \n\n")


async def test_without_tls_a_caller_is_sent_to_the_one_name(proxied: Proxied) -> None:
    async with httpx.AsyncClient() as client:
        answer = await client.get(
            f"http://127.0.0.1:{proxied.plain}/explore?x=1", headers={"Host": "evil.example"}
        )
    assert (answer.status_code, answer.headers["location"]) == (
        308,
        f"https://{NAME}/explore?x=1",
    )


async def test_another_name_gets_no_handshake(proxied: Proxied) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with pytest.raises(ssl.SSLError):
        await asyncio.open_connection(
            "127.0.0.1", proxied.tls, ssl=context, server_hostname="evil.example"
        )


async def test_half_open_and_slow_connections_end_and_others_are_served(proxied: Proxied) -> None:
    async with AsyncExitStack() as stack:
        sent = [b"", b"POST /gra", START, START + b"Content-Length: 99\r\n\r\n{"]
        readers = [await proxied.connect(sent[n % 4], stack) for n in range(60)]
        assert (await proxied.get("/log/vkey")).status_code == 200
        for reader in readers:
            came = b""
            with suppress(ConnectionError):  # a connection that is overdue is reset
                came = await asyncio.wait_for(reader.read(), 20)
            assert came == b"" or b" 408 " in came.splitlines()[0]
    assert (await proxied.get("/log/vkey")).status_code == 200


@pytest.mark.parametrize(
    ("sent", "statuses"),
    [
        (START + b"X: " + b"x" * 200_000 + b"\r\n\r\n", (b" 400 ",)),
        (START + b"X: y\r\n" * 20_000 + b"\r\n", (b" 400 ",)),
        (b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\n\r\n", (b" 414 ", b" 400 ")),
        (START + b"Content-Length: 99999999\r\n\r\n", (b" 413 ",)),
    ],
    ids=["a large header", "many headers", "a long address", "a large body"],
)
async def test_what_is_too_large_is_refused_before_the_hub(
    proxied: Proxied, sent: bytes, statuses: tuple[bytes, ...]
) -> None:
    async with AsyncExitStack() as stack:
        reader = await proxied.connect(sent, stack)
        line = await asyncio.wait_for(reader.readline(), 20)
    assert any(status in line for status in statuses), line
    assert (await proxied.get("/log/vkey")).status_code == 200
