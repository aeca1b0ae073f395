"""The normative page of profile hub-sig-1 says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from hub.access import limits
from hub.access.dpop import ALGORITHMS
from hub.access.errors import Reason
from hub.access.signatures import (
    LABEL,
    MUTATION,
    PUSH,
    READ,
    RELAYED,
    REQUEST_TAG,
    RESPONSE_TAG,
)
from hub.crypto.limits import TOKEN_CHARACTERS_MAX
from hub.intake.limits import IDEMPOTENCY_KEPT_DAYS, IDEMPOTENCY_KEY_LENGTH_MAX

PAGE = (Path(__file__).parents[3] / "docs/standard/hub-sig-1.md").read_text("utf-8")


def cells(start: str) -> list[str]:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| {start}")]
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_each_operation_covers_what_the_page_lists_in_its_order() -> None:
    push = re.findall(r"`([@a-z-]+)`", cells("push:")[2])
    sent = re.findall(r"`([a-z-]+)`", cells("push:")[2].partition("where they are sent")[2])
    assert tuple(push) == PUSH.components
    assert cells("mutation:")[2] == "the same"
    assert set(sent) == PUSH.optional == {"hub-schema", *RELAYED}
    assert (MUTATION.components, MUTATION.optional) == (PUSH.components, PUSH.optional)
    read = re.findall(r"`([@a-z-]+)`", cells("read:")[2].partition(" and, where")[0])
    assert tuple(read) == tuple(n for n in READ.components if n not in READ.optional)
    for name in READ.optional:
        assert f"`{name}`" in cells("read:")[2]


def test_every_reason_to_refuse_a_signature_is_listed_with_its_status() -> None:
    listed = dict(re.findall(r"^\| `(SIG_[A-Z_]+)` \| (\d+) \|", PAGE, re.M))
    reasons = {r.name: str(r.status) for r in Reason if r.name.startswith("SIG_")}
    assert listed == reasons


def test_the_names_and_bounds_are_those_of_the_code() -> None:
    assert f"Signature-Input: {LABEL}=" in PAGE
    assert f'tag="{REQUEST_TAG}"' in PAGE
    assert f"`{RESPONSE_TAG}`" in PAGE
    assert "ES256" in ALGORITHMS
    assert (
        f"at most {limits.SIGNATURE_LIFETIME_S}; `created` at most {limits.CLOCK_AHEAD_S} s" in PAGE
    )
    assert f"{limits.SIGNATURE_HEADER_MAX:,}" in PAGE
    assert f"at most {limits.HEADER_VALUE_MAX:,}" in PAGE
    assert f"{limits.JTI_MIN_CHARS} to {limits.JTI_MAX_CHARS} visible" in PAGE
    assert f"at most {limits.PROOF_AGE_S} old and at most {limits.CLOCK_AHEAD_S} ahead" in PAGE
    assert f"at most {limits.ASSERTION_LIFETIME_S} after `iat`" in PAGE
    assert f"`expires_in` ({limits.TOKEN_LIFETIME_S})" in PAGE
    assert f"at most {TOKEN_CHARACTERS_MAX >> 10} KiB long" in " ".join(PAGE.split())
    assert f"1 to {IDEMPOTENCY_KEY_LENGTH_MAX} characters" in PAGE
    assert IDEMPOTENCY_KEPT_DAYS == 7
    assert "for seven days" in PAGE
