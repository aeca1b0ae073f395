"""Wycheproof's JSON Web Signature vectors: what is invalid is refused, ES256 that is valid is not.

Keys other than P-256 are no keys of this hub: their tokens are refused whatever they contain.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from hub.crypto import jws
from hub.crypto.keys import import_jwk
from tests.shared import SHARED

FILE = SHARED / "vectors" / "jws" / "wycheproof_jws.json"
HEADER = jws.PLAIN_HEADER | {"cty"}

pytestmark = pytest.mark.skipif(not FILE.is_file(), reason=f"no ../shared/vectors/jws/{FILE.name}")


def groups() -> list[dict[str, Any]]:
    return list(json.loads(FILE.read_text("utf-8"))["testGroups"])


def accepted(group: dict[str, Any], text: str) -> bool:
    jwk = group.get("public") or group.get("private") or {}
    try:
        key = import_jwk({k: v for k, v in jwk.items() if k != "d"})
        jws.verify(jws.parse(text, HEADER), key)
    except (ValueError, TypeError):
        return False
    return True


def test_nothing_invalid_is_accepted_and_every_valid_es256_is() -> None:
    counted: Counter[str] = Counter()
    wrong: list[str] = []
    for group in groups():
        jwk = group.get("public") or {}
        ours = jwk.get("crv") == "P-256"
        for test in group["tests"]:
            verdict = accepted(group, test["jws"]) if isinstance(test["jws"], str) else False
            counted[test["result"]] += 1
            counted[test["result"] + " ES256"] += ours
            if test["result"] == "invalid" and verdict:
                wrong.append(f"accepted {test['tcId']}: {test['comment']}")
            if test["result"] == "valid" and ours and not verdict:
                wrong.append(f"refused {test['tcId']}: {test['comment']}")
    assert wrong == []
    assert counted["valid"] > 40
    assert counted["invalid ES256"] > 30
    assert counted["valid ES256"] >= 2
    assert counted["invalid"] > 50


def test_every_key_of_another_kind_is_refused_at_import() -> None:
    refused = 0
    for group in groups():
        jwk = group.get("public") or group.get("private") or {}
        if jwk.get("crv") == "P-256":
            continue
        with pytest.raises((ValueError, TypeError)):
            import_jwk(jwk)
        refused += 1
    assert refused > 10
