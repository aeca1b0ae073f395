"""`deltahub voucher claim`, `decide`, `settle`, `claw-back` against a hub that runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psycopg
import pytest
from typer.testing import CliRunner

from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.cli.main import assemble
from hub.client.profile import Profile
from hub.clock import system_clock
from hub.crypto.keys import generate_key
from hub.store.database import Database
from hub.store.locks import SessionLock
from tests.databases import lent_to_hub
from tests.integration.vouchers.case_world import LATER, build_cases
from tests.integration.vouchers.voucher_world import CODE, HOLDER, ISSUER, PROVIDER
from tests.running_hub import running_hub

pytestmark = pytest.mark.integration
SCOPES = ("catalogue:read", "voucher:read", "voucher:claim")
CLIENTS = {"office": ISSUER, "enterprise": HOLDER, "provider": PROVIDER}


@dataclass(frozen=True)
class Desk:
    """A folder with a profile of each client of the hub."""

    folder: Path

    def says(self, client: str, *words: str, claim: str, code: int = 0) -> str:
        named = ["--issuer", ISSUER, "--code", CODE, "--claim", claim]
        profile = ["--as", str(self.folder / f"{client}.toml")]
        done = CliRunner().invoke(assemble("voucher"), ["voucher", *words, *profile, *named])
        assert done.exit_code == code, done.output
        return done.output


@pytest.fixture(scope="module")
def desk(cluster: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("profiles")
    keys = {name: generate_key() for name in CLIENTS}

    async def seed(url: str) -> None:
        # as if another worker followed the log: it would hold claims whose service it cannot judge
        other.execute("SELECT pg_advisory_lock(%s)", (SessionLock.VOUCHERS,))
        async with Database(url) as database:
            await build_cases(database, until=date(2099, 6, 30))
            for name, party in CLIENTS.items():
                application = read_application(application_document(name, name, keys[name].public))
                grant = ClientGrant(party, ClientKind.VOUCHER, SCOPES)
                await admit(DatabaseClientStore(database), application, grant, system_clock())

    with (
        lent_to_hub(cluster, template) as url,
        psycopg.connect(url, autocommit=True) as other,
        running_hub(
            url, tmp_path_factory.mktemp("hub"), {"HUB_VOUCHER_ISSUERS": ISSUER}, seed
        ) as base,
    ):
        for name, key in keys.items():
            path = folder / f"{name}.pem"
            path.touch(mode=0o600)
            path.write_bytes(key.pem())
            Profile(base, name, path).write(folder / f"{name}.toml")
        yield Desk(folder)


RESERVE = (
    *("claim", "reserve", "--fen", "100000", "--provider", PROVIDER),
    *("--from", "2030-05-04", "--until", "2030-05-04"),
)


def test_money_is_reserved_once_and_given_back(desk: Desk) -> None:
    told = desk.says("enterprise", *RESERVE, claim="C")
    assert told == "RESERVED · C · 已预留 Reserved for an order · 1,000.00 CNY\n"
    assert "先前已受理 taken before" in desk.says("enterprise", *RESERVE, claim="C")
    other = [*RESERVE, "--key", "another-request-of-the-same"]
    taken = desk.says("enterprise", *other, claim="C", code=1)
    assert taken.splitlines()[0].startswith("没有变动 nothing moved: CLAIM_EXISTS · 申兑编号已用")
    assert "Choose another number" in taken
    assert desk.says("enterprise", "claim", "release", claim="C").startswith("RELEASED · C")


def test_a_service_that_is_not_valid_is_not_consumed_and_every_check_is_told(desk: Desk) -> None:
    desk.says("enterprise", *RESERVE, claim="D")
    service = f"{PROVIDER}/TEM-01/S-none"
    words = ("claim", "consume", "--fen", "100000", "--service", service)
    told = desk.says("provider", *words, claim="D", code=2)
    assert "NOT_FOUND" in told
    known = (*words[:-1], LATER)
    told = desk.says("provider", *known, claim="D", code=1)
    assert told.startswith("没有变动 nothing moved: CHECKS_INVALID · ")
    results = [line.split(":")[0] for line in told.splitlines() if line.startswith("  ")]
    assert results.index("  FAIL") < results.index("  UNKNOWN"), "what is wrong stands first"
    assert "STATUS" in told


def test_an_office_decides_and_what_is_not_known_is_not_settled(desk: Desk) -> None:
    assert desk.says("office", "decide", "county", claim="A").startswith("COUNTY_OK · A")
    told = desk.says("office", "settle", "--fen", "400000", claim="A", code=1)
    assert told.startswith("没有变动 nothing moved: ")
    assert desk.says("office", "decide", "city", claim="A").startswith("CITY_OK · A")
    told = desk.says("office", "settle", "--fen", "400000", claim="A", code=1)
    assert "STATUS" in told
    bare = desk.says("office", "decide", "reject", claim="A", code=1)
    assert "REASON_MISSING" in bare
    assert "--reason" in bare
    said = ("decide", "reject", "--reason", "看过")
    assert desk.says("office", *said, claim="A").startswith("REJECTED · A")


def test_who_may_not_decide_is_told_so(desk: Desk) -> None:
    told = desk.says("enterprise", "decide", "clear", "--reason", "x", claim="B", code=2)
    assert "FORBIDDEN" in told
    back = ("claw-back", "--fen", "1", "--reason", "x")
    assert "STATE_NOT_FITTING" in desk.says("office", *back, claim="B", code=1)
