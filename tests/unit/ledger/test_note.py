import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hub.ledger.checkpoint import (
    Checkpoint,
    check_cosignature,
    cosign,
    open_checkpoint,
    parse_checkpoint,
    read_checkpoint,
    sign_checkpoint,
)
from hub.ledger.errors import LedgerError, NoteError, NoteSignatureError
from hub.ledger.merkle import EMPTY_ROOT
from hub.ledger.note import (
    WITNESS_KEY,
    Note,
    Signature,
    Signer,
    VerifierKey,
    dump_private_key,
    load_private_key,
    parse_note,
    parse_vkey,
)

ORIGIN = "hub.delta.example/records"
ROOT = bytes(range(32))


@pytest.fixture
def log(new_signer):
    return new_signer(ORIGIN)


@pytest.fixture
def note(log):
    return sign_checkpoint(Checkpoint(ORIGIN, 5, ROOT), log)


def test_a_signed_checkpoint_is_read_back(note, log):
    assert parse_note(note.encode()) == note
    assert read_checkpoint(note.encode(), log.key) == Checkpoint(ORIGIN, 5, ROOT)


def test_the_known_note_of_the_go_checksum_database_is_understood():
    # Verifier key and signed tree published with golang.org/x/mod/sumdb/note.
    key = parse_vkey("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    text = (
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n"
    )
    line = (
        "\u2014 PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqd"
        "ngotpRZb6KE6RyyBwJnAM=\n"
    )
    note = parse_note(f"{text}\n{line}".encode())
    (signature,) = note.signatures_of(key)
    key.check(signature.value, note.text.encode())
    with pytest.raises(NoteSignatureError):
        key.check(signature.value, note.text.encode() + b"\n")


