"""`shapes`: the JSON that routes take and answer, as JSON Schemas by name.

- Records are the published JSON Schemas themselves, with what they nest beside them.
- What has a list of names in the code (outcomes, kinds, states) takes it from there.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from enum import Enum
from typing import Any

from hub.access.clients import ClientKind, ClientStatus, KeyRole, KeyStatus
from hub.access.pending import RequestState
from hub.access.registration import DOCUMENT_VERSION
from hub.exchange.exports.formats import ExportFormat
from hub.intake.batch import Outcome
from hub.intake.files.wire import WORKBOOK_TYPE
from hub.query.sql.streaming import ColumnKind
from schema.publish import json_schema
from schema.registry import standard

TEXT: dict[str, Any] = {"type": "string"}
TEXT_OR_NONE: dict[str, Any] = {"type": ["string", "null"]}
COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
FLAG: dict[str, Any] = {"type": "boolean"}
DIGITS: dict[str, Any] = {"type": "string", "pattern": "^[0-9]{1,18}$"}
NAME: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 200}
ANY: dict[str, Any] = {"type": "object"}
_PROBLEM: dict[str, dict[str, Any]] = {
    "path": TEXT,
    "code": TEXT,
    "messageZh": TEXT,
    "messageEn": TEXT,
    "value": {},
}
"""What is wrong with an item of a row."""


def ref(name: str) -> dict[str, Any]:
    """Return a reference to a shape of this module."""
    return {"$ref": f"#/components/schemas/{name}"}


def array(items: dict[str, Any], longest: int | None = None) -> dict[str, Any]:
    """Return a list of something."""
    return {"type": "array", "items": items, **({} if longest is None else {"maxItems": longest})}


def closed(optional: Iterable[str] = (), /, **members: dict[str, Any]) -> dict[str, Any]:
    """Return an object with these members and no others; those of `optional` may be left out."""
    absent = set(optional)
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [name for name in members if name not in absent],
        "properties": members,
    }


def one_of(names: type[Enum]) -> dict[str, Any]:
    """Return a text that is one of the values of a list."""
    return {"type": "string", "enum": [each.value for each in names]}


def shapes() -> dict[str, Any]:
    """Return every shape by its name."""
    clients = {**_of_clients(), **_of_registrations(), **_of_exports()}
    files = {**_of_files(), **_of_mappings()}
    return {**_records(), **_of_batches(), **files, **clients, **_of_figures(), **_of_the_hub()}


def _records() -> dict[str, Any]:
    """Return the published schema of each record type, and of the values that records nest."""
    found: dict[str, Any] = {}
    for spec in standard():
        text = json.dumps(json_schema(spec)).replace('"#/$defs/', '"#/components/schemas/')
        schema = json.loads(text)
        nested = schema.pop("$defs", {})
        del schema["$schema"], schema["$id"]
        for name, value in {**nested, spec.name: schema}.items():
            assert found.setdefault(name, value) == value, f"two schemas are named {name}"
    return found


def _of_batches() -> dict[str, Any]:
    stated = [
        closed(
            ("jws", "authority"),
            type={"const": spec.name},
            record=ref(spec.name),
            jws=TEXT,
            authority=TEXT,
        )
        for spec in standard()
    ]
    withdrawal = closed(("at",), key=TEXT, reason=TEXT, at=TEXT)
    withdrawn = closed(
        ("jws", "authority"), type=TEXT, withdraw=withdrawal, jws=TEXT, authority=TEXT
    )
    outcome_parts = {
        "type": TEXT,
        "key": TEXT,
        "id": TEXT,
        "entryId": DIGITS,
        "revision": COUNT,
        "revisionId": TEXT,
        "problems": array(ref("RowProblem")),
        "warnings": array(ref("RowProblem")),
        "home": ref("RowHome"),
    }
    counted = {"type": "object", "additionalProperties": COUNT}
    outcomes = array(ref("RowOutcome"))
    proof = dict.fromkeys(("word", "proof", "record"), TEXT)
    said = {"origin": TEXT, "entryId": DIGITS, "receipt": closed(proof, state=TEXT, **proof)}
    return {
        "BatchRow": {"oneOf": [*stated, withdrawn]},
        "RowProblem": closed(("value",), **_PROBLEM),
        "RowOutcome": closed(
            outcome_parts, row={"type": "integer"}, outcome=one_of(Outcome), **outcome_parts
        ),
        "RowHome": closed(said, hub=TEXT, institution=TEXT, **said),
        "BatchAnswer": closed(dryRun=FLAG, replayed=FLAG, counts=counted, rows=outcomes),
        "QuarantinedRow": closed(
            ("type", "key", "row"),
            id=DIGITS,
            source=TEXT,
            type=TEXT,
            key=TEXT,
            row={"type": "integer"},
            since=TEXT,
            problems=array(ref("RowProblem")),
            sent={},
        ),
        "QuarantinePage": closed(
            rows=array(ref("QuarantinedRow")), after={**DIGITS, "type": ["string", "null"]}
        ),
    }


def _of_files() -> dict[str, Any]:
    counted = {"type": "object", "additionalProperties": COUNT}
    reason = closed(code=TEXT, item=TEXT_OR_NONE, count=COUNT)
    problem = closed(("value",), **_PROBLEM, columns=array({"type": "integer"}))
    number = {"type": "integer"}
    told = {"cells": array(TEXT), "homes": array(TEXT), "unsettled": FLAG}
    row = closed(told, row=number, problems=array(problem), **told)
    record = {"row": number, "type": TEXT, "key": TEXT_OR_NONE, "outcome": one_of(Outcome)}
    taken = closed(("home",), **record, revision={"type": ["integer", "null"]}, home=TEXT)
    return {
        "FileTable": closed(
            ("outcomes", "outcomesNotListed"),
            sheet=TEXT_OR_NONE,
            rows=COUNT,
            read=COUNT,
            leftOut=counted,
            accepted=COUNT,
            duplicate=COUNT,
            proven=COUNT,
            warned=COUNT,
            quarantined=COUNT,
            unsettled=COUNT,
            belowHeader=COUNT,
            records=array(closed(type=TEXT, outcome=one_of(Outcome), count=COUNT)),
            reasons=array(reason),
            warnings=array(reason),
            dropped=counted,
            headerRow={"type": ["integer", "null"]},
            columns=array(closed(("zh", "en"), position=number, name=TEXT, zh=TEXT, en=TEXT)),
            entries=array(closed(row=number, type=TEXT, key=TEXT_OR_NONE, entryId=DIGITS)),
            refused=array(row),
            refusedNotListed=COUNT,
            doubted=array(row),
            outcomes=array(taken),
            outcomesNotListed=COUNT,
        ),
        "FileAnswer": closed(
            ("marked",),
            dryRun=FLAG,
            replayed=FLAG,
            monthly=FLAG,
            tables=array(ref("FileTable")),
            empty=array(TEXT),
            leftAlone=array(TEXT),
            marked=closed(mediaType={"const": WORKBOOK_TYPE}, base64=TEXT),
        ),
    }


def _of_mappings() -> dict[str, Any]:
    return {
        "MappingProblem": closed(
            code=TEXT, messageZh=TEXT, messageEn=TEXT, line={"type": ["integer", "null"]}, where={}
        ),
        "KeptMapping": closed(
            source=TEXT,
            name=TEXT,
            version={"type": "integer"},
            warnings=array(ref("MappingProblem")),
        ),
        "MappingList": closed(
            mappings=array(closed(name=TEXT, version={"type": "integer"}, since=TEXT))
        ),
        "RemovedMapping": closed(removed=TEXT),
    }


def _of_exports() -> dict[str, Any]:
    """Return what is told of an export and its parts."""
    stated = {
        "id": TEXT,
        "status": {"enum": ["RUNNING", "COMPLETED", "FAILED", "EXPIRED"]},
        "errorCode": TEXT_OR_NONE,
        "format": {"enum": [each.name for each in ExportFormat]},
        "record": TEXT_OR_NONE,
        **dict.fromkeys(("rows", "bytes", "hidden"), COUNT),
        "createdAt": TEXT,
        "endedAt": TEXT_OR_NONE,
        **dict.fromkeys(("expiresAt", "url"), TEXT),
    }
    counted = dict.fromkeys(("number", "rows", "bytes"), COUNT)
    part = closed(**counted, sha256=TEXT, name=TEXT, url=TEXT)
    manifest = closed(
        **stated,
        document=TEXT,
        variables=ANY,
        scopes=array(TEXT),
        standard=TEXT_OR_NONE,
        fields=array(closed(name=TEXT, kind=one_of(ColumnKind))),
        withheld=array(closed(path=TEXT, scope=TEXT)),
        sources=array(ANY),
        snapshot={"type": ["object", "null"]},
        checkpoint=TEXT_OR_NONE,
        parts=array(part),
    )
    return {
        "Exports": closed(exports=array(closed(**stated))),
        "ExportManifest": manifest,
        "RemovedExport": closed(removed=TEXT),
    }


def _of_clients() -> dict[str, Any]:
    """Return what is told of clients, keys and registrations."""
    key = closed(
        kid=TEXT,
        status=one_of(KeyStatus),
        role={"enum": [*(role.value for role in KeyRole), None]},
        agent=TEXT_OR_NONE,
        addedAt=TEXT,
        endsAt=TEXT_OR_NONE,
    )
    pending = {
        "requestId": TEXT,
        "clientId": TEXT,
        "kid": TEXT,
        "state": one_of(RequestState),
        "reason": TEXT_OR_NONE,
        "requestedAt": TEXT,
    }
    texts = array(TEXT)
    kept = {"documentId": TEXT, "name": TEXT_OR_NONE, "keptAt": TEXT}
    waiting = closed(**pending, name=TEXT, scopes=texts, sources=texts)
    return {
        "Client": closed(
            clientId=TEXT,
            party=TEXT,
            kind=one_of(ClientKind),
            name=TEXT,
            status=one_of(ClientStatus),
            scopes=texts,
            sources=texts,
            keys=array(key),
        ),
        "ClientPage": closed(clients=array(ref("Client"))),
        "PendingRegistration": closed(**pending),
        "WaitingRegistrations": closed(registrations=array(waiting)),
        "SandboxClient": closed(clientId=TEXT, scopes=texts),
        "DocumentProblem": closed(
            code=TEXT,
            detail=TEXT,
            locations=array(closed(line={"type": "integer"}, column={"type": "integer"})),
        ),
        "NewDocument": closed(("name",), text=TEXT, name=TEXT_OR_NONE),
        "ClientDocument": closed(**kept, text=TEXT, runsAt=array(TEXT, 2)),
        "ClientDocuments": closed(documents=array(ref("ClientDocument"))),
        "RemovedDocument": closed(removed=TEXT),
    }


def _of_registrations() -> dict[str, Any]:
    """Return what is sent to register clients and keys, and to decide on them."""
    names, kind = array(NAME, 64), one_of(ClientKind)
    coordinate = {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"}
    jwk = closed(kty={"const": "EC"}, crv={"const": "P-256"}, x=coordinate, y=coordinate)
    registration = closed(
        ("kid", "scopes", "sources"),
        version={"const": DOCUMENT_VERSION},
        clientId={"type": "string", "pattern": r"^[a-z0-9][a-z0-9._\-]{2,63}$"},
        name=NAME,
        jwk=ref("PublicKey"),
        kid=TEXT,
        scopes=names,
        sources=names,
        proof=TEXT,
    )
    change = {"party": NAME, "kind": kind, "name": NAME, "scopes": names, "sources": names}
    grant = {"party": NAME, "kind": kind, "scopes": names, "sources": names, "agent": NAME}
    key = {"jwk": ref("PublicKey"), "proof": TEXT, "replaces": TEXT, "agent": NAME}
    return {
        "PublicKey": {**jwk, "additionalProperties": True},
        "Registration": {**registration, "additionalProperties": True},
        "NewKey": closed(("replaces", "agent"), **key),
        "ClientChange": {**closed(change, **change), "minProperties": 1},
        "ClientGrant": closed(("sources", "agent", "role"), **grant, role=one_of(KeyRole)),
        "RefusalReason": closed(reason=NAME),
        "KeyRevocation": closed(("lost",), lost=FLAG),
        "Nothing": closed(),
        "SandboxRegistration": {"type": "object", "properties": {"name": NAME}},
    }


def _of_figures() -> dict[str, Any]:
    named = closed(code=TEXT, zh=TEXT, en=TEXT, count=COUNT)
    class_count = closed(code=TEXT, zh=TEXT, count=COUNT)
    signed = closed(entries=COUNT, signedAt=TEXT_OR_NONE)
    counted = {
        "countedAt": TEXT,
        "institutions": COUNT,
        "instruments": COUNT,
        "sources": array(ANY),
        "provinces": {"type": ["array", "null"], "items": named},
        "classes": {"type": ["array", "null"], "items": class_count},
    }
    return {"Figures": closed(counted, at=TEXT, open=FLAG, log=signed, **counted)}


def _of_the_hub() -> dict[str, Any]:
    audit_row = closed(
        auditId=DIGITS,
        at=TEXT,
        kind=TEXT,
        action=TEXT,
        clientId=TEXT_OR_NONE,
        party=TEXT_OR_NONE,
        requestId=TEXT,
        document=TEXT_OR_NONE,
        grade=TEXT_OR_NONE,
        caseNo=TEXT_OR_NONE,
        reason=TEXT_OR_NONE,
        owners=array(TEXT),
        detail=ANY,
    )
    log = closed(origin=TEXT, size=COUNT, isGrowing=FLAG, keys=array(TEXT), path=TEXT)
    part = closed(code=TEXT, message=TEXT)
    token = closed(
        access_token=TEXT,
        token_type={"const": "DPoP"},
        expires_in={"type": "integer"},
        scope=TEXT,
    )
    return {
        "Problem": {
            "type": "object",
            "description": "RFC 9457. A refused token or signature has no detail.",
            "required": ["status", "code"],
            "properties": {
                "type": {"const": "about:blank"},
                "title": TEXT,
                "status": {"type": "integer"},
                "code": TEXT,
                "detail": TEXT,
                "hint": TEXT,
                "problems": array({"anyOf": [ref("MappingProblem"), ref("DocumentProblem")]}),
            },
        },
        "AuditPage": closed(rows=array(audit_row), next={**DIGITS, "type": ["string", "null"]}),
        "Token": {**token, "additionalProperties": True},
        "OAuthError": {
            "type": "object",
            "required": ["error"],
            "properties": {"error": TEXT, "error_description": TEXT},
        },
        "Introspection": {"type": "object", "required": ["active"], "properties": {"active": FLAG}},
        "Metadata": ANY,
        "KeySet": {
            "type": "object",
            "required": ["keys"],
            "properties": {"keys": array(ANY)},
        },
        "Logs": closed(logs=array(log)),
        "Health": {"type": "object", "additionalProperties": TEXT},
        "Readiness": closed(ready=FLAG, parts={"type": "object", "additionalProperties": part}),
        "Samples": array(ANY),
    }
