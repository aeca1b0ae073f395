import base64
import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.ledger.checkpoint import cosign, with_cosignatures
from hub.ledger.keys import PinnedKey, ProducerKeys, pin
from hub.ledger.leaf import Revision, evidence_for
from hub.ledger.merkle import inclusion_proof, nodes_of, root
from hub.ledger.note import WITNESS_KEY, Note, Signature
from hub.ledger.policy import parse_policy
from hub.ledger.proof import Receipt, parse_receipt
from hub.ledger.verify import Word, verify
from schema.canonical import canonical, digest
from schema.codes import Assurance
from schema.records import Institution
from schema.registry import build

SIGNED, REQUEST, OBSERVED = 0, 1, 2


def _word(receipt, record, policy, keys, **options):
    return verify(receipt, record, policy, keys, **options).word


# What a good receipt says


@pytest.mark.parametrize(
    ("number", "assurance", "party"),
    [
        (SIGNED, Assurance.PRODUCER_SIGNED, "moe:10335"),
        (REQUEST, Assurance.REQUEST_SIGNED, "moe:10335"),
        (OBSERVED, Assurance.HUB_OBSERVED, "hub:hub.delta.example"),
    ],
)
def test_a_witnessed_receipt_is_valid_and_says_who_vouches(log, number, assurance, party):
    receipt, record = log.receipt(number)
    verdict = verify(receipt, record, log.policy(), log.keys)
    assert verdict.word is Word.VALID
    assert verdict.assurance is assurance
    assert (verdict.party, verdict.record_type) == (party, "ServiceRecord")
    assert (verdict.origin, verdict.index, verdict.log_size) == (log.origin, number, 21)
    assert (verdict.authority, verdict.key) == ("moe:10335/lims", f"moe:10335/A1/s-{number}")
    assert verdict.revision == number + 1
    encoded = base64.urlsafe_b64encode(digest(record)).decode().rstrip("=")
    assert verdict.revision_id == f"r1_{encoded}"
    assert verdict.witnesses == ("ah", "js", "sh")
    assert len(verdict.reasons) == 3
    assert all(reason.zh and reason.en for reason in verdict.reasons)


def test_a_signature_of_another_than_the_issuer_does_not_count(new_log):
    """A platform signs, with its own pinned key, a record of a university."""
    made = new_log()
    made.add(instrumentKey="moe:10246/A1")
    receipt, record = made.receipt(0)
    verdict = verify(receipt, record, made.policy(), made.keys)
    assert verdict.word is Word.BAD_PRODUCER_SIG
    assert verdict.detail == "PRODUCER_PARTY: moe:10335 signed what only moe:10246 may state"


def test_a_request_may_be_signed_by_a_platform_that_passes_a_record_on(new_log):
    made = new_log()
    made.add("REQUEST_SIGNED", instrumentKey="moe:10246/A1")
    receipt, record = made.receipt(0)
    verdict = verify(receipt, record, made.policy(), made.keys)
    assert (verdict.word, verdict.party) == (Word.VALID, "moe:10335")
    assert "itself is not signed" in verdict.reasons[0].en


def test_what_cannot_be_compared_is_not_called_the_producer_s(log):
    receipt, record = log.receipt(SIGNED)
    with_type = verify(receipt, record, log.policy(), log.keys)
    without = verify(receipt, record, log.policy(), log.keys, registry=build([Institution]))
    assert (with_type.word, without.word) == (Word.VALID, Word.VALID)
    assert "The producer signed this record" in with_type.reasons[0].en
    assert "cannot tell whether the signer is its issuer" in without.reasons[0].en


@pytest.mark.parametrize(
    ("key", "word"),
    [("moe:10335/A1/s-1", Word.VALID), ("moe:10246/A1/s-1", Word.BAD_PRODUCER_SIG)],
)
def test_a_withdrawal_s_signer_is_compared_with_what_its_key_names(new_log, key, word):
    made = new_log()
    stated = {"type": "ServiceRecord", "key": key, "reason": "typo", "at": "2026-11-25T08:00:00Z"}
    made.add_bytes(canonical(stated))
    receipt, record = made.receipt(0)
    assert _word(receipt, record, made.policy(), made.keys) is word