DEFECTS = {
    "em dash replaced by hyphen": lambda s: s.replace("\u2014 ", "- "),
    "em dash replaced by en dash": lambda s: s.replace("\u2014 ", "\u2013 "),
    "CRLF": lambda s: s.replace("\n", "\r\n"),
    "CR inside": lambda s: s.replace(ORIGIN, ORIGIN + "\r"),
    "missing blank line": lambda s: s.replace("\n\n", "\n"),
    "blank line doubled": lambda s: s.replace("\n\n", "\n\n\n"),
    "no signatures": lambda s: s[: s.index("\u2014")],
    "no last line feed": lambda s: s[:-1],
    "blank line at the end": lambda s: s + "\n",
    "text after the signatures": lambda s: s + "more\n",
    "no text": lambda s: "\n" + s[s.index("\n\n") :].lstrip("\n"),
    "tab": lambda s: s.replace("\u2014 ", "\u2014\t"),
    "NUL": lambda s: s.replace(ORIGIN, ORIGIN + "\x00"),
    "two spaces": lambda s: s.replace("\u2014 ", "\u2014  "),
    "no key name": lambda s: s.replace(f"\u2014 {ORIGIN}", "\u2014 "),
    "plus in the name": lambda s: s.replace(f"\u2014 {ORIGIN}", "\u2014 a+b"),
    "ideographic space in the name": lambda s: s.replace(f"\u2014 {ORIGIN}", "\u2014 a\u3000b"),
    "no base64": lambda s: s[:-4] + "!!=\n",
    "base64 without padding": lambda s: s.replace("=\n", "\n"),
    "signature shorter than a key id": lambda s: s[: s.rindex(" ")] + " AAAA\n",
    "17 signatures": lambda s: s + s[s.index("\u2014") :] * 16,
    "larger than 64 KiB": lambda s: "x\n" * 40_000 + s,
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_note_with_a_defect_is_refused(defect, note, log):
    broken = DEFECTS[defect](note.encode().decode())
    assert broken != note.encode().decode()
    with pytest.raises(LedgerError):
        read_checkpoint(broken.encode(), log.key)


def test_a_note_that_is_not_utf8_is_refused(note):
    with pytest.raises(NoteError, match="UTF-8"):
        parse_note(note.encode().replace(b"hub", b"\xff\xfe\xfd"))


def test_sixteen_signatures_are_read(note, log):
    line = note.encode().decode()[note.encode().decode().index("\u2014") :]
    assert len(parse_note(note.encode() + (line * 15).encode()).signatures) == 16


@pytest.mark.parametrize("size", ["05", "+5", "-5", "5.0", "", " 5", "٥", str(2**63), str(2**64)])
def test_a_size_in_another_spelling_is_refused(size, log):
    text = f"{ORIGIN}\n{size}\n{base64.b64encode(ROOT).decode()}\n"
    with pytest.raises(NoteError):
        parse_checkpoint(text)
    signature = Signature(ORIGIN, log.key.key_id, log.sign(text.encode()))
    with pytest.raises(NoteError):
        open_checkpoint(Note(text, (signature,)), log.key)


@pytest.mark.parametrize("extra", ["extension\n", "\n"])
def test_extension_lines_are_refused(note, extra):
    with pytest.raises(NoteError):
        parse_checkpoint(note.text + extra)


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_root_of_another_length_is_refused(length):
    with pytest.raises(NoteError):
        parse_checkpoint(f"{ORIGIN}\n5\n{base64.b64encode(bytes(length)).decode()}\n")


def test_base64_with_loose_trailing_bits_is_refused(note):
    text = note.text.replace("Hh8=", "Hh9=")
    assert text != note.text
    with pytest.raises(NoteError, match="canonical"):
        parse_checkpoint(text)


def test_an_empty_log_has_only_the_empty_root():
    assert parse_checkpoint(Checkpoint(ORIGIN, 0, EMPTY_ROOT).text()).size == 0
    with pytest.raises(NoteError):
        Checkpoint(ORIGIN, 0, ROOT)


def test_a_key_id_that_collides_under_another_name_is_not_this_key(note, log):
    foreign = Signature("other.example", log.key.key_id, note.signatures[0].value)
    with pytest.raises(NoteSignatureError) as caught:
        open_checkpoint(Note(note.text, (foreign,)), log.key)
    assert caught.value.code == "SIGNATURE_MISSING"


def test_a_name_that_collides_under_another_key_id_is_not_this_key(note, log):
    foreign = Signature(log.key.name, b"\0\0\0\0", note.signatures[0].value)
    with pytest.raises(NoteSignatureError) as caught:
        open_checkpoint(Note(note.text, (foreign,)), log.key)
    assert caught.value.code == "SIGNATURE_MISSING"


def test_a_wrong_signature_of_a_known_key_condemns_the_note_even_beside_a_right_one(note, log):
    wrong = Signature(log.key.name, log.key.key_id, bytes(64))
    with pytest.raises(NoteSignatureError) as caught:
        open_checkpoint(Note(note.text, (*note.signatures, wrong)), log.key)
    assert caught.value.code == "SIGNATURE_WRONG"


def test_signatures_of_strangers_are_ignored(note, log):
    stranger = Signature("stranger.example", b"\1\2\3\4", b"anything")
    assert open_checkpoint(Note(note.text, (stranger, *note.signatures)), log.key).size == 5


def test_a_key_does_not_sign_for_another_origin(note, log, new_signer):
    with pytest.raises(NoteSignatureError):
        sign_checkpoint(Checkpoint("other.example/log", 5, ROOT), log)
    text = note.text.replace(ORIGIN, "other.example/log")
    signature = Signature(ORIGIN, log.key.key_id, log.sign(text.encode()))
    with pytest.raises(NoteSignatureError) as caught:
        open_checkpoint(Note(text, (signature,)), log.key)
    assert caught.value.code == "SIGNATURE_ORIGIN"
    with pytest.raises(NoteSignatureError):
        sign_checkpoint(Checkpoint(ORIGIN, 5, ROOT), new_signer(ORIGIN, WITNESS_KEY))


def test_a_verifier_key_is_printed_and_read_the_same(log):
    assert parse_vkey(log.key.encode()) == log.key


SPOILED = {
    "one plus sign": lambda v: v.replace("+", " ", 1),
    "no key": lambda v: v.rpartition("+")[0],
    "hash of another key": lambda v: v.replace(v.split("+")[1], "00000000"),
    "hash in capitals": lambda v: v.replace(v.split("+")[1], v.split("+")[1].upper()),
    "another key": lambda v: v[:-4] + "AAAA",
    "padding": lambda v: v + "=",
    "another name": lambda v: "a" + v,
    "another type": lambda v: v[: -len(v.split("+", 2)[2])] + "B" + v.split("+", 2)[2][1:],
    "empty key": lambda v: v.rpartition("+")[0] + "+",
}


@pytest.mark.parametrize("defect", SPOILED)
def test_a_spoiled_verifier_key_is_refused(defect, log):
    spoiled = SPOILED[defect](log.key.encode())
    assert spoiled != log.key.encode()
    with pytest.raises(NoteError):
        parse_vkey(spoiled)


def test_other_signature_types_are_refused():
    for kind in (0, 2, 5, 6, 255):
        with pytest.raises(NoteError):
            VerifierKey("a.example", kind, bytes(32))


def test_a_private_key_survives_its_file(log):
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    pem = dump_private_key(key)
    assert pem.startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert Signer("a.example", load_private_key(pem)).key == Signer("a.example", key).key


@pytest.mark.parametrize("pem", [b"", b"nothing", b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_a_file_that_holds_no_key_is_refused(pem):
    with pytest.raises(NoteSignatureError) as caught:
        load_private_key(pem)
    assert caught.value.code == "KEY_FILE"


def test_a_cosignature_gives_its_time(note, new_signer):
    witness = new_signer("witness.example", WITNESS_KEY)
    signature = cosign(note.text, witness, 1679315147)
    assert check_cosignature(note.text, signature, witness.key) == 1679315147
    assert len(signature.value) == 72


def test_a_cosignature_covers_exactly_the_message_of_the_specification(note, new_signer):
    witness = new_signer("witness.example", WITNESS_KEY)
    raw = cosign(note.text, witness, 1679315147).value[8:]
    witness.key.check(raw, b"cosignature/v1\ntime 1679315147\n" + note.text.encode())


def test_a_cosignature_with_another_time_or_text_is_wrong(note, new_signer):
    witness = new_signer("witness.example", WITNESS_KEY)
    good = cosign(note.text, witness, 1679315147)
    later = (1679315148).to_bytes(8, "big") + good.value[8:]
    for text, value in (
        (note.text, later),
        (note.text.replace("\n5\n", "\n6\n"), good.value),
        (note.text, good.value[:-1]),
        (note.text, good.value + b"\0"),
        (note.text, (2**63).to_bytes(8, "big") + good.value[8:]),
        (note.text, bytes(8) + good.value[8:]),
    ):
        with pytest.raises(NoteSignatureError):
            check_cosignature(text, Signature(good.name, good.key_id, value), witness.key)


def test_a_log_signature_is_no_cosignature_and_a_witness_key_signs_no_log(note, log, new_signer):
    with pytest.raises(NoteSignatureError):
        check_cosignature(note.text, note.signatures[0], log.key)
    with pytest.raises(NoteSignatureError):
        cosign(note.text, log, 1679315147)
    assert new_signer(ORIGIN, WITNESS_KEY).key.key_id != log.key.key_id
