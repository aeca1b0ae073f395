"""Every fact, reason and hold that the rules of vouchers name has a code in answers."""

from __future__ import annotations

import re
from pathlib import Path

import hub
from hub.graphql import voucher_enums as codes
from hub.policy.vouchers.checks import CheckCode, CheckResult, VoucherVerdict
from hub.policy.vouchers.corrections import TOLD
from hub.policy.vouchers.fast_track import FastTrackNeed
from hub.policy.vouchers.fingerprints import Hit
from hub.policy.vouchers.messages import VoucherRefusal
from hub.vouchers.cases.words import ADVICE, CHECKS, MISSING, REFUSED, code_name
from hub.vouchers.services.splits import SPLIT_SUSPECTED

ROOMS = [Path(hub.__file__).parent / each for each in ("policy/vouchers", "vouchers")]
SOURCE = "\n".join(file.read_text("utf-8") for room in ROOMS for file in room.rglob("*.py"))


def test_every_fact_and_reason_that_a_rule_names_has_a_code() -> None:
    facts = set(re.findall(r'Missing\("([\w.]+)"', SOURCE))
    facts |= set(re.findall(r'_stated\([^()]*(?:\[[^]]*\])?, "(\w+)"\)', SOURCE))
    facts |= set(re.findall(r'number\("(voucher\.\w+)"\)|_fen\(law, "(voucher\.\w+)"', SOURCE)[0])
    reasons = set(re.findall(r'Missing\([^()]*, "([A-Z_]+)"\)', SOURCE))
    assert len(facts) > 20
    assert len(reasons) > 8
    assert {code_name(each) for each in facts if each} <= set(codes.MissingFact.__members__)
    assert reasons <= set(codes.MissingReason.__members__)


def test_every_word_of_the_rules_has_a_code() -> None:
    def of(words: object) -> set[str]:
        return {each.value for each in words}  # type: ignore[attr-defined]

    refusing = {each.value for each in Hit if each.refuses}
    assert of(VoucherRefusal) | refusing == set(codes.RefusalCode.__members__) - {"UNKNOWN"}
    assert of(CheckCode) == set(codes.CheckCodeName.__members__) - {"UNKNOWN"}
    assert of(CheckResult) == set(codes.CheckResultCode.__members__)
    assert of(VoucherVerdict) == set(codes.VerdictCode.__members__)
    assert of(FastTrackNeed) == set(codes.FastTrackNeedCode.__members__) - {"UNKNOWN"}
    met = {each.value for each in Hit if not each.refuses} | {SPLIT_SUSPECTED}
    kinds = {"SERVICE_LOWERED", "SERVICE_WITHDRAWN", "SERVICE_NOT_VALID"}
    assert kinds < {each.value for each in TOLD}
    assert met | kinds == set(codes.HoldCode.__members__) - {"UNKNOWN"}


def test_what_this_version_does_not_know_is_unknown() -> None:
    assert codes.code_in(codes.HoldCode, "OF_A_LATER_VERSION").name == "UNKNOWN"


def test_the_page_has_words_for_every_code() -> None:
    of_law = {code_name(each) for each in codes.PARAMETERS}  # of a parameter it gives the name
    facts = set(codes.MissingFact.__members__) - of_law - {"UNKNOWN"}
    assert facts == {code_name(each) for each in MISSING}
    told = set(codes.RefusalCode.__members__) | set(codes.HoldCode.__members__)
    assert told - {"UNKNOWN"} <= set(REFUSED)
    assert set(codes.RefusalCode.__members__) - {"UNKNOWN"} == set(ADVICE) - {""}
    assert set(codes.CheckCodeName.__members__) - {"UNKNOWN"} == set(CHECKS)
