"""`deltahub voucher claim`, `decide`, `settle`, `claw-back`: messages about vouchers, signed.

Each is the mutation of its name, sent to the hub with the client's own key. The same command again
is the same request: its money moves once, and it is told what came of it.

Exit codes: 0 done, 1 nothing moved (why, and what to do, is said), 2 it could not be asked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.cli.context import run
from hub.cli.refusals import exit_on_error
from hub.client.mutations import mutate
from hub.client.profile import load_profile
from hub.query.plan.documents import document_id, document_named
from hub.vouchers.cases.words import ADVICE, CHECKS, MISSING, PARAMETER, REFUSED, code_name
from schema.codes import VoucherClaimState

claim_app = typer.Typer(
    help="A claim's way: reserve, consume, submit; or release 申兑", no_args_is_help=True
)
AsProfile = Annotated[Path, typer.Option("--as", help="profile file", envvar="DELTAHUB_PROFILE")]
Issuer = Annotated[str, typer.Option(help="key of the department that granted the voucher")]
Code = Annotated[str, typer.Option(help="number of the voucher")]
Claim = Annotated[str, typer.Option(help="number of the claim, chosen by who reserves")]
Fen = Annotated[int, typer.Option(help="amount in fen", min=1)]
Reason = Annotated[str, typer.Option(help="why; it stands in the log")]
Key = Annotated[
    str | None, typer.Option(help="idempotency key; if not given, one that stands for these words")
]

LACKING_WORDS = {code_name(name): words for name, words in MISSING.items()}


class Decision(StrEnum):
    """What an office decides about a claim."""

    COUNTY = "county"
    CITY = "city"
    REJECT = "reject"
    CLEAR = "clear"


@claim_app.command("reserve")
def reserve(
    profile_file: AsProfile,
    issuer: Issuer,
    code: Code,
    claim: Claim,
    fen: Fen,
    provider: Annotated[str, typer.Option(help="key of who gives the service")],
    planned_from: Annotated[str, typer.Option("--from", help="first planned day, 2026-12-01")],
    planned_until: Annotated[str, typer.Option("--until", help="last planned day, included")],
    order: Annotated[str | None, typer.Option(help="number of the order")] = None,
    key: Key = None,
) -> None:
    """Reserve money of a voucher for an order: holder, provider or issuer."""
    more = {
        "fen": fen,
        "provider": provider,
        "plannedFrom": planned_from,
        "plannedUntil": planned_until,
        **({} if order is None else {"orderNo": order}),
    }
    _send(profile_file, "voucher_reserve", {**_claim(issuer, code, claim), **more}, key)


@claim_app.command("consume")
def consume(
    profile_file: AsProfile,
    issuer: Issuer,
    code: Code,
    claim: Claim,
    fen: Fen,
    service: Annotated[str, typer.Option(help="key of the service record")],
    key: Key = None,
) -> None:
    """Use what was reserved, for a service that was given; every check is made: the provider."""
    more = {"fen": fen, "service": service}
    _send(profile_file, "voucher_consume", {**_claim(issuer, code, claim), **more}, key)


@claim_app.command("submit")
def submit(
    profile_file: AsProfile, issuer: Issuer, code: Code, claim: Claim, key: Key = None
) -> None:
    """Submit a claim for settlement: the provider."""
    _send(profile_file, "voucher_submit", _claim(issuer, code, claim), key)


@claim_app.command("release")
def release(
    profile_file: AsProfile, issuer: Issuer, code: Code, claim: Claim, key: Key = None
) -> None:
    """Give back what was reserved; the order was cancelled."""
    _send(profile_file, "voucher_release", _claim(issuer, code, claim), key)


def settle(
    profile_file: AsProfile, issuer: Issuer, code: Code, claim: Claim, fen: Fen, key: Key = None
) -> None:
    """Settle a claim that the city has passed; checked again: the issuer."""
    _send(profile_file, "voucher_settle", {**_claim(issuer, code, claim), "fen": fen}, key)


def decide(
    profile_file: AsProfile,
    decision: Annotated[Decision, typer.Argument(help="clear: lift a hold")],
    issuer: Issuer,
    code: Code,
    claim: Claim,
    reason: Reason = "",
    key: Key = None,
) -> None:
    """Decide about a claim: the issuer. Rejecting and lifting a hold need a reason."""
    more = {"decision": decision.name, "reason": reason}
    _send(profile_file, "voucher_decide", {**_claim(issuer, code, claim), **more}, key)


def claw_back(
    profile_file: AsProfile,
    issuer: Issuer,
    code: Code,
    claim: Claim,
    fen: Fen,
    reason: Reason,
    key: Key = None,
) -> None:
    """Claw back what was settled: the issuer."""
    more = {"fen": fen, "reason": reason}
    _send(profile_file, "voucher_claw_back", {**_claim(issuer, code, claim), **more}, key)


def add_to(app: typer.Typer) -> None:
    """Put these commands into the group of vouchers."""
    app.add_typer(claim_app, name="claim")
    app.command("settle")(settle)
    app.command("decide")(decide)
    app.command("claw-back")(claw_back)


def _claim(issuer: str, code: str, claim: str) -> dict[str, Any]:
    return {"issuer": issuer, "code": code, "claimNo": claim}


def _send(profile_file: Path, name: str, given: Mapping[str, Any], key: str | None) -> None:
    with exit_on_error(profile_file):
        told = run(_sent(profile_file, name, given, key))
    tell_payload(told)
    if told["state"] is None:
        raise typer.Exit(1)


async def _sent(
    profile_file: Path, name: str, given: Mapping[str, Any], key: str | None
) -> dict[str, Any]:
    profile = load_profile(profile_file)
    identifier = document_id(document_named(name))
    words = json.dumps([profile.client_id, name, given], ensure_ascii=False, sort_keys=True)
    made = key or f"voucher-{sha256(words.encode()).hexdigest()}"
    async with profile.client() as hub:
        return await mutate(hub, identifier, given, made)


def tell_payload(told: Mapping[str, Any]) -> None:
    """Say what came of a message: its payload as the hub answered it."""
    if told["state"] is not None:
        state = VoucherClaimState[told["state"]]
        fen = "" if told["fen"] is None else f" · {told['fen'] // 100:,}.{told['fen'] % 100:02} CNY"
        before = " · 先前已受理 taken before" if told["replayed"] else ""
        typer.echo(f"{state.name} · {told['claimNo']} · {state.zh} {state.en}{fen}{before}")
    elif told["refused"] is not None:
        _tell_code("没有变动 nothing moved", REFUSED, told["refused"])
        _tell_advice(told["refused"])
        _tell_first(told.get("firstClaim"))
    else:
        _tell_code("没有变动，缺少 nothing moved, missing", LACKING_WORDS, told["missing"])
        typer.echo("  补齐后重新执行同一命令。 Let it be stated, then give the same command again.")
    for code in told["heldFor"]:
        _tell_code("  须人工核对 a person must look", REFUSED, code)
    for result in ("FAIL", "UNKNOWN"):
        for check in told.get("checks") or ():
            if check["result"] == result:
                _tell_check(check)


def _tell_check(check: Mapping[str, Any]) -> None:
    _tell_code(f"  {check['result']}", CHECKS, check["code"])
    if check["missing"] is not None:
        _tell_code("    缺少 missing", LACKING_WORDS, check["missing"])


def _tell_code(head: str, table: Mapping[str, tuple[str, str]], code: str) -> None:
    is_parameter = table is LACKING_WORDS and code not in table and code.startswith("VOUCHER_")
    words = PARAMETER if is_parameter else table.get(code)
    typer.echo(f"{head}: {code}" if words is None else f"{head}: {code} · {words[0]} {words[1]}")


def _tell_first(first: Mapping[str, str] | None) -> None:
    if first is not None:
        name = f"{first['issuer']}/{first['code']}/{first['claimNo']}"
        typer.echo(f"  已有申兑 the earlier claim: {name}")
        typer.echo(f"  其回执 its receipt: deltahub client receipt --as … {first['entryId']}")


def _tell_advice(code: str) -> None:
    zh, en = ADVICE[code] if code in ADVICE else ADVICE[""]
    typer.echo(f"  {zh} {en}")