def test_every_record_of_the_log_has_a_valid_receipt(log):
    for number in range(21):
        receipt, record = log.receipt(number)
        assert _word(receipt, record, log.policy(), log.keys) is Word.VALID


def test_without_witnesses_the_best_word_is_unwitnessed(log):
    for witnesses in ((), ("sh", "js", "ah")):
        receipt, record = log.receipt(SIGNED, witnesses=witnesses)
        verdict = verify(receipt, record, log.policy("none"), log.keys)
        assert verdict.word is Word.VALID_UNWITNESSED
        assert verdict.witnessed_at is None
        assert verdict.witnesses == tuple(sorted(witnesses))


def test_the_time_is_the_one_at_which_the_quorum_was_complete(log):
    receipt, record = log.receipt(SIGNED)
    for quorum, second in (("any", 1795420000), ("2", 1795420003), ("all", 1795420005)):
        verdict = verify(receipt, record, log.policy(quorum), log.keys)
        assert verdict.witnessed_at == datetime.fromtimestamp(second, UTC)


def test_a_log_of_one_record_needs_no_hashes(new_log):
    one = new_log()
    one.add()
    receipt, record = one.receipt(0)
    assert parse_receipt(receipt).proof == ()
    assert _word(receipt, record, one.policy(), one.keys) is Word.VALID


def test_receipts_of_unsigned_records_need_no_pinned_key(log):
    for number in (REQUEST, OBSERVED):
        receipt, record = log.receipt(number)
        assert _word(receipt, record, log.policy(), ProducerKeys()) is Word.VALID


def test_a_receipt_shows_which_record_it_is_of_and_the_public_leaf_does_not(log):
    receipt, record = log.receipt(OBSERVED)
    extra = base64.b64decode(receipt.split(b"\n")[1].removeprefix(b"extra "))
    shown = ["authority", "h", "key", "p", "revision", "salt", "t", "v"]
    assert sorted(json.loads(extra)) == shown
    leaf = log.entries[OBSERVED][1].leaf().encode()
    assert sorted(json.loads(leaf)) == ["h", "p", "t", "v"]
    assert b"A1" in extra
    assert b"A1" in record
    assert b"A1" not in leaf


def test_the_verifier_loads_nothing_but_cryptography_and_its_own_pure_modules():
    script = (
        "import sys; before = set(sys.modules); import hub.ledger.verify;"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - before})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    foreign = set(done.stdout.split()) - sys.stdlib_module_names
    assert foreign <= {"hub", "schema", "cryptography", "_cffi_backend", "_openssl"}


# Damage


@pytest.mark.parametrize("number", [SIGNED, REQUEST, OBSERVED])
def test_no_changed_byte_of_a_receipt_or_record_is_valid(log, number):
    receipt, record = log.receipt(number)
    policy = log.policy()
    words = set()
    for data, other in ((receipt, record), (record, receipt)):
        for position, old in enumerate(data):
            for new in {old ^ 0x01, old ^ 0x20, 0x0A, 0xFF} - {old}:
                changed = data[:position] + bytes([new]) + data[position + 1 :]
                pair = (changed, other) if data is receipt else (other, changed)
                verdict = verify(*pair, policy, log.keys)
                assert not verdict.word.is_valid, (position, new)
                assert verdict.assurance is None
                assert verdict.index is None
                assert verdict.detail
                words.add(verdict.word)
    assert words >= {
        Word.MALFORMED,
        Word.BAD_RECORD,
        Word.BAD_LEAF,
        Word.BAD_LOG_SIG,
        Word.NO_QUORUM,
        Word.BAD_INCLUSION,
    }


def test_no_cut_or_lengthened_receipt_is_valid(log):
    receipt, record = log.receipt(SIGNED)
    policy = log.policy()
    for length in range(len(receipt)):
        assert not _word(receipt[:length], record, policy, log.keys).is_valid
    assert not _word(receipt + receipt, record, policy, log.keys).is_valid
    for tail in (b"\n", b" ", b"x"):
        assert _word(receipt + tail, record, policy, log.keys) is Word.MALFORMED


