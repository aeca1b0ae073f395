"""`deltahub client`: the partner's side: key, registration, query, push, receipt, explanation."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

from hub.access.explain import SentRequest, explain
from hub.access.registration import application_document
from hub.access.signatures import PUSH
from hub.cli import clients
from hub.cli.context import run
from hub.client import CallRefusedError, ClientError, create_key, load_key
from hub.client.profile import Profile, load_profile
from hub.clock import system_clock
from hub.explorer import samples
from hub.ledger.statement import sign_record
from schema.canonical import canonical

app = typer.Typer(help="A partner's side of the hub, and the operator's list of partners.")
clients.add_to(app)

AsProfile = Annotated[Path, typer.Option("--as", help="profile file", envvar="DELTAHUB_PROFILE")]
LAST_REFUSED = "last-refused.json"
"""Beside the profile: the signed request that the hub refused last."""


@app.command("new")
def new(
    folder: Annotated[Path, typer.Argument(help="new folder for key, document and profile")],
    client_id: Annotated[str, typer.Option("--id", help="name of the client, a-z 0-9 . _ -")],
    name: Annotated[str, typer.Option(help="name for people")],
    hub: Annotated[str, typer.Option(help="address of the hub")] = "http://127.0.0.1:8000",
) -> None:
    """Make a key, a registration document for the operator, and a profile."""
    with told():
        folder.mkdir(parents=True, exist_ok=True)
        key = create_key(folder / "key.pem")
        document = application_document(client_id, name, key.public)
        text = json.dumps(document, ensure_ascii=False, indent=2)
        (folder / "registration.json").write_text(text + "\n", "utf-8")
        Profile(hub, client_id, folder / "key.pem").write(folder / "profile.toml")
    typer.echo(f"{folder / 'key.pem'}           private key; it never leaves this machine")
    typer.echo(f"{folder / 'registration.json'} send this to the operator of {hub}")
    typer.echo(f"{folder / 'profile.toml'}      use it: deltahub client query --as …")


@app.command("query")
def query(
    profile: AsProfile,
    document: Annotated[
        str,
        typer.Argument(
            help="GraphQL text, a .graphql file, the id or the name of a registered document"
        ),
    ],
    variables: Annotated[
        str | None, typer.Option("--variables", "-v", help="JSON; a named document has its own")
    ] = None,
    language: Annotated[str, typer.Option(help="zh or en")] = "zh",
) -> None:
    """Run one GraphQL request and print the whole answer."""
    with told():
        found = load_profile(profile)
        text, identifier, usual = _document(document)
        given = usual if variables is None else json.loads(variables)
        answer = run(_ask(found, text, identifier, given, language))
    typer.echo(json.dumps(answer, ensure_ascii=False, indent=2))
    if answer.get("errors"):
        raise typer.Exit(1)


async def _ask(
    found: Profile, text: str | None, identifier: str | None, variables: Any, language: str
) -> dict[str, Any]:
    async with found.client() as hub:
        return await hub.query(text, variables, document_id=identifier, language=language)


def _document(given: str) -> tuple[str | None, str | None, dict[str, Any]]:
    """Return text or id of a document, and its usual variables."""
    if given.startswith("sha256:"):
        return None, given, {}
    if given.endswith(".graphql"):
        return Path(given).read_text("utf-8"), None, {}
    if given in samples.ORDER:
        return samples.document(given), None, samples.variables(given, system_clock())
    return given, None, {}


@app.command("push")
def push(
    profile: AsProfile,
    file: Annotated[
        Path, typer.Argument(help="NDJSON: one {type, record} or {type, withdraw} a line")
    ],
    source: Annotated[str, typer.Option(help="whose records these are")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="check, write nothing")] = False,
    sign: Annotated[bool, typer.Option("--sign", help="sign each record as its producer")] = False,
    party: Annotated[str, typer.Option(help="the producer's party, with --sign")] = "",
    idempotency_key: Annotated[str | None, typer.Option("--key", help="to repeat a push")] = None,
) -> None:
    """Push records as one signed batch; print what became of each row."""
    with told(profile):
        found = load_profile(profile)
        rows = [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]
        if sign:
            rows = [signed_row(row, found, party) for row in rows]
        answer = run(_push(found, rows, source, idempotency_key, dry_run))
    typer.echo(json.dumps(answer, ensure_ascii=False, indent=2))
    if answer["counts"]["quarantined"]:
        raise typer.Exit(1)


async def _push(
    found: Profile, rows: list[Any], source: str, key: str | None, dry_run: bool
) -> dict[str, Any]:
    async with found.client() as hub:
        answer = await hub.push(rows, source=source, idempotency_key=key, dry_run=dry_run)
        return {**answer.body, "idempotencyKey": answer.idempotency_key}


def signed_row(row: dict[str, Any], found: Profile, party: str) -> dict[str, Any]:
    """Return the row with its producer's detached JWS over the canonical bytes."""
    if "record" not in row:
        return row
    key = load_key(found.key)
    record = {name: part for name, part in row["record"].items() if part is not None}
    private = key.private
    assert isinstance(private, EllipticCurvePrivateKey), "client keys are P-256"
    jws = sign_record(canonical(record), private, key.kid, row["type"], party, system_clock())
    return {**row, "record": record, "jws": jws}


