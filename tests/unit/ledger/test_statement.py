import base64
import json
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
from joserfc.errors import BadSignatureError
from joserfc.jwk import ECKey
from joserfc.jws import JWSRegistry, deserialize_compact
from joserfc.registry import HeaderParameter

from hub.crypto.base64url import b64url, unb64url
from hub.crypto.es256 import is_signed, public_jwk, public_key, sign, thumbprint
from hub.ledger.encoding import from_decimal
from hub.ledger.errors import StatementError
from hub.ledger.statement import check_statement, parse_statement, sign_record, statement_hash

PRIVATE = derive_private_key(4711, SECP256R1())
PUBLIC = PRIVATE.public_key()
KID = thumbprint(PUBLIC)
CANON = '{"hours":"3.50","note":"电镜"}'.encode()
NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
TYPE, PARTY = "ServiceRecord", "moe:10335"
WYCHEPROOF = Path(__file__).parents[4] / "shared" / "vectors" / "jws" / "wycheproof_jws.json"


@pytest.fixture(scope="module")
def jws():
    return sign_record(CANON, PRIVATE, KID, TYPE, PARTY, NOW)


def _check(jws, canon=CANON, **changes):
    options = {"record_type": TYPE, "party": PARTY, **changes}
    return check_statement(jws, canon, PUBLIC, **options)


def _signed(changes=(), without=(), raw=None):
    """Sign a header that `sign_record` would not write."""
    header = {
        "alg": "ES256",
        "aud": f"urn:hub:party:{PARTY}",
        "b64": False,
        "crit": ["b64"],
        "iat": 1795420000,
        "kid": KID,
        "sch": f"{TYPE}@1",
        "typ": "hub-record+jws",
    }
    header.update(changes)
    for name in without:
        del header[name]
    protected = b64url(json.dumps(header).encode() if raw is None else raw)
    return f"{protected}..{b64url(sign(PRIVATE, protected.encode() + b'.' + CANON))}"


def test_a_signed_record_is_checked_and_tells_who_when_and_what(jws):
    statement = _check(jws, now=NOW)
    assert (statement.kid, statement.record_type, statement.party) == (KID, TYPE, PARTY)
    assert statement.issued_at == int(NOW.timestamp())
    assert jws.count("..") == 1


def test_another_library_accepts_the_detached_signature(jws):
    members = {"sch": "str", "aud": "str", "iat": "int"}
    registry = JWSRegistry(
        header_registry={name: HeaderParameter(name, kind) for name, kind in members.items()},
        algorithms=["ES256"],
    )
    key = ECKey.import_key(public_jwk(PUBLIC))
    found = deserialize_compact(jws, key, ["ES256"], registry, payload=CANON)
    assert found.payload == CANON
    with pytest.raises(BadSignatureError):
        deserialize_compact(jws, key, ["ES256"], registry, payload=CANON + b" ")


def test_a_hand_made_header_with_the_same_members_is_accepted():
    assert _check(_signed()).kid == KID


@pytest.mark.parametrize("spelling", [CANON + b"\n", CANON.replace(b"3.50", b"3.5"), b"", b"{}"])
def test_other_bytes_are_not_what_was_signed(jws, spelling):
    with pytest.raises(StatementError) as caught:
        _check(jws, spelling)
    assert caught.value.code == "STATEMENT_SIGNATURE"


def test_a_signature_cannot_be_moved_to_another_type_party_or_key(jws):
    for changes, code in (
        ({"record_type": "UsageRecord"}, "STATEMENT_TYPE"),
        ({"party": "moe:10336"}, "STATEMENT_PARTY"),
    ):
        with pytest.raises(StatementError) as caught:
            _check(jws, **changes)
        assert caught.value.code == code
    other = derive_private_key(4712, SECP256R1())
    with pytest.raises(StatementError) as caught:
        check_statement(jws, CANON, other.public_key(), record_type=TYPE, party=PARTY)
    assert caught.value.code == "STATEMENT_KEY"
    with pytest.raises(StatementError):
        sign_record(CANON, other, KID, TYPE, PARTY, NOW)


def test_a_signature_from_the_future_is_refused_after_ten_minutes(jws):
    assert _check(jws, now=NOW - timedelta(seconds=600))
    with pytest.raises(StatementError) as caught:
        _check(jws, now=NOW - timedelta(seconds=601))
    assert caught.value.code == "STATEMENT_TIME"


HEADERS = {
    "alg none": {"alg": "none"},
    "alg HS256": {"alg": "HS256"},
    "alg ES384": {"alg": "ES384"},
    "alg in small letters": {"alg": "es256"},
    "payload encoded": {"b64": True},
    "payload flag as text": {"b64": "false"},
    "payload flag as zero": {"b64": 0},
    "no critical member": {"crit": []},
    "another critical member": {"crit": ["b64", "exp"]},
    "critical as text": {"crit": "b64"},
    "token type": {"typ": "at+jwt"},
    "DPoP type": {"typ": "dpop+jwt"},
    "client assertion type": {"typ": "client-authentication+jwt"},
    "manifest type": {"typ": "hub-manifest+jws"},
    "type in capitals": {"typ": "HUB-RECORD+JWS"},
    "embedded key": {"jwk": {"kty": "EC"}},
    "key address": {"jku": "https://keys.example/"},
    "certificate address": {"x5u": "https://keys.example/"},
    "certificate": {"x5c": ["AA"]},
    "compression": {"zip": "DEF"},
    "unknown member": {"nonce": "1"},
    "key id as path": {"kid": "../../etc/passwd"},
    "key id as number": {"kid": 5},
    "standard without version": {"sch": "ServiceRecord"},
    "standard of another version": {"sch": "ServiceRecord@2"},
    "standard as number": {"sch": 1},
    "audience as list": {"aud": ["urn:hub:party:moe:10335"]},
    "audience of something else": {"aud": "https://hub.example"},
    "time as text": {"iat": "1795420000"},
    "time as true": {"iat": True},
    "time as fraction": {"iat": 1795420000.5},
    "time before all": {"iat": 0},
    "time after all": {"iat": 2**52},
}