def test_no_dropped_doubled_or_swapped_line_is_valid(log):
    receipt, record = log.receipt(SIGNED)
    policy, lines = log.policy(), receipt.split(b"\n")
    last = len(lines) - 2
    for position in range(len(lines)):
        dropped = lines[:position] + lines[position + 1 :]
        assert not _word(b"\n".join(dropped), record, policy, log.keys).is_valid
        if position < last and lines[position] != lines[position + 1]:
            swapped = [*lines]
            swapped[position : position + 2] = swapped[position + 1], swapped[position]
            verdict = verify(b"\n".join(swapped), record, policy, log.keys)
            signatures = all(line.startswith("—".encode()) for line in swapped[position:][:2])
            assert verdict.word.is_valid is signatures


def test_evidence_swapped_between_two_receipts_is_refused(log):
    for first, second in ((0, 3), (1, 4), (2, 5), (0, 1), (1, 2)):
        (mine, record), (other, _) = log.receipt(first), log.receipt(second)
        mine_lines, other_lines = mine.split(b"\n"), other.split(b"\n")
        mine_lines[1] = other_lines[1]
        word = _word(b"\n".join(mine_lines), record, log.policy(), log.keys)
        assert word in {Word.BAD_PRODUCER_SIG, Word.BAD_LEAF}


def test_a_receipt_does_not_prove_another_record(log):
    for number, word in ((0, Word.BAD_PRODUCER_SIG), (1, Word.BAD_LEAF), (2, Word.BAD_LEAF)):
        receipt, _ = log.receipt(number)
        assert _word(receipt, log.entries[number + 3][0], log.policy(), log.keys) is word


@pytest.mark.parametrize("number", [SIGNED, REQUEST, OBSERVED])
@pytest.mark.parametrize(
    "changed", [{"authority": ""}, {"key": "moe:10335/A1/s-9"}, {"number": 9}], ids=str
)
def test_a_receipt_of_one_revision_is_no_other_s(log, number, changed):
    receipt, record = log.receipt(number)
    parsed = parse_receipt(receipt)
    revision = replace(parsed.evidence.revision, **changed)
    other = replace(parsed, evidence=replace(parsed.evidence, revision=revision)).encode()
    assert _word(other, record, log.policy(), log.keys) is Word.BAD_LEAF


@pytest.mark.parametrize(
    "stated",
    [
        {"instrumentKey": "moe:10335/A1", "localId": "s-8"},
        {"type": "ServiceRecord", "key": "moe:10335/A1/s-8", "reason": "r", "at": "2026-11-25"},
    ],
    ids=["record", "withdrawal"],
)
def test_a_log_that_gives_a_record_another_key_than_its_own_is_not_believed(new_log, stated):
    made = new_log()
    made.revision = lambda _: Revision("ServiceRecord", "", "moe:10335/A1/s-9", 1)
    made.add_bytes(canonical(stated), "REQUEST_SIGNED")
    receipt, record = made.receipt(0)
    verdict = verify(receipt, record, made.policy(), made.keys)
    assert verdict.word is Word.BAD_LEAF
    assert verdict.detail == "LEAF_RECORD_KEY: the record is moe:10335/A1/s-8, not moe:10335/A1/s-9"


def test_a_proof_of_another_place_is_refused(log):
    receipt, record = log.receipt(SIGNED)
    parsed = parse_receipt(receipt)
    for changed in (
        replace(parsed, index=1),
        replace(parsed, index=21),
        replace(parsed, index=2**63 - 1),
        replace(parsed, proof=parsed.proof[1:]),
        replace(parsed, proof=(*parsed.proof, bytes(32))),
        replace(parsed, proof=()),
        replace(parsed, proof=parsed.proof[::-1]),
        replace(parsed, proof=(bytes(32),) * 63),
    ):
        assert _word(changed.encode(), record, log.policy(), log.keys) is Word.BAD_INCLUSION
    too_many = replace(parsed, proof=(bytes(32),) * 64)
    assert _word(too_many.encode(), record, log.policy(), log.keys) is Word.MALFORMED


