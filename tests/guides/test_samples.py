"""The sample programs of the guides do what they say, in every language, against a hub that runs.

Each fetches a token (private_key_jwt, DPoP), asks, pushes one signed batch and fetches a receipt.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.client import create_key
from hub.clock import system_clock
from hub.demo import records
from hub.ledger.keys import ProducerKeys
from hub.ledger.policy import parse_policy
from hub.ledger.verify import verify
from hub.store.database import Database
from tests.guides.conftest import RunningHub
from tests.node_tools import node_tools

pytestmark = [pytest.mark.integration, pytest.mark.external]

ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "docs/partners/samples"
CLIENT = "sample"
SCOPES = ("catalogue:read", "graphql:adhoc", "records:push", "receipt:read")
RUN_S = 60
PROGRAMS = {
    "hub.sh": "bash",
    "hub_alone.py": sys.executable,
    "hub_client.py": sys.executable,
    "hub.mjs": "node",
    "Hub.java": "java",
}


@pytest.fixture(scope="module")
def key(hub: RunningHub, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The key file of a university's client that the hub knows."""
    file = tmp_path_factory.mktemp("sample") / "key.pem"
    document = application_document(CLIENT, CLIENT, create_key(file).public)
    grant = ClientGrant(records.UNIVERSITY, ClientKind.UNIVERSITY, SCOPES, (records.SOURCE,))

    async def register() -> None:
        async with Database(hub.database_url) as database:
            store = DatabaseClientStore(database)
            await admit(store, read_application(document), grant, system_clock())

    asyncio.run(register())
    return file


def command_of(name: str) -> list[str]:
    """How a sample is started; the test is skipped where its language is not installed."""
    program = PROGRAMS[name]
    if name == "hub.mjs":
        tools = node_tools(Path(__file__).parent)  # Node looks for imports beside the program
        return [program, shutil.copy(SAMPLES / name, tools.folder / name)]
    if name == "Hub.java" and shutil.which("javac") is None:
        pytest.skip("no Java compiler: install a JDK, 17 or newer (openjdk-17-jdk-headless)")
    for tool in ("curl", "openssl") if name == "hub.sh" else ():
        if shutil.which(tool) is None:
            pytest.skip(f"no {tool}")
    return [program, str(SAMPLES / name)]


def run(name: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    kept = {word: value for word, value in os.environ.items() if not word.startswith("HUB_")}
    return subprocess.run(
        [*command_of(name), *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT) if name == "hub_client.py" else ""},
        capture_output=True,
        text=True,
        timeout=RUN_S,
        check=False,
    )


def rows_for(name: str, folder: Path) -> Path:
    """One instrument, named after the sample that pushes it."""
    record = {
        "institutionKey": records.UNIVERSITY,
        "localNo": f"SAMPLE-{name}",
        "name": {"zh": "示例推送的仪器"},
        "status": "IN_SERVICE",
    }
    file = folder / "rows.ndjson"
    row = json.dumps({"type": "Instrument", "record": record}, ensure_ascii=False)
    file.write_text(row + "\n", "utf-8")
    return file


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_sample_asks_pushes_and_brings_a_receipt_that_proves_the_record(
    name: str, hub: RunningHub, key: Path, tmp_path: Path
) -> None:
    rows = rows_for(name, tmp_path)
    done = run(name, tmp_path, hub.base, CLIENT, str(key), records.SOURCE, str(rows))
    assert done.returncode == 0, done.stdout + done.stderr
    said = dict(line.split(maxsplit=1) for line in done.stdout.splitlines())
    assert set(said["token"].split()) == set(SCOPES)
    assert "instruments, the first: " in said["question"]
    assert int(said["question"].split()[0]) > 0
    assert set(said) == {"token", "question", "push", "receipt"}
    proof, record = (tmp_path / part for part in said["receipt"].split())
    assert json.loads(record.read_bytes())["localNo"] == f"SAMPLE-{name}"
    policy = httpx.get(f"{hub.base}/log/policy").raise_for_status().content
    verdict = verify(
        proof.read_bytes(),
        record.read_bytes(),
        parse_policy(policy),
        ProducerKeys(),
        now=system_clock(),
    )
    assert verdict.word.value == "VALID_UNWITNESSED", verdict


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_sample_whose_client_nobody_registered_says_why_it_ends(
    name: str, hub: RunningHub, key: Path, tmp_path: Path
) -> None:
    done = run(name, tmp_path, hub.base, "nobody", str(key))
    assert done.returncode == 1, done.stdout + done.stderr
    assert "invalid_client" in done.stderr
    assert "Traceback" not in done.stderr
    assert "\tat " not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("name", [name for name in PROGRAMS if name != "Hub.java"])
def test_a_sample_without_a_hub_or_a_key_says_so(name: str, key: Path, tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}/"
        absent = str(tmp_path / "absent.pem")
        for arguments in ((address, CLIENT, str(key)), (address, CLIENT, absent), ()):
            done = run(name, tmp_path, *arguments)
            assert done.returncode not in (0, None), arguments
            assert 0 < len(done.stderr.splitlines()) <= 8, done.stderr
            assert "Traceback" not in done.stderr
            assert "    at " not in done.stderr
