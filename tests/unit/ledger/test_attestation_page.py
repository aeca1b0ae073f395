"""The page for finance offices: its commands run as they stand, its program judges like ours."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from hub.cli.main import assemble
from hub.crypto.base64url import unb64url
from hub.ledger.attestation import ServiceLog
from hub.ledger.attestation_verdict import verify_attestation
from hub.ledger.verdict import Word
from schema.codes import VoucherClaimState
from tests.guides.pages import Known, Step, Who, steps
from tests.unit.ledger.attested_log import HUB, MARK, NOW, AttestedLog, others

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/partners/attestation.md"
SAMPLE = ROOT / "docs/partners/samples/check_attestation.py"
RUN_S = 60


def keys_file(log: AttestedLog) -> bytes:
    key = {**public_jwk(log), "kid": log.key.kid, "party": HUB}
    return json.dumps({"keys": [key]}).encode()


def public_jwk(log: AttestedLog) -> dict[str, str]:
    from hub.crypto.es256 import public_jwk as jwk

    return jwk(log.key.private.public_key())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What an office has before it begins: three files and the program."""
    log = AttestedLog(at=datetime.now(UTC) - timedelta(minutes=5))
    (tmp_path / "attestation.json").write_bytes(log.attestation())
    (tmp_path / "claims.json").write_bytes(log.claims({**others(5), log.claim_key(): MARK}))
    (tmp_path / "policy.txt").write_bytes(log.policy().encode())
    (tmp_path / "policy.txt.keys.json").write_bytes(keys_file(log))
    shutil.copy(SAMPLE, tmp_path)
    return tmp_path


def test_every_command_of_the_page_does_what_it_says(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl")
    monkeypatch.chdir(folder)
    said = [line for step in steps("attestation") for line in run(step, folder)]
    assert [line.split()[0] for line in said] == [
        *("VALID", "REFUSED", "VALID", "Verified", "Signature", "VALID", "VALID", "VALID"),
        "BAD_RECORD",
    ]


def run(step: Step, folder: Path) -> Iterator[str]:
    """Run the commands of a block; give the first line of what each prints."""
    assert step.who is Who.READER
    commands = [line for line in step.text.splitlines() if line.strip()]
    for number, command in enumerate(commands, start=1):
        text = Known("").put_into(command)
        expected = step.exit_code if number == len(commands) else 0
        if text.startswith("deltahub "):
            words = shlex.split(text, comments=True)[1:]
            done = CliRunner().invoke(assemble(words[0]), words)
            code, output = done.exit_code, done.output
        else:
            code, output = in_shell(text, folder)
        assert code == expected, f"{text}\n{output}"
        if output:
            yield output.splitlines()[0]


def in_shell(text: str, folder: Path) -> tuple[int, str]:
    """Run a command where nothing of the hub can be imported."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env={**kept, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=RUN_S,
        check=False,
    )
    return done.returncode, done.stdout


# The program beside ours


def sample() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_attestation", SAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LOG, PROGRAM = AttestedLog(), sample()
GOOD, POLICY, KEYS = LOG.attestation(), LOG.policy(), json.loads(keys_file(LOG))
ERRORS = (ValueError, KeyError, TypeError, AttributeError, IndexError)


def is_valid(data: bytes, policy: bytes = POLICY.encode(), keys: object = KEYS) -> bool:
    """Whether the program on the page finds a file valid; nothing else may be raised."""
    try:
        word, _, _ = PROGRAM.check(data, policy.decode(), keys, NOW)
    except ERRORS:
        return False
    return str(word).startswith("VALID")


@settings(max_examples=120, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.integers(0, 255))
def test_both_programs_judge_every_change_alike(place: int, byte: int) -> None:
    changed = GOOD[:place] + bytes([byte]) + GOOD[place + 1 :]
    ours = verify_attestation(changed, POLICY, LOG.keys(), now=NOW).word.is_valid
    assert is_valid(changed) is ours is (changed == GOOD)


def test_both_programs_refuse_what_is_signed_and_yet_wrong() -> None:
    other = AttestedLog("hub.other.example/records")
    for data in (
        LOG.attestation(log_size=9),
        LOG.attestation(valid_until=NOW.date() - timedelta(days=2)),
        LOG.attestation(checks=()),
        LOG.attestation(service_commitment=LOG.entries[0].salted_hash),
        LOG.attestation(claim=other.proof(5), claim_commitment=other.entries[5].salted_hash),
        other.attestation(),
    ):
        assert not is_valid(data)
        assert not verify_attestation(data, POLICY, LOG.keys(), now=NOW).word.is_valid


def test_the_program_minds_witnesses_and_the_end_of_a_key() -> None:
    few = LOG.head(("sh",))
    data = LOG.attestation(service=LOG.proof(3, few), claim=LOG.proof(5, few))
    assert is_valid(data, LOG.policy("1").encode())
    assert is_valid(data, LOG.policy("none").encode())
    assert not is_valid(data, LOG.policy("2").encode())
    ended = {"keys": [{**KEYS["keys"][0], "active": {LOG.origin: [0, 7]}}]}
    assert not is_valid(GOOD, keys=ended)
    lasting = {"keys": [{**KEYS["keys"][0], "active": {LOG.origin: [0, 8]}}]}
    assert is_valid(GOOD, keys=lasting)


# The page says what the code does


def test_the_page_explains_every_member_and_word() -> None:
    text = PAGE.read_text("utf-8")
    payload = json.loads(unb64url(json.loads(GOOD)["attestation"].split(".")[1]))
    assert all(f"`{name}`" in text for name in (*payload, *json.loads(GOOD)))
    named = set(re.findall(r"`([A-Z]+_[A-Z_]+|VALID|MALFORMED)`", text))
    assert {word.value for word in Word} <= named
    assert VoucherClaimState.REJECTED.value not in named


OTHER = AttestedLog("hub.other.example/records")
OF_TWO, BOTH = LOG.attestation_over(OTHER), LOG.policy("all", OTHER).encode()


def test_both_programs_judge_a_service_in_another_log_alike(tmp_path: Path) -> None:
    assert is_valid(OF_TWO, BOTH)
    assert is_valid(GOOD, BOTH)
    for policy in (POLICY.encode(), OTHER.policy().encode()):
        assert not is_valid(OF_TWO, policy), "a log that is not pinned"
    for log in (None, ServiceLog(OTHER.origin, 7), ServiceLog(LOG.origin, 8)):
        assert not is_valid(LOG.attestation_over(OTHER, service_log=log), BOTH)
    late = AttestedLog(at=datetime.now(UTC) - timedelta(minutes=5))
    files = {name: tmp_path / name for name in ("two.json", "policy.txt", "policy.txt.keys.json")}
    files["two.json"].write_bytes(late.attestation_over(OTHER))
    files["policy.txt"].write_bytes(late.policy("all", OTHER).encode())
    files["policy.txt.keys.json"].write_bytes(keys_file(late))
    words = ["verify", str(files["two.json"]), "--policy", str(files["policy.txt"])]
    done = CliRunner().invoke(assemble("verify"), words)
    assert done.exit_code == 0, done.output
    assert done.output.startswith("VALID")
    assert f"{OTHER.origin} at 8 leaves" in done.output
