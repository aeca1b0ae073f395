import datetime
import ipaddress
import ssl

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.http.transport import Transport, open_client

YEAR = datetime.timedelta(days=365)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + 60 * YEAR)
        .add_extension(
            x509.SubjectAlternativeName(
                [
                    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
                    x509.DNSName("source.example"),
                ]
            ),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=True,
                crl_sign=True,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    path, key_path = folder / "certificate.pem", folder / "key.pem"
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path, key_path)
    return path, context


async def serve(peer) -> None:
    while True:
        await peer.request()
        await peer.ok(b"secret")


async def test_a_trusted_certificate_opens_the_connection(raw_server, certificate):
    path, context = certificate
    trust = ssl.create_default_context(cafile=str(path))
    async with raw_server(serve, context) as server:
        async with open_client(server.url, context=trust) as http:
            assert (await http.get("/x")).text == "secret"
            assert (await http.get("/y")).text == "secret"
        assert server.connections == 1


async def test_an_unknown_certificate_is_refused(raw_server, certificate):
    _, context = certificate
    async with raw_server(serve, context) as server:
        async with httpx.AsyncClient(
            transport=Transport(context=ssl.create_default_context())
        ) as http:
            with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
                await http.get(server.url)
        assert server.requests == []


async def test_a_certificate_for_another_name_is_refused(raw_server, certificate):
    path, context = certificate
    trust = ssl.create_default_context(cafile=str(path))
    async with (
        raw_server(serve, context) as server,
        httpx.AsyncClient(transport=Transport(context=trust)) as http,
    ):
        with pytest.raises(httpx.ConnectError, match="certificate"):
            await http.get(server.url, extensions={"sni_hostname": "other.example"})
        answer = await http.get(server.url, extensions={"sni_hostname": "source.example"})
        assert answer.text == "secret"


async def test_plain_http_on_a_tls_port_is_an_error_and_not_a_hang(raw_server, certificate):
    _, context = certificate
    async with (
        raw_server(serve, context) as server,
        httpx.AsyncClient(transport=Transport()) as http,
    ):
        with pytest.raises(httpx.TransportError):
            await http.get(server.url.replace("https", "http"))