def test_a_record_never_logged_is_not_proved_by_the_proof_of_another(log):
    canon = canonical({"hours": "9000"})
    revision = Revision("ServiceRecord", "", "s-1", 1)
    evidence = evidence_for(canon, bytes(32), revision, "moe:10335", log.kid, None)
    parsed = parse_receipt(log.receipt(REQUEST)[0])
    forged = replace(parsed, evidence=evidence).encode()
    assert _word(forged, canon, log.policy(), log.keys) is Word.BAD_INCLUSION


@pytest.mark.parametrize("source", [SIGNED, REQUEST, OBSERVED])
def test_assurance_cannot_be_raised_or_lowered(log, source):
    parsed, record = parse_receipt(log.receipt(source)[0]), log.entries[source][0]
    own = log.entries[source][1]
    signed = log.entries[SIGNED][1]
    for evidence in (
        replace(own, jws=None, kid=log.kid, party=log.party),
        replace(own, jws=None, kid=None, party="hub:hub.delta.example"),
        replace(own, jws=signed.jws, kid=log.kid, party=log.party),
    ):
        if evidence != own:
            data = replace(parsed, evidence=evidence).encode()
            assert not _word(data, record, log.policy(), log.keys).is_valid


@pytest.mark.parametrize(
    "spelling",
    [
        lambda r: r + b"\n",
        lambda r: b"\xef\xbb\xbf" + r,
        lambda r: r.replace(b":", b": "),
        lambda r: json.dumps(json.loads(r)).encode(),
        lambda r: r[:-1] + b',"hours":"3.50"}',
        lambda r: r[:-1] + b',"z":1.5}',
        lambda r: r[:-1] + b',"z":' + b"9" * 5000 + b"}",
        lambda r: r[:-1] + b',"z":' + b"[" * 9000 + b"]" * 9000 + b"}",
        lambda r: r[:-1] + b',"z":NaN}',
        lambda r: r[:-1] + b',"z":"\\ud800"}',
        lambda r: b"[]",
        lambda r: b"",
        lambda r: b"\xff",
        lambda r: b'{"a":"' + b"x" * 40_000 + b'"}',
    ],
    ids=range(14),
)
def test_a_record_in_any_other_spelling_is_a_bad_record(log, spelling):
    receipt, record = log.receipt(REQUEST)
    assert _word(receipt, spelling(record), log.policy(), log.keys) is Word.BAD_RECORD


EXTRAS = {
    "not an object": lambda e: b"[]",
    "spaces": lambda e: e.replace(b":", b": ", 1),
    "members in another order": lambda e: json.dumps(
        dict(reversed(json.loads(e).items())), separators=(",", ":")
    ).encode(),
    "version 1": lambda e: e.replace(b'"v":2', b'"v":1'),
    "version true": lambda e: e.replace(b'"v":2', b'"v":true'),
    "unknown member": lambda e: e.replace(b'"v":2', b'"v":2,"x":"1"'),
    "assurance of its own": lambda e: e.replace(b'{"au', b'{"assurance":"PRODUCER_SIGNED","au'),
    "no key": lambda e: canonical({**json.loads(e), "key": ""}),
    "key as number": lambda e: canonical({**json.loads(e), "key": 1}),
    "no authority": lambda e: canonical(
        {k: v for k, v in json.loads(e).items() if k != "authority"}
    ),
    "revision 0": lambda e: canonical({**json.loads(e), "revision": 0}),
    "revision true": lambda e: canonical({**json.loads(e), "revision": True}),
    "revision as text": lambda e: canonical({**json.loads(e), "revision": "1"}),
    "revision of 2^31": lambda e: canonical({**json.loads(e), "revision": 2**31}),
    "salt too short": lambda e: canonical({**json.loads(e), "salt": "AAAA"}),
    "salt as number": lambda e: canonical({**json.loads(e), "salt": 5}),
    "type with a space": lambda e: canonical({**json.loads(e), "t": "Service Record"}),
    "party without scheme": lambda e: canonical({**json.loads(e), "p": "10335"}),
    "party with a line feed": lambda e: canonical({**json.loads(e), "p": "moe:1\n2"}),
    "no salt": lambda e: canonical({k: v for k, v in json.loads(e).items() if k != "salt"}),
    "key without party change": lambda e: canonical({**json.loads(e), "p": "moe:1"}),
    "signature without key": lambda e: canonical({**json.loads(e), "jws": "a..b"}),
    "signature too long": lambda e: canonical({**json.loads(e), "jws": "a" * 9000}),
    "larger than a record": lambda e: b'{"h":"' + b"A" * 40_000 + b'"}',
}


