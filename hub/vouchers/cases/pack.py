"""`pack`: the evidence pack of a voucher case: a ZIP that is the same bytes for the same log; pure.

    index.html                 what is in it, for people, in Chinese or in English
    records/NN-<Type>.json     canonical bytes of each record, from order to claim
    receipts/NN-<Type>.tlog-proof    the receipt that proves each
    parameters.json            the law of the day on which the service ended
    policy.txt                 the key of the log, to check receipts by
    producer-keys.json         keys of those who signed records themselves, where there are such
    SHA256SUMS                 of every file above

Nothing in it depends on when, where or for how long it was made: no clock, no compression, one
order. It holds what was stated and proved, and no opinion: what the checks say hangs on the day on
which they are asked. What is missing is named.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from typing import Any, Final
from zipfile import ZIP_STORED, ZipFile, ZipInfo

from hub.ledger.proof import parse_receipt
from hub.vouchers.cases.chain import KINDS, CaseChain
from hub.vouchers.cases.pack_page import CHINESE, PackLine, PackPage, index_page
from hub.vouchers.cases.sight import Row
from hub.vouchers.cases.stations import CaseStation
from hub.vouchers.limits import PACK_BYTES_MAX, PACK_RECORDS_MAX

LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)
"""The first instant that a ZIP can name; files of a pack have no other."""
UNIX, PLAIN_FILE = 3, 0o100644 << 16
INDEX, POLICY, KEYS, LAW, SUMS = (
    "index.html",
    "policy.txt",
    "producer-keys.json",
    "parameters.json",
    "SHA256SUMS",
)


@dataclass(frozen=True, slots=True)
class ProvedEntry:
    """An entry as its reader may have it. `record`, `receipt`: None: he may not, or not yet."""

    state: str
    """As of receipts: ACCEPTED, INCLUDED, WITNESSED, ERASED."""
    record: bytes | None = None
    receipt: str | None = None

    @property
    def lacking(self) -> str | None:
        """Return the code of why there are no bytes."""
        if self.record is not None and self.receipt is not None:
            return None
        return {"ACCEPTED": "NOT_SIGNED_YET", "ERASED": "ERASED"}.get(self.state, "NOT_WHOLE")


@dataclass(frozen=True, kw_only=True, slots=True)
class PackContents:
    """What a pack is made of."""

    chain: CaseChain
    stations: Sequence[CaseStation]
    lacking_law: Sequence[str]
    proved: Mapping[int, ProvedEntry]
    """By entry."""
    policy: bytes
    keys: Sequence[Mapping[str, Any]] = ()
    """Public keys (JWK with `party`) of producers who signed records themselves."""
    language: str = CHINESE
    """Of its table of contents."""

    # No attestation: it is signed anew each time, so no two packs would be the same bytes. It is a
    # file of its own (`hub.vouchers.attested.attesting`).


def entries_of(chain: CaseChain) -> list[tuple[str, Row]]:
    """Return the records that a pack takes in, by kind, from order to claim; at most so many."""
    return [(kind, row) for kind in KINDS for row in chain.rows[kind]][:PACK_RECORDS_MAX]


def signing_keys(proved: Mapping[int, ProvedEntry]) -> dict[str, str]:
    """Return the ids of keys by which producers signed records themselves, with their parties."""
    found: dict[str, str] = {}
    for each in proved.values():
        if each.receipt is not None:
            evidence = parse_receipt(each.receipt.encode()).evidence
            if evidence.jws is not None and evidence.kid is not None:
                found[evidence.kid] = evidence.party
    return found


def pack_files(contents: PackContents) -> dict[str, bytes]:
    """Return the files of a pack by name."""
    lines, files = _records(contents)
    files[POLICY] = contents.policy
    files[LAW] = _json({"day": _day(contents), "parameters": _parameters(contents)})
    if contents.keys:
        listed = sorted((dict(each) for each in contents.keys), key=lambda each: each["kid"])
        files[KEYS] = _json({"keys": listed})
    page = PackPage(
        language=contents.language,
        stations=contents.stations,
        lines=lines,
        parameters=contents.chain.parameters,
        lacking_law=contents.lacking_law,
        day=contents.chain.day,
        region=contents.chain.region,
        policy=contents.policy.decode("utf-8", "surrogateescape"),
        policy_sha256=sha256(contents.policy).hexdigest(),
        keys=KEYS if contents.keys else None,
        cut=sorted(contents.chain.cut),
    )
    files[INDEX] = index_page(page).encode("utf-8", "surrogateescape")
    files[SUMS] = "".join(
        f"{sha256(files[name]).hexdigest()}  {name}\n" for name in sorted(files)
    ).encode()
    return files


def pack_bytes(contents: PackContents) -> bytes:
    """Return the pack."""
    made = BytesIO()
    with ZipFile(made, "w", ZIP_STORED) as archive:
        for name, data in sorted(pack_files(contents).items(), key=_first_the_page):
            info = ZipInfo(name, LONG_AGO)
            info.create_system, info.external_attr = UNIX, PLAIN_FILE
            archive.writestr(info, data)
    return made.getvalue()


def _first_the_page(file: tuple[str, bytes]) -> tuple[bool, str]:
    return file[0] != INDEX, file[0]


def _records(contents: PackContents) -> tuple[list[PackLine], dict[str, bytes]]:
    """Return a line for each record, and the files of those that may be given out."""
    files: dict[str, bytes] = {}
    lines, size = [], 0
    for number, (kind, row) in enumerate(entries_of(contents.chain), start=1):
        proved = contents.proved.get(row["entry_id"], ProvedEntry("NOT_WHOLE"))
        lacking = proved.lacking
        record, receipt = proved.record or b"", (proved.receipt or "").encode()
        size += len(record) + len(receipt)
        if lacking is None and size > PACK_BYTES_MAX:
            lacking = "TOO_LARGE"
        name = f"{number:03}-{kind}"
        if lacking is None:
            files[f"records/{name}.json"] = record
            files[f"receipts/{name}.tlog-proof"] = receipt
        is_signed = lacking is None and parse_receipt(receipt).evidence.jws is not None
        lines.append(
            PackLine(
                name=name,
                kind=kind,
                key=row["key"],
                entry=str(row["entry_id"]),
                state=proved.state,
                lacking=lacking,
                is_signed=is_signed,
            )
        )
    return lines, files


def _json(told: Mapping[str, Any]) -> bytes:
    return (json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _day(contents: PackContents) -> str | None:
    day = contents.chain.day
    return None if day is None else day.isoformat()


def _parameters(contents: PackContents) -> list[dict[str, Any]]:
    return [
        {
            "name": parameter.name,
            "region": value.region,
            "since": value.since.isoformat(),
            "until": None if value.until is None else value.until.isoformat(),
            "value": str(value.value),
            "unit": parameter.unit,
            "status": value.status.value,
            "basis": value.basis,
        }
        for parameter, value in contents.chain.parameters
    ]