@app.command("receipt")
def receipt(
    profile: AsProfile,
    entry: Annotated[str, typer.Argument(help="entry id, as a push answers it")],
    out: Annotated[Path, typer.Option(help="folder for receipt and record")] = Path(),
) -> None:
    """Fetch a receipt and the record it is for, to be verified offline."""
    if not (entry.isascii() and entry.isdigit()):
        raise typer.BadParameter(f"{entry!r} is no entry id: a number, as a push answers it")
    with told():
        proof, record = run(_receipt(load_profile(profile), entry))
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{entry}.tlog-proof").write_text(proof, "utf-8")
        (out / f"{entry}.record.json").write_bytes(record)
    typer.echo(f"{out / entry}.tlog-proof {out / entry}.record.json")


async def _receipt(found: Profile, entry: str) -> tuple[str, bytes]:
    async with found.client() as hub:
        return await hub.receipt(entry), await hub.record(entry)


@app.command("policy")
def policy(
    profile: AsProfile,
    out: Annotated[Path, typer.Argument(help="file to write")],
) -> None:
    """Fetch the log's policy file once, at registration; pin it."""
    with told():
        text = run(_policy(load_profile(profile)))
        out.write_text(text, "utf-8")
    typer.echo(f"{out}: compare its key with the operator's by another way, then keep it")


async def _policy(found: Profile) -> str:
    async with found.client() as hub:
        return await hub.policy()


@app.command("explain")
def explain_refusal(profile: AsProfile) -> None:
    """Say what differs in the signed request that the hub refused last."""
    with told():
        found = load_profile(profile)
        path = profile.parent / LAST_REFUSED
        if not path.exists():
            typer.echo("no signed request of this profile was refused")
            return
        kept = json.loads(path.read_text("utf-8"))
        key = load_key(found.key)
        sent = SentRequest(**{**kept["sent"], "body": kept["sent"]["body"].encode("latin-1")})
        findings = explain(
            sent,
            PUSH,
            keys={key.kid: key.public},
            server_time=datetime.fromisoformat(kept["server_time"]),
        )
    typer.echo(f"the hub said: {kept['code']}")
    if not findings:
        typer.echo(
            "nothing differs: the key may be retired or revoked, or the request was repeated"
        )
    for finding in findings:
        typer.echo(f"{finding.reason.name} {finding.component}")
        typer.echo(f"  signed {finding.signed}\n  seen   {finding.seen}\n  {finding.advice}")


class told:  # noqa: N801 - reads as a word: `with told():`
    """Tell an error of the client in words; keep a refused signed request for `explain`."""

    def __init__(self, profile: Path | None = None) -> None:
        self._profile = profile

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, CallRefusedError) and error.sent and self._profile:
            _keep(self._profile, error)
            print("deltahub client explain --as … says what differs", file=sys.stderr)
        if isinstance(error, ClientError | OSError | ValueError):
            print(str(error), file=sys.stderr)
            raise typer.Exit(2) from error


def _keep(profile: Path, error: CallRefusedError) -> None:
    assert error.sent is not None
    date = error.server_date
    server_time = parsedate_to_datetime(date) if date else system_clock()
    sent = {**asdict(error.sent), "headers": dict(error.sent.headers)}
    sent["body"] = error.sent.body.decode("latin-1")
    kept = {
        "code": error.code,
        "server_time": server_time.astimezone(UTC).isoformat(),
        "sent": sent,
    }
    path = profile.parent / LAST_REFUSED
    path.touch(mode=0o600)
    path.write_text(json.dumps(kept), "utf-8")
