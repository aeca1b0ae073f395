"""No secret leaves with the log, whoever writes the line and whatever it quotes."""

from __future__ import annotations

import time

import pytest

from hub.access import dpop
from hub.clock import system_clock
from hub.crypto.keys import generate_key
from hub.watching.limits import SECRETS_MAX
from hub.watching.scrub import GONE, Scrubber

KEY = generate_key()
PROOF = dpop.make(KEY, "POST", "https://hub.example/oauth/token", system_clock())
PEM = KEY.pem().decode()


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        (f"headers {{'dpop': '{PROOF}'}}", PROOF.split(".")[1]),
        (f"client_assertion={PROOF}&grant_type=x", PROOF.rsplit(".", 1)[1]),
        ("Authorization: DPoP abcdefghijklmnopqrstuvwxyz0123", "abcdefghijklmnopqrstuvwxyz0123"),
        ("[('authorization', 'Bearer s3cr3t-t0ken-value')]", "s3cr3t-t0ken-value"),
        ("Signature: sig1=:YWJjZGVmZ2hpamtsbW5vcA==:", "YWJjZGVmZ2hpamtsbW5vcA=="),
        ("connection failed: postgresql://hub:p4ss%20word@db/hub?x", "p4ss%20word"),
        ("password=hunter22 host=db", "hunter22"),
        ("{'client_secret': 'abc-secret-123'}", "abc-secret-123"),
        ("x-api-key: 0123456789abcdef", "0123456789abcdef"),
        (f"key\n{PEM}", PEM.splitlines()[1]),
        (repr(PEM), PEM.splitlines()[1]),
        ('{"kty":"EC","d":"Zm9vYmFyYmF6cXV4Zm9vYmFy"}', "Zm9vYmFyYmF6cXV4Zm9vYmFy"),
        ("jws: eyJhbGciOiJFUzI1NiJ9..c2lnbmF0dXJlLXZhbHVl", "c2lnbmF0dXJlLXZhbHVl"),
    ],
    ids=[
        *("proof", "assertion", "dpop", "bearer", "signature", "address", "password"),
        *("client secret", "api key", "pem", "quoted pem", "jwk", "detached jws"),
    ],
)
def test_a_secret_is_known_by_its_form(line: str, secret: str) -> None:
    assert secret in line
    told = Scrubber()(line)
    assert secret not in told
    assert GONE in told


def test_a_secret_without_a_form_is_known_by_its_value_and_as_it_stands_in_an_address() -> None:
    scrub = Scrubber()
    scrub.hide("kühl & geheim", None, "ab")
    assert "geheim" not in scrub("it said: kühl & geheim.")
    assert "geheim" not in scrub("GET /?key=k%C3%BChl%20%26%20geheim")
    assert scrub("ab is a word") == "ab is a word"


def test_the_password_of_an_address_is_hidden_wherever_it_comes_up() -> None:
    scrub = Scrubber()
    scrub.hide_address("postgresql://hub:geheim%21wort@db.example/hub")
    scrub.hide_address("postgresql://hub@/hub")
    scrub.hide_address(None)
    assert "geheim" not in scrub('FATAL: "geheim!wort" is wrong')
    assert "geheim" not in scrub("as geheim%21wort")


def test_what_an_operator_needs_stays() -> None:
    line = "harvest of ecnu: FAILED SOURCE_REFUSED (before: OK) GET /equipments: status 401"
    assert Scrubber()(line) == line
    assert Scrubber()("postgresql://hub@/hub?host=/x y") == "postgresql://hub@/hub?host=/x y"


def test_what_is_hidden_by_value_is_bounded() -> None:
    scrub = Scrubber()
    scrub.hide(*(f"secret-number-{n}" for n in range(SECRETS_MAX + 100)))
    assert scrub(f"secret-number-{SECRETS_MAX + 99}") == GONE
    assert len(scrub._values) == SECRETS_MAX


@pytest.mark.parametrize(
    "part", ["eyJ", "-----BEGIN PRIVATE KEY-----", "://a:", "password=", "sig=:", 'd":"', "Bearer "]
)
def test_a_long_line_is_scrubbed_in_bounded_time(part: str) -> None:
    def took(size: int) -> float:
        line = part * (size // len(part))
        began = time.process_time()
        Scrubber()(line)
        return time.process_time() - began

    took(1000)
    assert took(400_000) < 40 * max(took(40_000), 0.005)
