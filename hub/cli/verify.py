"""`deltahub verify`: checks offline whether a receipt proves a record."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.refusals import in_words
from hub.clock import system_clock
from hub.ledger import verify as ledger
from hub.ledger.errors import PolicyError
from hub.ledger.keys import ProducerKeys, parse_keys
from hub.ledger.policy import parse_policy

BYTES_MAX = 1 << 20
"""Bytes read of each file; no valid one is larger."""

THEN_ZH = "证明当时如此陈述；此后是否更正或撤回，请以 deltahub client receipt 向枢纽查询"
THEN_EN = "proves what was stated then; deltahub client receipt asks whether it was corrected since"

ReceiptFile = Annotated[Path, typer.Argument(metavar="RECEIPT", help="receipt (tlog-proof@v1)")]
RecordFile = Annotated[Path, typer.Argument(metavar="RECORD", help="record, canonical bytes")]
PolicyFile = Annotated[Path, typer.Option("--policy", help="trusted log and witnesses")]
KeysFile = Annotated[
    Path | None, typer.Option("--keys", help="pinned producers' keys (JWKS), for signed records")
]


def verify(
    receipt: ReceiptFile, record: RecordFile, policy: PolicyFile, keys: KeysFile = None
) -> None:
    """Check a receipt offline; answer in one word, exit with 0 only when the record is proved."""
    try:
        pinned = ProducerKeys() if keys is None else parse_keys(_read(keys))
        verdict = ledger.verify(
            _read(receipt), _read(record), parse_policy(_read(policy)), pinned, now=system_clock()
        )
    except (OSError, PolicyError) as error:
        typer.echo(f"无法验证 cannot verify: {in_words(error)}", err=True)
        raise typer.Exit(2) from error
    typer.echo(verdict.word.value)
    for name, fact in _facts(verdict):
        typer.echo(f"  {name:<10} {fact}")
    if verdict.word.is_valid:
        typer.echo(f"  {THEN_ZH}\n  {THEN_EN}")
    for reason in verdict.reasons:
        typer.echo(f"  {reason.zh}\n  {reason.en}")
    if verdict.detail:
        typer.echo(f"  {verdict.detail}", err=True)
    if not verdict.word.is_valid:
        raise typer.Exit(1)


def _facts(verdict: ledger.Verdict) -> list[tuple[str, str]]:
    facts = [
        ("record", verdict.record_type),
        ("key", verdict.key),
        ("authority", verdict.authority),
        ("revision", verdict.revision and str(verdict.revision)),
        ("party", verdict.party),
        ("assurance", verdict.assurance and str(verdict.assurance.value)),
        ("digest", verdict.revision_id),
        ("log", verdict.origin),
        ("leaf", None if verdict.index is None else f"{verdict.index} of {verdict.log_size}"),
        ("witnessed", verdict.witnessed_at and verdict.witnessed_at.isoformat()),
        ("witnesses", ", ".join(verdict.witnesses) or None),
    ]
    return [(name, fact) for name, fact in facts if fact]


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(BYTES_MAX)
