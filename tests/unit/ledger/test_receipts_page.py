"""The normative page says what the code does."""

import json
import re
from pathlib import Path

import pytest

from hub.crypto.base64url import unb64url
from hub.ledger import limits
from hub.ledger.proof import HEADER, encode_evidence
from hub.ledger.statement import TYPE
from hub.ledger.verify import Word
from schema.codes import Assurance

PAGE = Path(__file__).parents[3] / "docs" / "standard" / "receipts.md"


@pytest.fixture(scope="module")
def page():
    return PAGE.read_text("utf-8")


def test_every_word_and_assurance_is_explained_and_no_other(page):
    verdicts = page[page.index("## 7. Verdict") :]
    named = set(re.findall(r"`([A-Z]+_?[A-Z_]+)`", verdicts))
    assert named - {"PRODUCER_SIGNED"} == {word.value for word in Word}
    assert all(f"`{assurance.value}`" in page for assurance in Assurance)


def test_every_member_of_leaf_evidence_and_header_is_named(page, log):
    evidence = log.entries[0][1]
    header = json.loads(unb64url(evidence.jws.split(".")[0]))
    for members in (json.loads(evidence.leaf().encode()), json.loads(encode_evidence(evidence))):
        assert all(f"`{name}`" in page for name in members)
    assert all(f"`{name}`" in page for name in header)
    assert f"`{TYPE}`" in page
    assert HEADER in page


def test_the_bounds_are_those_of_the_code(page):
    assert limits.RECORD_BYTES_MAX == 32 * 1024
    assert "and 32 KiB" in page
    assert limits.STATEMENT_BYTES_MAX == 8 * 1024
    assert "at most 8 KiB" in page
    assert limits.NOTE_BYTES_MAX == limits.POLICY_BYTES_MAX == 64 * 1024
    assert f"0 to {limits.PROOF_HASHES_MAX} lines" in page
    assert f"at most {limits.SIGNATURES_MAX} signatures" in page
    assert f"{limits.POLICY_LINES_MAX} witnesses" in page
    assert f"{limits.CLOCK_SKEW_S} s" in page
    assert f"at most {limits.TYPE_CHARACTERS_MAX} " in page
    assert f"at most {limits.PARTY_CHARACTERS_MAX} characters" in page
