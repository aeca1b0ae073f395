"""Brokers that ask who comes, speak an older version or TLS; and a reading that is killed."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.errors import SourceRefusedError, SourceUnavailableError
from connectors.limits import Limits
from hub.store.database import Database
from tests.integration.mqtt.conftest import Sensors, bind
from tests.integration.mqtt.source import NOW, meters_source
from tests.mosquitto import mosquitto

pytestmark = pytest.mark.integration
MINUTES = 40
LIMITS = Limits(connect_s=3.0)


def message(minute: int) -> tuple[str, bytes]:
    time = (NOW - timedelta(minutes=minute)).isoformat()
    return "meters/em-00000/power", json.dumps({"time": time, "value": 900, "unit": "W"}).encode()


async def test_a_reading_that_is_killed_again_and_again_loses_nothing(
    database: Database, database_url: str, sensors: Sensors
) -> None:
    """kill -9 while messages arrive: whatever was not acknowledged comes again."""
    await bind(database, "em-00000")
    sent = 0

    async def publish() -> None:
        nonlocal sent
        for minute in range(MINUTES):
            await sensors.send([message(minute)])
            sent += 1
            await asyncio.sleep(0.02)

    sending = None
    for turn in range(2):
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.integration.mqtt.reading_process",
                database_url,
                str(sensors.broker.port),
            ]
        )
        try:
            await sensors.subscribed()
            sending = sending or asyncio.create_task(publish())
            await sensors.until_counted(TAKEN=1 + 10 * turn)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
    assert sending is not None
    async with sensors.read():
        await sending
        await sensors.until_counted(TAKEN=MINUTES)
    assert sent == (await sensors.counts())["TAKEN"] == MINUTES


async def test_an_older_broker_is_read_as_well(database: Database, sensors: Sensors) -> None:
    await bind(database, "em-00000")
    sensors.connection = {"version": "3.1.1"}
    async with sensors.read():
        await sensors.subscribed()
        await sensors.send([message(0)])
        await sensors.until_counted(TAKEN=1)
    await sensors.send([message(1)])
    async with sensors.read():
        await sensors.until_counted(TAKEN=2)


async def received(port: int, **broker: Any) -> int:
    source = meters_source(port, **broker)
    async with source.connection.session("meters", LIMITS) as session:
        return len(await session.receive(1, 0.05))  # type: ignore[attr-defined]


async def test_a_broker_that_does_not_know_us_is_told_as_that_without_the_password(
    tmp_path: Path,
) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text("hub:right-0123\n")
    subprocess.run(["mosquitto_passwd", "-U", passwords], check=True)
    more = f"allow_anonymous false\npassword_file {passwords}"
    with mosquitto(tmp_path, more=more) as broker:
        assert await received(broker.port, user="hub", password="right-0123") == 0
        with pytest.raises(SourceRefusedError) as refused:
            await received(broker.port, user="hub", password="wrong-4567")
    said = f"{refused.value} {refused.value.hint}"
    assert "wrong-4567" not in said
    with pytest.raises(SourceUnavailableError):
        await received(broker.port)


async def test_a_broker_over_tls_is_believed_only_with_its_certificate(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    more = f"allow_anonymous true\ncertfile {certificate}\nkeyfile {key}"
    with mosquitto(tmp_path, more=more) as broker:
        trusted: dict[str, Any] = {"host": "localhost", "tls": True, "ca": str(certificate)}
        assert await received(broker.port, **trusted) == 0
        with pytest.raises(SourceUnavailableError):
            await received(broker.port, host="localhost", tls=True)
    with pytest.raises(SourceUnavailableError):
        await received(broker.port, host="no such host\0")


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for localhost."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = folder / "broker.pem", folder / "broker.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, secret


@pytest.mark.parametrize(
    "table",
    [
        {"host": ""},
        {"port": 0},
        {"port": True},
        {"topics": []},
        {"topics": "meters/#"},
        {"version": "4"},
        {"tls": "no"},
        {"user": 7},
        {"password": "p", "user": "u", "host": "broker.example"},
        {"password": "p"},
    ],
)
def test_what_cannot_be_right_in_the_file_is_said(table: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"mqtt\."):
        meters_source(**{"port": 1883, **table})
