"""`deltahub voucher`: is the money of vouchers sound, and what do the checks say of a service."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from hub.cli import claim_keys
from hub.cli.context import Act, open_database, run, settings
from hub.cli.customs import customs_desk
from hub.errors import ErrorCode, RefusedError
from hub.policy.law import current_law
from hub.policy.vouchers.checks import CheckResult, VoucherVerdict
from hub.policy.vouchers.messages import Event
from hub.vouchers.audit import VoucherAudit, audit
from hub.vouchers.ledger import read_voucher
from hub.vouchers.movements import standing_of
from hub.vouchers.question import ServiceChecked, VoucherWanted
from hub.vouchers.stored import StoredServices

app = typer.Typer(help="Innovation vouchers 科技创新券", no_args_is_help=True)
claim_keys.add_to(app)
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


async def _audit() -> VoucherAudit:
    async with open_database(settings(), Act("voucher audit", {})) as database:
        return await audit(database)


async def _verify(service: str, wanted: VoucherWanted) -> ServiceChecked:
    hub_settings = settings()
    act = Act("voucher verify", {"service": service, "voucher": f"{wanted.issuer}/{wanted.code}"})
    async with open_database(hub_settings, act) as database:
        desk = customs_desk(hub_settings, database)
        services = StoredServices(database, desk, current_law(), hub_settings.log_origin)
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
        f"{found.claims} 笔申兑 claims"
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
        "fen": {name: getattr(found.buckets, name) for name in found.buckets.__slots__},
        "faults": [
            {"voucher": each.voucher, "code": each.code, "detail": each.detail}
            for each in found.faults
        ],
        "faultsCount": found.faults_count,
    }