@pytest.mark.parametrize("defect", EXTRAS)
def test_evidence_with_a_defect_is_malformed(log, defect):
    receipt, record = log.receipt(OBSERVED)
    lines = receipt.split(b"\n")
    extra = base64.b64decode(lines[1].removeprefix(b"extra "))
    assert EXTRAS[defect](extra) != extra
    lines[1] = b"extra " + base64.b64encode(EXTRAS[defect](extra))
    assert _word(b"\n".join(lines), record, log.policy(), log.keys) is Word.MALFORMED


FORMS = {
    "another version": lambda r: r.replace(b"@v1", b"@v2", 1),
    "CRLF": lambda r: r.replace(b"\n", b"\r\n"),
    "no extra": lambda r: b"\n".join(r.split(b"\n")[:1] + r.split(b"\n")[2:]),
    "index with leading zero": lambda r: r.replace(b"index ", b"index 0"),
    "index with plus": lambda r: r.replace(b"index ", b"index +"),
    "index of 2^63": lambda r: r.replace(b"index 2", b"index %d" % 2**63),
    "no index": lambda r: r.replace(b"index 2\n", b""),
    "64 hashes": lambda r: r.replace(b"index 2\n", b"index 2\n" + (b"A" * 43 + b"=\n") * 64),
    "short hash": lambda r: r.replace(b"index 2\n", b"index 2\nAAAA\n"),
    "hash without padding": lambda r: r.replace(b"index 2\n", b"index 2\n" + b"A" * 43 + b"\n"),
    "hyphen for em dash": lambda r: r.replace("—".encode(), b"-"),
    "17 signatures": lambda r: r + (r[r.rindex("—".encode()) :]) * 13,
    "larger than 64 KiB": lambda r: r.replace(b"extra ", b"extra " + b"A" * 70_000),
    "nothing": lambda r: b"",
    "only the header": lambda r: b"c2sp.org/tlog-proof@v1\n",
    "no checkpoint": lambda r: r[: r.index(b"\n\n") + 2],
    "not UTF-8": lambda r: r.replace(b"hub.delta", b"hub\xffdelta"),
}


@pytest.mark.parametrize("defect", FORMS)
def test_a_receipt_with_a_defect_of_form_is_malformed(log, defect):
    receipt, record = log.receipt(OBSERVED)
    assert FORMS[defect](receipt) != receipt
    assert _word(FORMS[defect](receipt), record, log.policy(), log.keys) is Word.MALFORMED


# Keys of producers


def test_a_key_that_is_not_pinned_for_the_party_is_unknown(log):
    receipt, record = log.receipt(SIGNED)
    public = log.producer.public_key()
    stranger = derive_private_key(4712, SECP256R1()).public_key()
    for keys in (
        ProducerKeys(),
        ProducerKeys([pin(stranger, log.party)]),
        ProducerKeys([pin(public, "moe:10336")]),
    ):
        assert _word(receipt, record, log.policy(), keys) is Word.UNKNOWN_KEY


@pytest.mark.parametrize(
    ("window", "word"),
    [
        ((0, None), Word.VALID),
        ((3, 4), Word.VALID),
        ((4, None), Word.KEY_NOT_ACTIVE),
        ((0, 3), Word.KEY_NOT_ACTIVE),
    ],
)
def test_a_key_signs_only_inside_its_window(log, window, word):
    receipt, record = log.receipt(3)
    key = PinnedKey(log.kid, log.party, log.producer.public_key(), {log.origin: window})
    assert _word(receipt, record, log.policy(), ProducerKeys([key])) is word


