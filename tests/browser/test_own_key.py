"""The explorer of a hub that answers key holders only, with one's own key, in headless Chromium."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from joserfc.jwk import ECKey

from hub.access.clients import ClientKind
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.store import DatabaseClientStore
from hub.clock import system_clock
from hub.crypto.keys import SigningKey, generate_key
from hub.store.database import Database
from tests.browser.conftest import Browser
from tests.databases import lent_database
from tests.running_hub import environment, running_hub

pytestmark = [pytest.mark.browser, pytest.mark.integration]

CLIENT = "own-platform"
SCOPES = ("catalogue:read", "graphql:adhoc")
CLOSED = {"HUB_SANDBOX": "0", "HUB_ANONYMOUS": "0"}
Seen = dict[str, Any]


@pytest.fixture(scope="module")
def key() -> SigningKey:
    return generate_key()


@pytest.fixture(scope="module")
def seen(
    cluster: str,
    template: str,
    tmp_path_factory: pytest.TempPathFactory,
    key: SigningKey,
    browser: Browser,
) -> Iterator[Seen]:
    keys = tmp_path_factory.mktemp("keys")
    _write_files(keys, key)
    with (
        lent_database(cluster, template) as url,
        running_hub(url, tmp_path_factory.mktemp("hub"), CLOSED) as hub,
    ):
        asyncio.run(_register(url, key))
        arguments = (hub, browser.program, str(browser.pictures), CLIENT, str(keys), sys.executable)
        done = browser.tools.node("own_key.mjs", *arguments, more=environment(url))
    assert done.returncode == 0, done.stderr
    yield json.loads(done.stdout)


def _write_files(folder: Path, key: SigningKey) -> None:
    """The client's key in both forms, and what people choose by mistake."""
    pem, private = key.pem(), key.private
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    jwk = ECKey.import_key(pem.decode()).as_dict(private=True)
    strange = rsa.generate_private_key(65537, 2048)
    form, plain = PrivateFormat.PKCS8, NoEncryption()
    files = {
        "key.pem": pem,
        "key.jwk": json.dumps(jwk).encode(),
        "public.jwk": json.dumps(key.public.jwk).encode(),
        "other.pem": generate_key().pem(),
        "encrypted.pem": private.private_bytes(Encoding.PEM, form, BestAvailableEncryption(b"x")),
        "sec1.pem": private.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, plain),
        "rsa.pem": strange.private_bytes(Encoding.PEM, form, plain),
        "broken.json": b"{",
        "text.pem": "这不是密钥".encode(),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)


async def _register(url: str, key: SigningKey) -> None:
    application = read_application(application_document(CLIENT, CLIENT, key.public))
    grant = ClientGrant("uscc:91110000600037341L", ClientKind.PARTNER, SCOPES)
    async with Database(url) as database:
        await admit(DatabaseClientStore(database), application, grant, system_clock())


def test_without_a_key_the_page_says_in_words_what_to_do(seen: Seen) -> None:
    without = seen["without"]
    assert without["session"].startswith("未接入")
    (error,) = without["errors"]
    assert error.startswith("TOKEN_MISSING 此枢纽只应答持有密钥的客户端")
    assert "undefined" not in error
    assert without["panel"] is not None, "the place for a key is open"


def test_the_interface_can_be_read_without_a_key_and_without_a_question(seen: Seen) -> None:
    assert seen["types"][0].startswith("Query")
    assert len(seen["types"]) > 100
    assert seen["typesSent"] == []


@pytest.mark.parametrize("file", ["key.pem", "key.jwk"])
def test_an_own_key_in_either_form_opens_a_session(seen: Seen, file: str) -> None:
    used = seen[file]
    assert used["told"] == ""
    assert used["state"] == "answered"
    assert used["errors"] == []
    assert used["session"] == f"客户端 {CLIENT} · {' '.join(SCOPES)}"
    assert used["panel"] is None
    assert seen["asked"]["data"]["me"]["clientId"] == CLIENT


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ("", "请填写客户端标识并选择私钥文件"),
        ("public.jwk", "这是公钥"),
        ("other.pem", "枢纽不认识这个客户端和密钥"),
        ("encrypted.pem", "私钥有密码"),
        ("sec1.pem", "openssl pkcs8 -topk8 -nocrypt"),
        ("rsa.pem", "不是 P-256 私钥"),
        ("broken.json", "文件不是合法的 JSON"),
        ("text.pem", "没有找到 PKCS #8 私钥或 JWK"),
        ("unknown", "枢纽不认识这个客户端和密钥"),
    ],
)
def test_a_wrong_key_is_told_in_words_and_changes_nothing(
    seen: Seen, file: str, words: str
) -> None:
    assert words in seen["refused"][file]
    assert seen["still"] == seen["without"]["session"]


def test_the_private_key_is_never_sent_or_kept_and_cannot_be_taken_out(
    seen: Seen, key: SigningKey
) -> None:
    private = key.private
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    secret = ECKey.import_key(key.pem().decode()).as_dict(private=True)["d"]
    body = "".join(key.pem().decode().splitlines()[1:-1])
    assert any("/oauth/token" in line for line in seen["sent"])
    for line in seen["sent"]:
        assert str(secret) not in line
        assert body[:40] not in line
    assert seen["kept"] == ""
    assert set(seen["extractable"]) == {False}
    assert seen["reloaded"]["session"].startswith("未接入")
    assert set(seen["requests"]) == {"127.0.0.1"}


def test_times_are_shown_as_the_clocks_in_the_delta_show_them_with_their_offset(seen: Seen) -> None:
    shown = {row[0]: row[3] for row in seen["key.pem"]["sources"]}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+08:00", shown["zju-push"])
    assert len(seen["local"]) == 2, "two sources have spoken"
    for written, local in seen["local"]:
        assert written.strip('"').endswith("Z"), "what is copied is what the hub said"
        assert local.endswith("+08:00")


def test_a_key_is_made_in_the_browser_and_its_owner_asks_for_a_registration(seen: Seen) -> None:
    assert "小写字母" in seen["applied"]["badId"]
    assert seen["applied"]["noName"] == "请填写单位名称"
    assert "已申请" in seen["applied"]["good"]
    assert seen["application"]["kid"] in seen["applied"]["good"], "to be compared on the telephone"
    assert set(seen["application"]["jwk"]) == {"kty", "crv", "x", "y"}
    assert seen["application"]["scopes"] == ["records:push", "receipt:read", "catalogue:read"]
    assert seen["application"]["sources"] == ["zju-push"]


def test_an_approved_client_enters_with_the_key_that_its_browser_kept(seen: Seen) -> None:
    assert "可能还未批准" in seen["tooEarly"]
    assert seen["entered"]["session"] == "已进入：zju-desk（uscc:12100000470095016Q）"
    assert seen["entered"]["sources"] == ["zju-push"]
    assert seen["keptKey"] == [["zju-desk", False]], "the private half cannot be taken out"


def test_nothing_fails_in_the_page(seen: Seen) -> None:
    assert seen["failures"] == []
    rest = [line for line in seen["console"] if "the server responded with a status of" not in line]
    assert rest == []
