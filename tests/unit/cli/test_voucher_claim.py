"""What `deltahub voucher claim` says of an answer."""

from __future__ import annotations

from typing import Any

import pytest

from hub.cli.voucher_claim import tell_payload

NOTHING: dict[str, Any] = {
    **dict.fromkeys(("claimNo", "state", "fen", "refused", "missing", "firstClaim")),
    "heldFor": [],
    "checks": [],
    "replayed": False,
}
FIRST = {"issuer": "moe:10001", "code": "ZJ-1", "claimNo": "A", "entryId": "4711"}


def said(capsys: pytest.CaptureFixture[str], **told: Any) -> list[str]:
    tell_payload({**NOTHING, **told})
    return capsys.readouterr().out.splitlines()


def test_a_refusal_names_the_first_claim_only_where_it_was_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    seen = said(capsys, refused="ALREADY_CLAIMED", firstClaim=FIRST)
    unseen = said(capsys, refused="ALREADY_CLAIMED")
    assert seen[:2] == unseen
    assert seen[2].endswith("moe:10001/ZJ-1/A")
    assert seen[3].endswith("deltahub client receipt --as … 4711")


def test_a_missing_parameter_and_a_code_of_a_later_hub_are_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (line, advice) = said(capsys, missing="VOUCHER_RATE")
    assert "VOUCHER_RATE · 该地区当日无此参数值" in line
    assert "same command again" in advice
    (line, advice) = said(capsys, refused="OF_A_LATER_HUB")
    assert "OF_A_LATER_HUB" in line
    assert "参数" not in line
    assert advice.strip().startswith("请向发放单位查询")
