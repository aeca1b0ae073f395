"""`deltahub voucher`: the operator's side; a partner's is in `hub.cli.voucher_claim`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.access.agreements import Agreements
from hub.cli import claim_keys, voucher_claim
from hub.cli.context import Act, open_database, run, settings
from hub.cli.customs import customs_desk
from hub.cli.voucher_attest import attest, claims
from hub.clock import system_clock
from hub.errors import ErrorCode, RefusedError
from hub.ledger.endpoint import LogEndpoints
from hub.ledger.log_files import log_signer
from hub.ledger.policy import NONE, Policy
from hub.policy.law import current_law
from hub.policy.vouchers.checks import CheckResult, VoucherVerdict
from hub.policy.vouchers.messages import Event
from hub.vouchers.cases.case_desk import VoucherCaseDesk
from hub.vouchers.cases.pack import PackContents, entries_of, pack_bytes
from hub.vouchers.cases.pack_page import CHINESE
from hub.vouchers.cases.packing import collect, proving_all
from hub.vouchers.cases.sight import RecordSight
from hub.vouchers.cases.words import LACKING, said
from hub.vouchers.followed.findings import open_findings
from hub.vouchers.money.audit import VoucherAudit, audit
from hub.vouchers.money.ledger import read_voucher
from hub.vouchers.money.movements import standing_of
from hub.vouchers.question import ServiceChecked, VoucherWanted
from hub.vouchers.services.stored import StoredServices
from schema.codes import VoucherFindingKind
from schema.dates import format_instant

app = typer.Typer(help="Innovation vouchers 科技创新券", no_args_is_help=True)
app.command("attest")(attest)
app.command("claims")(claims)
claim_keys.add_to(app)
voucher_claim.add_to(app)
SIGNS = {CheckResult.PASS: "✓", CheckResult.FAIL: "✗", CheckResult.UNKNOWN: "?"}
ORDER = (CheckResult.FAIL, CheckResult.UNKNOWN, CheckResult.PASS)
"""What is wrong stands first."""


@app.command("audit")
def audit_vouchers(
    as_json: Annotated[bool, typer.Option("--json", help="as one JSON object")] = False,
) -> None:
    """Recompute every voucher from its movements; exit code 1 where something differs."""
    found = run(_audit())
    if as_json:
        typer.echo(json.dumps(_wire(found), ensure_ascii=False))
    else:
        _tell(found)
    if not found.is_sound:
        raise typer.Exit(1)


@app.command("findings")
def tell_findings() -> None:
    """List what is open for a person to decide about vouchers; exit code 1 where anything is."""
    found = run(_findings())
    for row in found:
        kind = VoucherFindingKind[row["kind"]]
        fen = "" if row["fen"] is None else f" · {_yuan(row['fen'])} CNY"
        detail = "" if row["detail"] is None else f" · {row['detail']}"
        entries = ", ".join(each["entry"] for each in row["evidence"] or ())
        typer.echo(f"✗ {row['key']} · {kind.zh} {kind.en}{fen}{detail}")
        typer.echo(f"  {format_instant(row['since'])} · 台账条目 entries {entries}")
    typer.echo(f"{len(found)} 项待处理 open")
    if found:
        raise typer.Exit(1)


@app.command("verify")
def verify_service(
    service: Annotated[str, typer.Argument(help="key of the service record")],
    issuer: Annotated[str, typer.Option(help="key of the department that granted the voucher")],
    code: Annotated[str, typer.Option(help="number of the voucher")],
    fen: Annotated[int, typer.Option(help="fen that the voucher is to pay")],
    order: Annotated[str | None, typer.Option(help="number of the order")] = None,
) -> None:
    """Check a service for a voucher, moving nothing; exit code 1 unless it is VALID."""
    wanted = VoucherWanted(
        issuer=issuer, code=code, event=Event.CONSUME, claim_no="", fen=fen, order_no=order
    )
    found = run(_verify(service, wanted)).verified
    typer.echo(f"{found.verdict.value} · {service}")
    for result in ORDER:
        for check in found.checks:
            if check.result is result:
                lacking = check.missing
                why = "" if lacking is None else f" · {lacking.fact}: {lacking.reason}"
                law = "" if check.parameter is None else f" · {check.parameter}"
                typer.echo(f"  {SIGNS[result]} {check.code.value} {result.value}{why}{law}")
    if found.verdict is not VoucherVerdict.VALID:
        raise typer.Exit(1)


@app.command("pack")
def pack_case(
    identity: Annotated[
        str, typer.Argument(help="key or identity of a claim, service record, order or voucher")
    ],
    to: Annotated[Path, typer.Option(help="file to write; it must not be there yet")],
    lang: Annotated[str, typer.Option(help="zh or en: language of the page to read")] = CHINESE,
) -> None:
    """Write the evidence pack of a case: records, receipts, law of the day, a page to read."""
    contents = run(_pack(identity, lang))
    data = pack_bytes(contents)
    with to.open("xb") as file:
        file.write(data)
    lines = len(entries_of(contents.chain))
    digest = sha256(data).hexdigest()
    typer.echo(f"{to} · {lines} 条记录 records · {len(data)} bytes · SHA-256 {digest}")
    for station in contents.stations:
        for code in station.missing:
            words = said(LACKING, code)
            typer.echo(f"  ? {station.code} · {words.zh} {words.en}")


async def _pack(identity: str, language: str) -> PackContents:
    hub_settings = settings()
    async with open_database(hub_settings, Act("voucher pack", {"case": identity})) as database:
        signer = log_signer(
            hub_settings.log_origin, hub_settings.data_dir / "keys", hub_settings.log_key_file
        )
        policy = Policy((signer.key,), {}, {}, NONE)
        issuers = frozenset(hub_settings.voucher_issuers)
        law = current_law(hub_settings.law_dir)
        desk = VoucherCaseDesk(database, Agreements(database, system_clock, law), issuers, law)
        sight = RecordSight.of_operator(database.records.registry)
        log = LogEndpoints(database, signer.key, policy)
        prove = proving_all(database, policy)
        found = await collect(desk, sight, identity, prove, log.policy_file, language)
        if found is None:
            raise RefusedError(
                ErrorCode.NOT_FOUND,
                hint="The hub has no claim, service record, order or voucher of this key.",
                hint_zh="枢纽没有此主键或标识的申兑、服务记录、订单或券。",
            )
        return found


async def _audit() -> VoucherAudit:
    async with open_database(settings(), Act("voucher audit", {})) as database:
        return await audit(database)


async def _findings() -> list[Mapping[str, Any]]:
    async with open_database(settings(), Act("voucher findings", {})) as database:
        return await open_findings(database)


async def _verify(service: str, wanted: VoucherWanted) -> ServiceChecked:
    hub_settings = settings()
    act = Act("voucher verify", {"service": service, "voucher": f"{wanted.issuer}/{wanted.code}"})
    async with open_database(hub_settings, act) as database:
        desk = customs_desk(hub_settings, database)
        services = StoredServices(database, desk, desk.law, hub_settings.log_origin)
        async with database.reads.connection() as connection:
            voucher = await read_voucher(database, connection, wanted.issuer, wanted.code)
        if voucher is None:
            raise RefusedError(
                ErrorCode.NOT_FOUND,
                hint="No source states a voucher of this issuer and number.",
                hint_zh="没有来源申报过该单位该编号的创新券。",
            )
        standing = standing_of(voucher.granted, voucher.movements)
        return await services.of(service, wanted, voucher, standing)


def _tell(found: VoucherAudit) -> None:
    buckets = found.buckets
    typer.echo(
        f"{found.vouchers} 张券 vouchers · {found.movements} 笔变动 movements · "
        f"{found.claims} 笔申兑 claims · {found.mirrored} 张由其他系统管理 kept by other systems"
    )
    typer.echo(
        f"额度合计 granted {_yuan(buckets.granted)} = 可用 available {_yuan(buckets.available)} + "
        f"预留 reserved {_yuan(buckets.reserved)} + 已使用 consumed {_yuan(buckets.consumed)} + "
        f"已兑付 settled {_yuan(buckets.settled)} + 过期 expired {_yuan(buckets.expired)} + "
        f"追回 clawed back {_yuan(buckets.clawed_back)} (CNY)"
    )
    for fault in found.faults:
        typer.echo(f"✗ {fault.voucher} · {fault.code} · {fault.detail}")
    if found.faults_count > len(found.faults):
        typer.echo(f"… {found.faults_count} 处 in all")
    typer.echo("账目一致 sound" if found.is_sound else "账目不一致 NOT SOUND")


def _yuan(fen: int) -> str:
    return f"{fen // 100:,}.{fen % 100:02}"


def _wire(found: VoucherAudit) -> dict[str, object]:
    return {
        "vouchers": found.vouchers,
        "movements": found.movements,
        "claims": found.claims,
        "mirrored": found.mirrored,
        "fen": {name: getattr(found.buckets, name) for name in found.buckets.__slots__},
        "faults": [
            {"voucher": each.voucher, "code": each.code, "detail": each.detail}
            for each in found.faults
        ],
        "faultsCount": found.faults_count,
    }
