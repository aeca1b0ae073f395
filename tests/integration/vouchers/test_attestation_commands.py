"""`deltahub voucher attest`, `claims`, `keys pinned` and `verify`: the operator's side of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub.cli.context import settings
from hub.cli.main import assemble
from hub.clock import system_clock
from hub.intake.linking import state_as_operator
from hub.ledger.keys import parse_keys
from hub.ledger.log_files import log_signer
from hub.ledger.policy import NONE, Policy
from hub.ledger.sequencer import Sequencer
from hub.store.database import Database
from hub.store.roles import READ
from hub.vouchers.attested.claim_days import ClaimDays
from schema.dates import local_date
from schema.parties import HUB_PARTY
from tests.databases import as_owner, as_role, lent_to_hub
from tests.integration.vouchers.claimed_service import CODE, ISSUER, SERVICE, state_pushed_claim

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def folder(cluster: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of an operator whose hub has one claim, and yesterday's map in its log."""
    made: Path = tmp_path_factory.mktemp("hub")
    with lent_to_hub(cluster, template) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("HUB_DATABASE_URL", url)
        patch.setenv("HUB_DATABASE_READ_URL", as_role(url, READ))
        patch.setenv("HUB_DATABASE_OWNER_URL", as_owner(url))
        patch.setenv("HUB_DATA_DIR", str(made))
        patch.chdir(made)
        asyncio.run(_prepare(url, made))
        yield made


async def _prepare(url: str, folder: Path) -> None:
    origin = settings().log_origin
    signer = log_signer(origin, folder / "keys", None)

    async def state(rows: list[dict[str, Any]]) -> None:
        await state_as_operator(database, system_clock, f"{HUB_PARTY}{origin}", rows)

    async with Database(url) as database:
        await state_pushed_claim(database)
        sequencer = Sequencer(url, signer, system_clock, folder / "log")
        await sequencer.catch_up()
        await ClaimDays(database, origin).state_due(system_clock(), state)
        await sequencer.catch_up()
    (folder / "policy.txt").write_bytes(Policy((signer.key,), {}, {}, NONE).encode())


def deltahub(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(assemble(arguments[0]), list(arguments))
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def test_what_is_unknown_is_not_attested_and_every_check_is_told(folder: Path) -> None:
    code, told = deltahub("voucher", "attest", "--issuer", ISSUER, "--code", CODE, "--claim", "A")
    assert code == 1
    assert told.startswith("没有证明 no attestation: NOT_VALID")
    assert "STATUS UNKNOWN · status" in told
    assert not (folder / "attestation.json").exists()


def test_a_day_is_proved_in_a_file_that_is_verified_offline(folder: Path) -> None:
    day = local_date(system_clock() - timedelta(minutes=5)) - timedelta(days=1)
    code, told = deltahub("voucher", "claims", SERVICE, "--day", day.isoformat())
    assert (code, "not claimed" in told) == (0, True), told
    code, told = deltahub("verify", "claims.json", "--policy", "policy.txt")
    assert (code, told.splitlines()[0]) == (0, "VALID_UNWITNESSED"), told
    assert "claimed    no" in told
    data = (folder / "claims.json").read_bytes()
    (folder / "changed.json").write_bytes(data.replace(b'"key":"', b'"key":"0', 1))
    code, told = deltahub("verify", "changed.json", "--policy", "policy.txt")
    assert (code, told.splitlines()[0]) == (1, "MALFORMED")


def test_a_day_without_a_map_is_named(folder: Path) -> None:
    code, told = deltahub("voucher", "claims", SERVICE, "--day", "2020-01-01")
    assert (code, told.strip()) == (1, "没有证明 no proof: NO_MAP")


def test_the_keys_to_pin_are_a_file_that_a_verifier_reads(folder: Path) -> None:
    code, _ = deltahub("keys", "pinned", "--to", "policy.txt.keys.json")
    keys = parse_keys((folder / "policy.txt.keys.json").read_bytes())
    assert (code, len(keys)) == (0, 1)
    assert deltahub("keys", "pinned")[1].encode() == (folder / "policy.txt.keys.json").read_bytes()


def test_a_receipt_alone_is_told_to_need_its_record(folder: Path) -> None:
    (folder / "some.tlog-proof").write_text("c2sp.org/tlog-proof@v1\n")
    code, told = deltahub("verify", "some.tlog-proof", "--policy", "policy.txt")
    assert (code, "with its record" in told) == (2, True)