def test_a_key_that_is_active_in_another_log_only_is_not_active_here(log):
    receipt, record = log.receipt(SIGNED)
    active = {"hub.delta.example/records/2025": (0, None)}
    key = PinnedKey(log.kid, log.party, log.producer.public_key(), active)
    assert _word(receipt, record, log.policy(), ProducerKeys([key])) is Word.KEY_NOT_ACTIVE


def test_a_leaf_that_names_another_key_than_its_signature_is_a_bad_leaf(log):
    receipt, record = log.receipt(SIGNED)
    parsed = parse_receipt(receipt)
    changed = replace(parsed, evidence=replace(parsed.evidence, kid="A" * 43))
    assert _word(changed.encode(), record, log.policy(), log.keys) is Word.BAD_LEAF


def test_the_mirror_image_of_a_signature_is_not_in_the_log(log):
    # ECDSA: (r, n - s) verifies as well as (r, s); the leaf holds only the one that was sent.
    receipt, record = log.receipt(SIGNED)
    parsed = parse_receipt(receipt)
    head, _, tail = parsed.evidence.jws.partition("..")
    raw = base64.urlsafe_b64decode(tail + "==")
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    mirrored = raw[:32] + (order - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    jws = f"{head}..{base64.urlsafe_b64encode(mirrored).decode().rstrip('=')}"
    changed = replace(parsed, evidence=replace(parsed.evidence, jws=jws))
    assert _word(changed.encode(), record, log.policy(), log.keys) is Word.BAD_INCLUSION


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.binary(max_size=200), st.integers(0, 1500), st.integers(0, 80), st.binary(max_size=80))
def test_no_splice_of_bytes_is_valid_and_none_is_an_error(log, head, position, gap, insert):
    receipt, record = log.receipt(SIGNED)
    spliced = receipt[:position] + insert + receipt[position + gap :]
    for data, other in ((spliced, record), (head, record), (receipt, insert), (receipt, head)):
        verdict = verify(data, other, log.policy(), log.keys)
        assert verdict.word.is_valid is ((data, other) == (receipt, record))


# The log and its witnesses


def test_a_log_that_is_not_in_the_policy_is_refused(log, new_signer):
    other = new_signer("other.example/log").key.encode()
    policy = parse_policy(f"log {other}\nquorum none\n".encode())
    receipt, record = log.receipt(SIGNED)
    assert _word(receipt, record, policy, log.keys) is Word.BAD_LOG_SIG
    assert _word(receipt, record, parse_policy(b"quorum none\n"), log.keys) is Word.BAD_LOG_SIG


def test_a_checkpoint_of_another_origin_is_refused(log):
    receipt, record = log.receipt(SIGNED, origin="other.example/log")
    assert _word(receipt, record, log.policy(), log.keys) is Word.BAD_LOG_SIG


def test_one_of_two_logs_of_the_policy_is_enough(log, new_signer):
    other = new_signer("other.example/log").key.encode()
    text = f"log {other}\n".encode() + log.policy().encode()
    receipt, record = log.receipt(SIGNED)
    assert _word(receipt, record, parse_policy(text), log.keys) is Word.VALID


@pytest.mark.parametrize(
    ("quorum", "witnesses", "word"),
    [
        ("any", (), Word.NO_QUORUM),
        ("any", ("js",), Word.VALID),
        ("2", ("js",), Word.NO_QUORUM),
        ("2", ("js", "js"), Word.NO_QUORUM),
        ("2", ("js", "ah"), Word.VALID),
        ("all", ("js", "ah"), Word.NO_QUORUM),
        ("all", ("ah", "sh", "js"), Word.VALID),
    ],
)
def test_a_quorum_counts_each_witness_once(log, quorum, witnesses, word):
    receipt, record = log.receipt(SIGNED, witnesses=witnesses)
    assert _word(receipt, record, log.policy(quorum), log.keys) is word


