"""A hub that listens on a UNIX socket, behind a proxy that ends TLS and passes certificates on."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from hub.access import assertion
from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.cli.unix_socket import bind_path
from hub.clock import system_clock
from hub.crypto.keys import SigningKey, generate_key
from hub.errors import SettingsError
from hub.store.database import Database
from tests.conftest import PREFIX
from tests.eventually import until

pytestmark = pytest.mark.integration
HEAD_BYTES = 65_536
LOOPBACK = IPv4Address("127.0.0.1")
BASE = "https://hub.delta.example"
COMMAND = "from hub.cli.main import main; main()"


@dataclass(frozen=True)
class Identity:
    """A certificate and its key, as files, and the certificate's bytes."""

    cert: Path
    key: Path
    der: bytes


def identity(folder: Path, name: str) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = system_clock()
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(LOOPBACK)]), critical=False)
        .sign(key, SHA256())
    )
    cert_file, key_file = folder / f"{name}.pem", folder / f"{name}.key"
    cert_file.write_bytes(made.public_bytes(Encoding.PEM))
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    key_file.write_bytes(pem)
    return Identity(cert_file, key_file, made.public_bytes(Encoding.DER))


@dataclass(frozen=True)
class Served:
    """A hub on a socket. `tls_port`: where the proxy listens."""

    socket: Path
    tls_port: int
    key: SigningKey
    server: Identity
    client: Identity
    other: Identity

    def by_tls(self, who: Identity | None) -> httpx.AsyncClient:
        """Return a client that shows a certificate, or none, to the proxy."""
        context = ssl.create_default_context(cafile=str(self.server.cert))
        if who is not None:
            context.load_cert_chain(who.cert, who.key)
        return httpx.AsyncClient(
            base_url=f"https://127.0.0.1:{self.tls_port}",
            headers={"Host": "hub.delta.example"},
            verify=context,
        )

    def form(self) -> dict[str, str]:
        return {
            "grant_type": "client_credentials",
            "client_assertion_type": assertion.ASSERTION_TYPE,
            "client_assertion": assertion.make("zju", BASE, self.key, system_clock()),
            "resource": BASE,
        }


class Proxy:
    """Ends TLS and passes one request of each connection on, as HAProxy does with RFC 9440."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            kept = [
                line
                for line in head.split(b"\r\n")[:-2]
                if not line.lower().startswith((b"client-cert", b"connection:", b"x-forwarded"))
            ]
            kept += [b"Connection: close", b"X-Forwarded-For: 192.0.2.9"]
            shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            if shown is not None:
                kept.append(b"Client-Cert: :" + b64encode(shown) + b":")
            hub_reader, hub_writer = await asyncio.open_unix_connection(str(self.socket))
            hub_writer.write(b"\r\n".join(kept) + b"\r\n\r\n")
            length = next((ln for ln in kept if ln.lower().startswith(b"content-length:")), b": 0")
            hub_writer.write(await reader.readexactly(int(length.split(b":")[1])))
            writer.write(await hub_reader.read(-1))
            await writer.drain()
            hub_writer.close()
        writer.close()


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=PREFIX) as made:
        yield Path(made)


@pytest.fixture
async def served(database: Database, database_url: str, folder: Path) -> AsyncIterator[Served]:
    key, path = generate_key(), folder / "hub.sock"
    application = read_application(application_document("zju", "zju", key.public))
    grant = ClientGrant("moe:10335", ClientKind.UNIVERSITY, ("catalogue:read",))
    await admit(DatabaseClientStore(database), application, grant, system_clock())
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    settings = {
        "HUB_DATABASE_URL": database_url,
        "HUB_DATA_DIR": str(folder / "data"),
        "HUB_PUBLIC_BASE": BASE,
        "HUB_SOCKET": str(path),
    }
    with (folder / "hub.log").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, "serve"],
            env={**kept, **settings},
            stdout=out,
            stderr=out,
        )
    identities = [identity(folder, name) for name in ("hub.delta.example", "zju", "other")]
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(identities[0].cert, identities[0].key)
    context.verify_mode = ssl.CERT_OPTIONAL
    for each in identities[1:]:
        context.load_verify_locations(each.cert)
    try:
        proxy = await asyncio.start_server(
            Proxy(path).serve, "127.0.0.1", 0, ssl=context, limit=HEAD_BYTES
        )
        async with proxy:
            port = proxy.sockets[0].getsockname()[1]
            made = Served(path, port, key, *identities)

            async def well() -> bool:
                assert process.poll() is None, (folder / "hub.log").read_text("utf-8")
                with suppress(httpx.HTTPError):
                    transport = httpx.AsyncHTTPTransport(uds=str(path))
                    async with httpx.AsyncClient(transport=transport, base_url=BASE) as http:
                        return (await http.get("http://hub/healthz")).status_code == 200
                return False

            await until(well)
            yield made
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


async def me(http: httpx.AsyncClient, token: str) -> Any:
    return (await http.get("/clients/self", headers={"Authorization": f"Bearer {token}"})).json()


async def test_a_token_works_over_the_connection_with_its_certificate_and_over_no_other(
    served: Served,
) -> None:
    assert served.socket.stat().st_mode & 0o777 == 0o660
    async with served.by_tls(served.client) as http:
        answer = await http.post("/oauth/token", data=served.form())
        assert answer.status_code == 200, answer.text
        token = answer.json()["access_token"]
        assert (await me(http, token))["clientId"] == "zju"
        metadata = (await http.get("/.well-known/oauth-protected-resource")).json()
        assert metadata["tls_client_certificate_bound_access_tokens"] is True
        assert metadata["dpop_bound_access_tokens_required"] is False
    async with served.by_tls(served.other) as http:
        assert (await me(http, token))["code"] == "TOKEN_CERTIFICATE"
    async with served.by_tls(None) as http:
        forged = {"Client-Cert": f":{b64encode(served.client.der).decode()}:"}
        assert (await http.post("/oauth/token", data=served.form())).status_code == 400
        stolen = {"Authorization": f"Bearer {token}", **forged}
        refused = (await http.get("/clients/self", headers=stolen)).json()
        assert refused["code"] == "TOKEN_CERTIFICATE", "the proxy takes a caller's own header away"


async def test_a_socket_that_a_hub_listens_on_is_not_taken_and_an_old_one_is(folder: Path) -> None:
    path = folder / "a.sock"
    first = bind_path(path)
    with pytest.raises(SettingsError, match="is taken"):
        bind_path(path)
    first.close()
    bind_path(path).close()
    (folder / "file").write_text("kept")
    with pytest.raises(SettingsError, match="HUB_SOCKET"):
        bind_path(folder / "file")
    assert (folder / "file").read_text() == "kept"
