import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, SECP384R1, derive_private_key
from joserfc.jwk import ECKey

from hub.crypto.es256 import public_jwk, sign, thumbprint
from hub.ledger.errors import PolicyError
from hub.ledger.keys import ProducerKeys, parse_keys, pin
from hub.ledger.note import LOG_KEY, WITNESS_KEY, VerifierKey
from hub.ledger.policy import parse_policy


@pytest.fixture
def vkeys(new_signer):
    made = {name: new_signer(f"{name}.example", WITNESS_KEY).key.encode() for name in "abcd"}
    return {"log": new_signer("log.example/2026").key.encode(), **made}


def _policy(template, vkeys):
    return parse_policy(template.format(**vkeys).encode())


TWO_LEVELS = """# provinces
log {log} https://log.example/

\twitness X1 {a}
witness X2   {b}\thttps://b.example/
witness Y1 {c}
witness Y2 {d}
group X 2 X1 X2
group Y any Y1 Y2
  # both
group both all X Y
quorum both
"""


def test_groups_of_groups_are_counted(vkeys):
    policy = _policy(TWO_LEVELS, vkeys)
    assert policy.asks_witnesses
    for names, met in (
        ({"X1", "X2", "Y1"}, True),
        ({"X1", "X2", "Y2", "Y1"}, True),
        ({"X1", "X2"}, False),
        ({"X1", "Y1", "Y2"}, False),
        ({"X", "Y"}, False),
        (set(), False),
    ):
        assert policy.is_met(names) is met


def test_a_policy_is_printed_and_read_the_same(vkeys):
    policy = _policy(TWO_LEVELS, vkeys)
    assert parse_policy(policy.encode()) == policy


def test_a_single_witness_can_be_the_quorum(vkeys):
    policy = _policy("log {log}\nwitness w {a}\nquorum w\n", vkeys)
    assert policy.is_met({"w"})
    assert not policy.is_met({"v"})


def test_no_witness_is_asked_for_only_when_the_file_says_so(vkeys):
    assert not _policy("log {log}\nquorum none\n", vkeys).asks_witnesses
    with pytest.raises(PolicyError) as caught:
        _policy("log {log}\n", vkeys)
    assert caught.value.code == "POLICY_QUORUM"


def test_names_are_opaque_octets(vkeys):
    template = "witness K {a}\nwitness \u212a {b}\ngroup g all K \u212a\nquorum g\n"
    assert not _policy(template, vkeys).is_met({"K"})
    raw = "witness K {a}\nwitness ~ {b}\nquorum ~\n".format(**vkeys).encode().replace(b"~", b"\xff")
    assert parse_policy(parse_policy(raw).encode()) == parse_policy(raw)
    assert not parse_policy(raw).is_met({"K"})


