"""`endpoint`: the files of the kit, and the pages that have no server side of their own.

    GET /pages/{name}     styles, scripts, and words.zh.json, words.en.json
    GET /submit           a university sends a table
    GET /verify           a receipt is checked in the browser
    GET /customs          duty-free instruments in term, and whether a use is allowed
    GET /attestation      how a claim's attestation is checked, and where one is got
    GET /vouchers         voucher cases, their checks and money, and what their issuer decides

All are public and the same for everybody: what a page may do, its reader's key may do at the public
interface, and nothing more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from adapters.mapping.table import ROW_NUMBER_COLUMN
from hub.customs.sight import TYPES
from hub.errors import ErrorCode, RefusedError
from hub.intake.limits import FILE_BYTES_MAX
from hub.pages.layout import MEDIA_TYPES, filled, language_of, page, page_file, template
from hub.pages.words import LANGUAGES, words
from hub.policy.customs.disposal import DisposalKind
from hub.problem import problem
from hub.query.plan.documents import DOCUMENTS, document_id
from hub.vouchers.cases.chain import KINDS
from hub.vouchers.cases.words import CHECKS, MISSING, REFUSED, UNATTESTED, code_name
from schema.codes import (
    CodeList,
    CustomsDistrict,
    ServicePurpose,
    VoucherClaimState,
    VoucherEvent,
    VoucherState,
)
from schema.registry import standard

ROOM = "hub.pages"


def page_routes() -> list[Route]:
    """Return the routes of the kit and of its pages."""
    listed = {
        each.name
        for each in files(ROOM).iterdir()
        if each.is_file() and each.name.rpartition(".")[2] in MEDIA_TYPES
    }

    async def part(request: Request) -> Response:
        name = request.path_params["name"]
        if name in listed:
            return page_file(ROOM, name)
        for language in LANGUAGES:
            if name == f"words.{language}.json":
                return JSONResponse(dict(words(language)), headers={"Cache-Control": "no-cache"})
        return problem(
            RefusedError(ErrorCode.NOT_FOUND), request.headers.get("accept-language", "")
        )

    async def submit(request: Request) -> Response:
        values = {"rowNumber": ROW_NUMBER_COLUMN, "bytesMax": str(FILE_BYTES_MAX)}
        return _page(request, "submit", values)

    async def verify(request: Request) -> Response:
        return _page(request, "verify", {})

    async def customs(request: Request) -> Response:
        return _page(request, "customs", _of_customs(language_of(request)))

    async def vouchers(request: Request) -> Response:
        return _page(request, "vouchers", _of_vouchers(language_of(request)))

    async def attestation(request: Request) -> Response:
        return _page(request, "attestation", _of_attestation(language_of(request)))

    return [
        Route("/pages/{name}", part),
        Route("/submit", submit),
        Route("/verify", verify),
        Route("/customs", customs),
        Route("/attestation", attestation),
        Route("/vouchers", vouchers),
    ]


def _of_customs(language: str) -> dict[str, str]:
    """Return what the page of customs is filled with."""
    return {
        "due": _registered("customs_reports_due"),
        "use": _registered("use_decision"),
        "dispose": _registered("disposal_decision"),
        "services": _registered("customs_outside_services"),
        "kinds": json.dumps(
            {kind.value: words(language)[name] for kind, name in _KINDS.items()},
            ensure_ascii=False,
        ),
        "types": _names(TYPES, language),
        "purposes": _choices(ServicePurpose, language),
        "districts": _choices(CustomsDistrict, language),
    }


def _of_vouchers(language: str) -> dict[str, str]:
    """Return what the page of vouchers is filled with."""
    return {
        "documents": json.dumps(
            {word: _registered(f"voucher_{name}") for word, name in _VOUCHER_DOCUMENTS.items()}
        ),
        "states": _choices(VoucherClaimState, language),
        "events": _choices(VoucherEvent, language),
        "voucherStates": _choices(VoucherState, language),
        "checks": _told(CHECKS, language),
        "missing": _told({code_name(each): said for each, said in MISSING.items()}, language),
        "refused": _told(REFUSED, language),
        "types": _names(tuple(KINDS), language),
    }


def _of_attestation(language: str) -> dict[str, str]:
    """Return what the page of attestations is filled with."""
    said = words(language)
    return {
        "attest": _registered("attestation"),
        "state": _registered("claim_state"),
        "states": _choices(VoucherClaimState, language),
        "reasons": json.dumps(
            {each: said[f"attestation.{each}"] for each in _REASONS}
            | {each: texts[LANGUAGES.index(language)] for each, texts in UNATTESTED.items()},
            ensure_ascii=False,
        ),
    }


def _page(request: Request, name: str, values: dict[str, str]) -> Response:
    language = language_of(request)
    return page(
        request,
        words(language)[f"{name}.title"],
        filled(template(ROOM, f"{name}.html"), language, values),
        shape="wide",
        script=f"/pages/{name}.js",
    )


_KINDS = {
    DisposalKind.LEASE: "customs.lease",
    DisposalKind.TRANSFER: "customs.transfer",
    DisposalKind.PLEDGE: "customs.pledge",
    DisposalKind.SCRAP: "customs.scrap",
}


_REASONS = ("NOT_CLAIMED", "HELD", "NOT_VALID", "CORRECTED", "CASH_OVER", "NOT_IN_LOG")
"""Why a claim is not attested (`hub.vouchers.attested.attestation_told`), by this hub alone."""
_VOUCHER_DOCUMENTS = {
    **{
        each: each for each in ("desk", "cases", "case", "checks", "movements", "decide", "parties")
    },
    "settle": "settle",
    "clawBack": "claw_back",
}


def _registered(name: str) -> str:
    """Return the id of a registered document, by which a page asks it."""
    return document_id((DOCUMENTS / f"{name}.graphql").read_text("utf-8"))


def _names(records: Iterable[str], language: str) -> str:
    """Return what kinds of records are called, as JSON."""
    return json.dumps(
        {name: standard()[name].zh if language == "zh" else name for name in records},
        ensure_ascii=False,
    )


def _told(table: Mapping[str, tuple[str, str]], language: str) -> str:
    """Return the words of codes as JSON."""
    at = LANGUAGES.index(language)
    return json.dumps({code: texts[at] for code, texts in table.items()}, ensure_ascii=False)


def _choices(codes: type[CodeList], language: str) -> str:
    """Return the words of a code list as JSON, in its order."""
    return json.dumps({each.name: getattr(each, language) for each in codes}, ensure_ascii=False)
