"""The page of attestations, in headless Chromium, against a hub that really runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest

from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.clock import system_clock
from hub.crypto.keys import SigningKey, generate_key
from hub.store.database import Database
from tests.browser.conftest import Browser
from tests.databases import lent_to_hub
from tests.integration.vouchers.claimed_service import state_pushed_claim
from tests.integration.vouchers.voucher_world import CODE, HOLDER, ISSUER
from tests.running_hub import running_hub

pytestmark = [pytest.mark.browser, pytest.mark.integration]
Seen = dict[str, Any]
SCOPES = ("catalogue:read", "voucher:verify")
CLIENTS = {"holder": HOLDER, "stranger": "moe:10246"}


@pytest.fixture(scope="module")
def seen(
    cluster: str, template: str, tmp_path_factory: pytest.TempPathFactory, browser: Browser
) -> Iterator[Seen]:
    folder = tmp_path_factory.mktemp("keys")
    keys = {name: generate_key() for name in CLIENTS}
    for name, key in keys.items():
        (folder / f"{name}.pem").write_bytes(key.pem())
    with (
        lent_to_hub(cluster, template) as url,
        running_hub(url, tmp_path_factory.mktemp("hub")) as hub,
    ):
        asyncio.run(_prepare(url, keys))
        done = browser.tools.node(
            "attestation.mjs",
            *(hub, browser.program, str(browser.pictures), str(folder), ISSUER, CODE, "A"),
        )
    assert done.returncode == 0, done.stderr
    yield json.loads(done.stdout)


async def _prepare(url: str, keys: dict[str, SigningKey]) -> None:
    async with Database(url) as database:
        await state_pushed_claim(database)
        for name, party in CLIENTS.items():
            application = read_application(application_document(name, name, keys[name].public))
            grant = ClientGrant(party, ClientKind.PARTNER, SCOPES)
            await admit(DatabaseClientStore(database), application, grant, system_clock())


def test_every_file_and_page_that_the_page_names_is_there(seen: Seen) -> None:
    assert set(seen["links"].values()) == {200}
    assert {"/attestation/keys", "/log/policy", "/guide/partners/attestation"} <= set(seen["links"])
    assert "/guide/partners/samples/check_attestation.py" in seen["links"]


def test_what_is_not_attested_says_why_and_shows_every_check_what_is_wrong_first(
    seen: Seen,
) -> None:
    attested = seen["attested"]
    assert attested["errors"] == []
    assert attested["told"] == "没有证明：核验未全部通过，见下表。"
    assert len(attested["checks"]) == 16
    assert "未知" in attested["checks"][0]
    assert "通过" in attested["checks"][-1]


def test_the_state_now_is_told_in_words_with_its_time_and_amount(seen: Seen) -> None:
    told = seen["state"]["told"]
    assert "券抵扣 4000.00 元。" in told
    assert "CONSUMED" not in told
    assert "+08:00" in told


def test_a_stranger_is_told_that_there_is_none(seen: Seen) -> None:
    (error,) = seen["stranger"]["errors"]
    assert error.startswith("NOT_FOUND")
    assert seen["stranger"]["told"] == ""


def test_the_page_is_sound_for_axe_and_fits_a_phone(seen: Seen) -> None:
    assert seen["faults"] == []
    assert seen["phone"] <= 0
    assert seen["failures"] == []