DEFECTS = {
    "no file": "",
    "CRLF": "log {log}\r\nquorum none\r\n",
    "no last line feed": "log {log}\nquorum none",
    "control character": "# \x07\nquorum none\n",
    "unknown line": "logs {log}\nquorum none\n",
    "log without key": "log\nquorum none\n",
    "log with four words": "log {log} a b\nquorum none\n",
    "two quorums": "quorum none\nquorum none\n",
    "quorum before its name": "quorum w\nwitness w {a}\n",
    "unknown quorum": "quorum w\n",
    "group of none": "witness w {a}\ngroup g 1 none\nquorum g\n",
    "group without members": "witness w {a}\ngroup g any\nquorum w\n",
    "threshold 0": "witness w {a}\ngroup g 0 w\nquorum g\n",
    "threshold 01": "witness w {a}\ngroup g 01 w\nquorum g\n",
    "threshold above its members": "witness w {a}\ngroup g 2 w\nquorum g\n",
    "threshold in words": "witness w {a}\ngroup g most w\nquorum g\n",
    "member twice in a group": "witness w {a}\ngroup g 2 w w\nquorum g\n",
    "member of two groups": "witness w {a}\ngroup g 1 w\ngroup h 1 w\nquorum g\n",
    "group of itself": "witness w {a}\ngroup g 1 g\nquorum g\n",
    "name used twice": "witness w {a}\nwitness w {b}\nquorum w\n",
    "name none": "witness none {a}\nquorum none\n",
    "log listed twice": "log {log}\nlog {log}\nquorum none\n",
    "witness listed twice": "witness v {a}\nwitness w {a}\nquorum w\n",
    "log key as witness": "witness w {log}\nquorum w\n",
    "witness key as log": "log {a}\nquorum none\n",
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_policy_with_a_defect_is_refused(defect, vkeys):
    with pytest.raises(PolicyError):
        _policy(DEFECTS[defect], vkeys)


def test_one_public_key_under_two_names_counts_once_by_being_refused(new_signer, vkeys):
    public = new_signer("a.example", WITNESS_KEY).key.public
    again = VerifierKey("renamed.example", WITNESS_KEY, public).encode()
    with pytest.raises(PolicyError) as caught:
        _policy(f"witness v {{a}}\nwitness w {again}\ngroup g 2 v w\nquorum g\n", vkeys)
    assert caught.value.code == "POLICY_DUPLICATE"


def test_a_log_cannot_be_its_own_witness(new_signer, vkeys):
    public = new_signer("log.example/2026").key.public
    own = VerifierKey("w.example", WITNESS_KEY, public).encode()
    assert VerifierKey("log.example/2026", LOG_KEY, public).encode() == vkeys["log"]
    with pytest.raises(PolicyError) as caught:
        _policy(f"log {{log}}\nwitness w {own}\nquorum w\n", vkeys)
    assert caught.value.code == "POLICY_DUPLICATE"


def test_32_witnesses_are_possible_and_33_are_not(new_signer):
    lines = [
        f"witness w{i} {new_signer(f'w{i}.example', WITNESS_KEY).key.encode()}" for i in range(33)
    ]
    assert len(parse_policy("\n".join([*lines[:32], "quorum w0\n"]).encode()).witnesses) == 32
    with pytest.raises(PolicyError):
        parse_policy("\n".join([*lines, "quorum w0\n"]).encode())


# Pinned producer keys

PUBLIC = derive_private_key(4711, SECP256R1()).public_key()


def _jwk(**changes):
    jwk = {**public_jwk(PUBLIC), "kid": thumbprint(PUBLIC), "party": "moe:10335", **changes}
    return {name: value for name, value in jwk.items() if value is not None}


def _parse(*jwks):
    return parse_keys(json.dumps({"keys": jwks}).encode())


def test_the_thumbprint_is_the_one_that_joserfc_computes():
    for number in range(1, 40):
        public = derive_private_key(number, SECP256R1()).public_key()
        assert thumbprint(public) == ECKey.import_key(public_jwk(public)).thumbprint()


def test_a_pinned_key_is_found_for_its_own_party_only():
    keys = _parse(_jwk(use="sig", alg="ES256"))
    assert len(keys) == 1
    assert keys.find(thumbprint(PUBLIC), "moe:10335").public == PUBLIC
    assert keys.find(thumbprint(PUBLIC), "moe:10336") is None
    assert keys.find("x" * 43, "moe:10335") is None


def test_a_window_includes_its_start_and_excludes_its_end():
    key = _parse(_jwk(active={"log.example": [5, 8], "next.example": [0, None]})).find(
        thumbprint(PUBLIC), "moe:10335"
    )
    assert [i for i in range(10) if key.is_active("log.example", i)] == [5, 6, 7]
    assert key.is_active("next.example", 10**9)
    assert not key.is_active("other.example", 5)
    assert pin(PUBLIC, "moe:10335").is_active("other.example", 5)


@pytest.mark.parametrize(
    "changes",
    [
        {"kid": "x" * 43},
        {"kid": None},
        {"party": None},
        {"party": ""},
        {"kty": "RSA"},
        {"crv": "P-384"},
        {"x": "AA"},
        {"y": 5},
        {"y": "A" * 43},
        {"d": "A" * 43},
        {"use": "enc"},
        {"key_ops": ["encrypt"]},
        {"key_ops": 5},
        {"active": [1, 2]},
        {"active": {"log.example": [1]}},
        {"active": {"log.example": [True, None]}},
        {"active": {"log.example": [0, "9"]}},
    ],
)
def test_a_key_with_a_defect_is_refused(changes):
    with pytest.raises(PolicyError) as caught:
        _parse(_jwk(**changes))
    assert caught.value.code == "KEYS_TEXT"


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"keys":5}', '{"keys":[5]}', '{"keys":[],"keys":[]}']
)
def test_a_key_file_with_a_defect_is_refused(text):
    with pytest.raises(PolicyError):
        parse_keys(text.encode())


def test_a_key_pinned_twice_is_refused():
    with pytest.raises(PolicyError):
        _parse(_jwk(), _jwk(party="moe:10336"))
    with pytest.raises(PolicyError):
        ProducerKeys([pin(PUBLIC, "a:1"), pin(PUBLIC, "a:2")])


def test_a_key_on_another_curve_neither_signs_nor_has_a_thumbprint():
    other = derive_private_key(4711, SECP384R1())
    with pytest.raises(ValueError, match="P-256"):
        thumbprint(other.public_key())
    with pytest.raises(ValueError, match="P-256"):
        sign(other, b"")