def test_witnesses_that_the_policy_does_not_know_count_for_nothing(log, new_signer):
    note = log.checkpoint(witnesses=("sh",))
    strangers = [
        cosign(note.text, new_signer(f"w{i}.example", WITNESS_KEY), 1795420000) for i in range(5)
    ]
    receipt, record = log.receipt(SIGNED, checkpoint=with_cosignatures(note, strangers))
    assert _word(receipt, record, log.policy("2"), log.keys) is Word.NO_QUORUM
    assert _word(receipt, record, log.policy("any"), log.keys) is Word.VALID


def test_a_witness_under_another_name_is_not_that_witness(log):
    note = log.checkpoint(witnesses=("sh",))
    (line,) = note.signatures[1:]
    renamed = Signature("witness.js.example/w", line.key_id, line.value)
    receipt, record = log.receipt(SIGNED, checkpoint=with_cosignatures(note, [renamed]))
    assert _word(receipt, record, log.policy("2"), log.keys) is Word.NO_QUORUM


def test_a_wrong_cosignature_of_a_known_witness_spoils_even_a_complete_quorum(log):
    note = log.checkpoint(witnesses=("sh", "js"))
    key = log.witnesses["ah"].key
    wrong = Signature(key.name, key.key_id, (1795420000).to_bytes(8, "big") + bytes(64))
    receipt, record = log.receipt(SIGNED, checkpoint=with_cosignatures(note, [wrong]))
    assert _word(receipt, record, log.policy("2"), log.keys) is Word.NO_QUORUM


def test_a_cosignature_of_another_checkpoint_is_wrong(log):
    old = log.checkpoint(hashes=log.hashes()[:20])
    new = log.checkpoint(witnesses=())
    mixed = with_cosignatures(new, old.signatures[1:])
    receipt, record = log.receipt(SIGNED, checkpoint=mixed)
    assert _word(receipt, record, log.policy("any"), log.keys) is Word.NO_QUORUM


def test_signatures_from_the_future_are_refused_when_the_reader_has_a_clock(log):
    receipt, record = log.receipt(REQUEST)
    latest = datetime.fromtimestamp(1795420005, UTC)
    near, far = latest - timedelta(seconds=600), latest - timedelta(seconds=601)
    assert _word(receipt, record, log.policy(), log.keys, now=near) is Word.VALID
    assert _word(receipt, record, log.policy(), log.keys, now=far) is Word.NO_QUORUM
    early = log.now - timedelta(days=1)
    signed, record = log.receipt(SIGNED)
    assert _word(signed, record, log.policy(), log.keys, now=early) is Word.BAD_PRODUCER_SIG


@pytest.mark.parametrize("time", [0, 253_402_300_800, 2**63, 2**64 - 1])
def test_a_cosignature_time_outside_the_calendar_is_refused_and_not_an_error(log, time):
    note = log.checkpoint(witnesses=())
    witness = log.witnesses["sh"]
    raw = witness.sign(f"cosignature/v1\ntime {time}\n{note.text}".encode())
    line = Signature(witness.key.name, witness.key.key_id, time.to_bytes(8, "big") + raw)
    receipt, record = log.receipt(SIGNED, checkpoint=with_cosignatures(note, [line]))
    assert _word(receipt, record, log.policy("any"), log.keys) is Word.NO_QUORUM


def test_a_signed_text_that_is_no_checkpoint_is_malformed(log):
    text = log.checkpoint().text + "extension\n"
    key = log.log.key
    note = Note(text, (Signature(key.name, key.key_id, log.log.sign(text.encode())),))
    receipt, record = log.receipt(SIGNED, checkpoint=note)
    assert _word(receipt, record, log.policy("none"), log.keys) is Word.MALFORMED


def test_a_node_of_the_tree_is_not_accepted_as_a_record(new_log):
    # Leaf and node are hashed with different prefixes: a parent cannot be shown as a leaf.
    tree = new_log()
    for _ in range(4):
        tree.add("HUB_OBSERVED")
    hashes = tree.hashes()
    canon, evidence = tree.entries[0]
    shorter = inclusion_proof(nodes_of(hashes), 0, 4)[1:]
    data = Receipt(evidence, 0, tuple(shorter), tree.checkpoint()).encode()
    assert _word(data, canon, tree.policy(), tree.keys) is Word.BAD_INCLUSION
    assert root(hashes) != root(hashes[:2])