@pytest.mark.parametrize("defect", HEADERS)
def test_a_header_with_a_defect_is_refused_though_correctly_signed(defect):
    with pytest.raises(StatementError) as caught:
        _check(_signed(HEADERS[defect]))
    assert caught.value.code in {"STATEMENT_HEADER", "STATEMENT_TEXT"}


@pytest.mark.parametrize("name", ["alg", "aud", "b64", "crit", "iat", "kid", "sch", "typ"])
def test_a_header_without_a_member_is_refused(name):
    with pytest.raises(StatementError) as caught:
        _check(_signed(without=[name]))
    assert caught.value.code == "STATEMENT_HEADER"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        b'{"alg":"ES256","alg":"ES256"}',
        b'{"iat":1e400}',
        b'{"iat":NaN}',
        b'{"iat":' + b"9" * 5000 + b"}",
        b'{"crit":' + b"[" * 5000 + b"]" * 5000 + b"}",
    ],
    ids=lambda raw: f"{raw[:12]!r} of {len(raw)}",
)
def test_a_header_that_is_no_strict_json_is_refused(raw):
    with pytest.raises(StatementError):
        _check(_signed(raw=raw))


def test_the_outer_form_is_strict(jws):
    protected, _, signature = jws.partition("..")
    payload = base64.urlsafe_b64encode(CANON).decode().rstrip("=")
    raw = unb64url(signature)
    der = b"\x30\x44\x02\x20" + raw[:32] + b"\x02\x20" + raw[32:]
    for broken in (
        "",
        protected,
        f"{protected}.{signature}",
        f"{protected}.{payload}.{signature}",
        f"{protected}..{signature}.",
        f"{protected}..{signature}=",
        f"{protected}=..{signature}",
        f" {jws}",
        f"{jws}\n",
        f"{protected}..",
        f"..{signature}",
        f"{protected}..{signature[:-2]}",
        f"{protected}..{signature}AA",
        f"{protected}..{b64url(der)}",
        f"{protected}..{b64url(bytes(64))}",
        f"{protected}..{b64url(raw[:32] + bytes(32))}",
        f"{protected}..{b64url(bytes([255]) * 64)}",
        f"{protected}..{signature}é",
    ):
        with pytest.raises(StatementError):
            _check(broken)


def test_a_signature_larger_than_8_kib_is_refused():
    with pytest.raises(StatementError) as caught:
        parse_statement(_signed({"sch": "A" * 9000 + "@1"}))
    assert caught.value.code == "STATEMENT_TOO_LARGE"


def test_the_statement_hash_covers_header_and_signature(jws):
    protected, _, signature = jws.partition("..")
    assert statement_hash(jws) == sha256(f"{protected}.{signature}".encode()).digest()


@pytest.mark.parametrize("text", ["AB", "A", "AA=", "A A", "+/", "AAA\n", "é", "A\x00A"])
def test_base64url_has_one_spelling(text):
    with pytest.raises(ValueError, match=r"base64|string argument"):
        unb64url(text)


def test_decimals_have_one_spelling():
    assert from_decimal("0") == 0
    assert from_decimal(str(2**63 - 1)) == 2**63 - 1
    for text in ("", "00", "01", "+1", "-0", "1_0", " 1", "²", str(2**63)):
        with pytest.raises(ValueError, match="decimal"):
            from_decimal(text)


# Wycheproof


def _es256_cases():
    if not WYCHEPROOF.exists():
        return []
    groups = json.loads(WYCHEPROOF.read_text("utf-8"))["testGroups"]
    return [
        pytest.param(group["public"], case, id=f"{case['tcId']} {case['comment']}")
        for group in groups
        if group["comment"] in {"es256", "SpecialCaseEs256"}
        for case in group["tests"]
    ]


CASES = _es256_cases()
needs_wycheproof = pytest.mark.skipif(not CASES, reason="no Wycheproof JWS vectors in ../shared")


def _accepts(jwk, token):
    """A minimal attached JWS over our decoding and ES256: what the vectors exercise."""
    parts = token.split(".")
    if len(parts) != 3:
        return False
    try:
        header = json.loads(unb64url(parts[0]))
        signature = unb64url(parts[2])
    except ValueError:
        return False
    message = f"{parts[0]}.{parts[1]}".encode()
    known = header.keys() <= {"alg", "kid"} and header.get("alg") == "ES256"
    return known and is_signed(public_key(jwk), signature, message)


@needs_wycheproof
def test_all_39_es256_vectors_are_here():
    assert len(CASES) == 39


@needs_wycheproof
@pytest.mark.parametrize(("jwk", "case"), CASES)
def test_a_wycheproof_signature_is_accepted_exactly_when_it_is_valid(jwk, case):
    assert _accepts(jwk, case["jws"]) is (case["result"] == "valid")
