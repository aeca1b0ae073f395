"""Checks an attestation without any program of the hub: Python with cryptography alone
(pip install cryptography).

python check_attestation.py ATTESTATION POLICY KEYS [FOLDER]

Says VALID or VALID_UNWITNESSED and what was attested, or REFUSED and why. With a folder it also
writes there what openssl can check by itself: the hub's signature and that of the log.
"""

import hashlib
import json
import sys
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePublicNumbers,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

SHANGHAI = timezone(timedelta(hours=8))
LOG, WITNESS = 1, 4


def sha(data):
    return hashlib.sha256(data).digest()


def need(is_so, why):
    if not is_so:
        raise ValueError(why)


def strict_json(data):
    """Read JSON that has one spelling: members in order, no white space."""
    read = json.loads(data)
    again = json.dumps(read, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    need(again.encode() == data, "a part of the file is not in its one spelling")
    return read


def base64url(text):
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    need(urlsafe_b64encode(data).rstrip(b"=") == text.encode(), "base64 in a second spelling")
    return data


def base64(text):
    data = b64decode(text, validate=True)
    need(b64encode(data) == text.encode(), "base64 in a second spelling")
    return data


def pinned_key(text, alias=None):
    """Read name+id+key of a policy; base64 may hold further plus signs."""
    name, given, key = text.split("+", 2)
    data = base64(key)
    key_id = sha(name.encode() + b"\n" + data)[:4]
    need(key_id.hex() == given, f"the policy's key of {name} has another id")
    return {"as": alias, "name": name, "id": key_id, "kind": data[0], "key": data[1:]}


def read_policy(text):
    logs, witnesses, groups, quorum = [], {}, {}, None
    for line in text.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "log":
            logs.append(pinned_key(words[1]))
        elif words[0] == "witness":
            witnesses[words[1]] = pinned_key(words[2], words[1])
        elif words[0] == "group":
            groups[words[1]] = (words[2], words[3:])
        elif words[0] == "quorum":
            quorum = words[1]
        else:
            raise ValueError(f"the policy says {words[0]}")
    need(logs and quorum, "the policy names a log and a quorum")
    return logs, witnesses, groups, quorum


def is_met(name, seen, groups):
    if name == "none":
        return True
    if name not in groups:
        return name in seen
    threshold, members = groups[name]
    least = {"any": 1, "all": len(members)}.get(threshold) or int(threshold)
    return sum(is_met(member, seen, groups) for member in members) >= least


def ed25519(key, signature, message):
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        raise ValueError("a signature on the checkpoint is wrong") from None


def open_checkpoint(note, policy):
    """Return origin, size and root that the log and enough witnesses signed, and its signature."""
    logs, witnesses, groups, quorum = policy
    text, _, below = note.partition("\n\n")
    text += "\n"
    lines = [line.removeprefix("\u2014 ").split(" ") for line in below.splitlines()]
    signed, seen = None, set()
    for name, value in lines:
        data = base64(value)
        for log in logs:
            if (log["name"], log["id"], log["kind"]) == (name, data[:4], LOG):
                ed25519(log["key"], data[4:], text.encode())
                signed = (log, data[4:])
        for witness in witnesses.values():
            if (witness["name"], witness["id"], witness["kind"]) == (name, data[:4], WITNESS):
                at = int.from_bytes(data[4:12], "big")
                message = f"cosignature/v1\ntime {at}\n{text}".encode()
                ed25519(witness["key"], data[12:], message)
                seen.add(witness["as"])
    need(signed, "no log of the policy signed the checkpoint")
    origin, size, root = text.splitlines()
    need(origin == signed[0]["name"], "the checkpoint is of another log")
    need(is_met(quorum, seen, groups), "too few witnesses have signed; fetch it again later")
    return (origin, int(size), base64(root)), text, signed


def check_inclusion(index, size, leaf, path, root):
    """RFC 9162, 2.1.3.2."""
    need(0 <= index < size, "no such leaf")
    at, last, value = index, size - 1, sha(b"\0" + leaf)
    for beside in path:
        need(last > 0, "the proof is too long")
        if at & 1 or at == last:
            value = sha(b"\1" + beside + value)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            value = sha(b"\1" + value + beside)
        at, last = at >> 1, last >> 1
    need(last == 0 and value == root, "a record is not in the log that was signed")


def check_leaf(proof, kind, commitment, policy, place):
    head, _, note = proof.partition("\n\n")
    first, extra, index, *path = head.split("\n")
    need(first == "c2sp.org/tlog-proof@v1", "no proof of a log")
    leaf = base64(extra.removeprefix("extra "))
    members = strict_json(leaf)
    need((members["t"], members["h"]) == (kind, commitment), f"the leaf is of no such {kind}")
    (origin, size, root), text, signed = open_checkpoint(note, policy)
    need((origin, size) == place, "another log or size than was said")
    check_inclusion(
        int(index.removeprefix("index ")), size, leaf, [base64(each) for each in path], root
    )
    return text, signed


def hub_key(keys, kid, said):
    """Find the pinned key that may sign for this hub at this size of its log."""
    for key in keys["keys"]:
        if key["kid"] == kid and key["party"] == f"hub:{said['origin']}":
            first, until = key.get("active", {said["origin"]: [0, None]})[said["origin"]]
            last = said["logSize"] - 1
            need(first <= last and (until is None or last < until), "the key had ended by then")
            point = [int.from_bytes(base64url(key[name]), "big") for name in ("x", "y")]
            return EllipticCurvePublicNumbers(*point, SECP256R1()).public_key()
    raise ValueError(f"the key {kid} is not pinned for hub:{said['origin']}")


def check(data, policy_text, keys, now):
    """Return the word, what was attested, and the files that openssl can check."""
    file = strict_json(data)
    need(set(file) == {"v", "attestation", "service", "claim"}, "no attestation")
    head, payload, signature = file["attestation"].split(".")
    header, said = strict_json(base64url(head)), strict_json(base64url(payload))
    need(header["typ"] == "hub-attestation+jws" and header["alg"] == "ES256", "another signature")
    key, raw = hub_key(keys, header["kid"], said), base64url(signature)
    need(len(raw) == 64, "the signature is cut")
    der = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    signed = f"{head}.{payload}".encode()
    try:
        key.verify(der, signed, ECDSA(SHA256()))
    except InvalidSignature:
        raise ValueError("the hub did not sign this: a digit was changed") from None
    for name in ("service", "claim"):
        need(base64url(said["receipts"][name]) == sha(file[name].encode()), f"another {name}")
    passed = said["checks"] and all(each["result"] == "PASS" for each in said["checks"])
    need(said["verdict"] == "VALID" and passed, "not every check passed")
    until = datetime.fromisoformat(said["validUntil"]).date()
    need(now.astimezone(SHANGHAI).date() <= until, f"it held until {until}; fetch it again")
    policy = read_policy(policy_text)
    place = elsewhere = (said["origin"], said["logSize"])
    if "serviceOrigin" in said or "serviceLogSize" in said:
        elsewhere = (said["serviceOrigin"], said["serviceLogSize"])
        need(elsewhere[0] != place[0], "one log is named as two")
    check_leaf(file["service"], "ServiceRecord", said["serviceCommitment"], policy, elsewhere)
    text, (log, log_signature) = check_leaf(
        file["claim"], "VoucherClaim", said["claimCommitment"], policy, place
    )
    log_key = Ed25519PublicKey.from_public_bytes(log["key"])
    parts = {
        "signed.txt": signed,
        "signature.der": der,
        "hub.pem": key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        "checkpoint.txt": text.encode(),
        "checkpoint.sig": log_signature,
        "log.pem": log_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    }
    return "VALID_UNWITNESSED" if policy[3] == "none" else "VALID", said, parts


def main(arguments):
    if len(arguments) not in (3, 4):
        sys.exit(__doc__)
    try:
        data, policy, keys = (Path(each).read_bytes() for each in arguments[:3])
        word, said, parts = check(data, policy.decode(), json.loads(keys), datetime.now(UTC))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        sys.exit(f"REFUSED {error}")
    print(word)
    for name in ("voucher", "claimNo", "state", "provider", "holder", "endedOn", "validUntil"):
        print(f"  {name:<11} {said[name]}")
    for name in ("chargeFen", "voucherFen"):
        print(f"  {name:<11} {said[name]} ({said[name] // 100}.{said[name] % 100:02} CNY)")
    for name, part in parts.items() if len(arguments) == 4 else ():
        Path(arguments[3]).mkdir(exist_ok=True)
        Path(arguments[3], name).write_bytes(part)


if __name__ == "__main__":
    main(sys.argv[1:])
