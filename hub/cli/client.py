"""`deltahub client`: a partner's commands: key, registration, query, push, receipt, explanation."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.access.explain import SentRequest, explain
from hub.access.registration import application_document
from hub.access.signatures import PUSH
from hub.cli import client_documents, client_keys, clients
from hub.cli.client_export import export
from hub.cli.client_submit import submit_file
from hub.cli.context import run
from hub.cli.large_files import PROGRESS
from hub.cli.progress import RowProgress
from hub.cli.proxy import serve_proxy
from hub.cli.refusals import LAST_REFUSED, exit_on_error
from hub.client import ClientError, Producer, create_key, load_key
from hub.client.answers import FetchedReceipt
from hub.client.batch_file import LINES_TOLD_MAX, Prepare
from hub.client.profile import Profile, load_profile
from hub.client.pushing import Pushed, PushedFile, push_file
from hub.clock import system_clock
from hub.explorer import samples
from hub.intake.limits import BATCH_ROWS_MAX
from schema.strict_json import explained, read_json

app = typer.Typer(help="A partner's side of the hub, and the operator's list of partners.")
client_keys.add_to(app)
clients.add_to(app)
app.add_typer(client_documents.app, name="document")
app.command("submit")(submit_file)
app.command("export")(export)

AsProfile = Annotated[Path, typer.Option("--as", help="profile file", envvar="DELTAHUB_PROFILE")]
ROWS_TOLD_MAX = 20
"""Rows of an answer that are all told of; of more only those that need a look."""


@app.command("new")
def new(
    folder: Annotated[Path, typer.Argument(help="new folder for key, document and profile")],
    client_id: Annotated[str, typer.Option("--id", help="name of the client, a-z 0-9 . _ -")],
    name: Annotated[str, typer.Option(help="name for people")],
    hub: Annotated[str, typer.Option(help="address of the hub")] = "http://127.0.0.1:8000",
) -> None:
    """Make a key, a registration document for the operator, and a profile."""
    with exit_on_error():
        folder.mkdir(parents=True, exist_ok=True)
        key = create_key(folder / "key.pem")
        document = application_document(client_id, name, key.public)
        text = json.dumps(document, ensure_ascii=False, indent=2)
        (folder / "registration.json").write_text(text + "\n", "utf-8")
        Profile(hub, client_id, folder / "key.pem").write(folder / "profile.toml")
    typer.echo(f"{folder / 'key.pem'}           private key; it never leaves this machine")
    typer.echo(f"{folder / 'registration.json'} send this to the operator of {hub}")
    typer.echo(f"{folder / 'profile.toml'}      use it: deltahub client query --as …")
    typer.echo("or ask the hub itself: deltahub client apply --as … --name …")


@app.command("query")
def query(
    profile_file: AsProfile,
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
    with exit_on_error():
        profile = load_profile(profile_file)
        text, identifier, usual = _document(document)
        values = usual if variables is None else _variables(variables)
        answer = run(_ask(profile, text, identifier, values, language))
    typer.echo(json.dumps(answer, ensure_ascii=False, indent=2))
    if answer.get("errors"):
        raise typer.Exit(1)


def _variables(text: str) -> Any:
    try:
        return read_json(text)
    except ValueError as error:
        zh, en = explained(error)
        raise ClientError(
            "NOT_JSON", f"--variables 不是 JSON：{zh} is not JSON: {en}", "改正后重试 correct it"
        ) from error


async def _ask(
    profile: Profile, text: str | None, identifier: str | None, variables: Any, language: str
) -> dict[str, Any]:
    async with profile.client() as hub:
        return await hub.query(text, variables, document_id=identifier, language=language)


def _document(document: str) -> tuple[str | None, str | None, dict[str, Any]]:
    """Return text or id of a document, and its usual variables."""
    if document.startswith("sha256:"):
        return None, document, {}
    if document.endswith(".graphql"):
        return Path(document).read_text("utf-8"), None, {}
    if document in samples.ORDER:
        return samples.document(document), None, samples.variables(document, system_clock())
    return document, None, {}


@app.command("push")
def push(
    profile_file: AsProfile,
    file: Annotated[
        Path, typer.Argument(help="NDJSON: one {type, record} or {type, withdraw} a line")
    ],
    source: Annotated[str, typer.Option(help="whose records these are")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="check, write nothing")] = False,
    sign: Annotated[bool, typer.Option("--sign", help="sign each record as its producer")] = False,
    party: Annotated[
        str, typer.Option(help="the producer's party, with --sign; as registered if not given")
    ] = "",
    idempotency_key: Annotated[str | None, typer.Option("--key", help="to repeat a push")] = None,
    full: Annotated[bool, typer.Option("--full", help="tell of every row, however many")] = False,
    progress: PROGRESS = None,
    batch_rows: Annotated[
        int | None, typer.Option("--batch-rows", min=1, max=BATCH_ROWS_MAX, help="rows of a batch")
    ] = None,
) -> None:
    """Push records, signed; print what became of each row.

    A file of more than 10,000 rows goes in batches; the same command again goes on where it was cut
    off. A line that is no row is told, and costs no other.
    """
    with exit_on_error(profile_file):
        profile = load_profile(profile_file)
        asked = PushedFile(
            path=file,
            source=source,
            key=idempotency_key,
            dry_run=dry_run,
            full=full,
            rows_max=batch_rows or BATCH_ROWS_MAX,
            prepare=_signer(profile, party or run(_registered_party(profile))) if sign else dict,
        )
        pushed = run(_push(profile, asked, progress))
    typer.echo(json.dumps(_told(pushed, full=full), ensure_ascii=False, indent=2))
    for line in pushed.bad[:LINES_TOLD_MAX]:
        typer.echo(str(line), err=True)
    if pushed.bad_count:
        typer.echo(
            f"{pushed.bad_count} 行未发送，其余已处理；请改正后只重发这些行 "
            "lines were not sent, the others were: correct these and push them alone",
            err=True,
        )
    if unsettled := pushed.counts["unsettled"]:
        typer.echo(
            f"{unsettled} 行的归属枢纽尚未答复：请用同一 --key 重发 "
            "rows wait for their home hub: push the same again with the same --key",
            err=True,
        )
    if pushed.counts["quarantined"] or unsettled or pushed.bad_count:
        raise typer.Exit(1)


def _told(pushed: Pushed, *, full: bool) -> dict[str, Any]:
    """Return what became of a file: the hub's answer, or the figures of all its batches."""
    unsent = {"linesNotSent": pushed.bad_count} if pushed.bad_count else {}
    if pushed.batches == 1:
        answer = {**pushed.answer, "rows": pushed.rows, "idempotencyKey": pushed.keys[0]}
        return {**_shortened(answer, full=full), **unsent}
    told = {
        "batches": pushed.batches,
        "batchesInAlready": pushed.replayed,
        "dryRun": pushed.answer["dryRun"],
        "counts": dict(pushed.counts),
        "rows": pushed.rows,
        "rowsNotListed": pushed.told - len(pushed.rows),
        "idempotencyKeys": pushed.keys,
    }
    return {**told, **unsent}


async def _registered_party(profile: Profile) -> str:
    """Return in whose name this client's key signs, as the hub has it."""
    async with profile.client() as hub:
        return str((await hub.registration())["party"])


def _shortened(answer: dict[str, Any], *, full: bool) -> dict[str, Any]:
    """Return an answer without the good rows, where there are many."""
    rows = answer["rows"]
    if full or len(rows) <= ROWS_TOLD_MAX:
        return answer
    told = [row for row in rows if row.get("problems") or row.get("warnings")]
    left = "good rows are not listed; --full lists them 未列出无问题的行，--full 列出全部"
    return {**answer, "rows": told, "leftOut": f"{len(rows) - len(told)} {left}"}


async def _push(profile: Profile, asked: PushedFile, progress: bool | None) -> Pushed:
    told = RowProgress(None, wanted=progress)
    async with profile.client() as hub:
        return await push_file(hub, asked, lambda rows, is_known: told.add(rows, is_known=is_known))


def _signer(profile: Profile, party: str) -> Prepare:
    """Return what signs a row: its producer's detached JWS over the canonical bytes."""
    producer = Producer(load_key(profile.key), party)

    def signed(row: dict[str, Any]) -> dict[str, Any]:
        if "record" not in row:
            return row
        record = {name: part for name, part in row["record"].items() if part is not None}
        jws = producer.sign(row["type"], record, system_clock())
        return {**row, "record": record, "jws": jws}

    return signed


@app.command("quarantine")
def quarantine(
    profile_file: AsProfile,
    source: Annotated[str, typer.Option(help="a source that you push as")],
    after: Annotated[str | None, typer.Option(help="number after which to go on")] = None,
) -> None:
    """List the rows of your own that wait, with their reasons; a corrected row settles them."""
    with exit_on_error():
        page = run(_quarantine(load_profile(profile_file), source, after))
    typer.echo(json.dumps(page, ensure_ascii=False, indent=2))


async def _quarantine(profile: Profile, source: str, after: str | None) -> dict[str, Any]:
    async with profile.client() as hub:
        return await hub.quarantine(source=source, after=after)


@app.command("receipt")
def receipt(
    profile_file: AsProfile,
    entry: Annotated[str, typer.Argument(help="entry id, as a push answers it")],
    out: Annotated[Path, typer.Option(help="folder for receipt and record")] = Path(),
) -> None:
    """Fetch a receipt and the record it is for, to be verified offline."""
    if not (entry.isascii() and entry.isdigit()):
        raise typer.BadParameter(f"{entry!r} is no entry id: a number, as a push answers it")
    with exit_on_error():
        proof, record = run(_receipt(load_profile(profile_file), entry))
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{entry}.tlog-proof").write_text(proof.text, "utf-8")
        (out / f"{entry}.record.json").write_bytes(record)
    typer.echo(f"{out / entry}.tlog-proof {out / entry}.record.json")
    typer.echo(_STANDINGS.get(proof.standing, "{standing}").format(**asdict(proof)))


_STANDINGS = {
    "CURRENT": "CURRENT 现行：该来源现在仍如此陈述 its source still says so",
    "SUPERSEDED": "SUPERSEDED 已更正：现以条目 {successor} 为准 entry {successor} stands now",
    "WITHDRAWN": "WITHDRAWN 已撤回：该来源已撤回此记录 its source has taken the record back",
}


async def _receipt(profile: Profile, entry: str) -> tuple[FetchedReceipt, bytes]:
    async with profile.client() as hub:
        return await hub.receipt_today(entry), await hub.record(entry)


@app.command("policy")
def policy(
    profile_file: AsProfile,
    out: Annotated[Path, typer.Argument(help="file to write")],
) -> None:
    """Fetch the log's policy file once, at registration; pin it."""
    with exit_on_error():
        text = run(_policy(load_profile(profile_file)))
        out.write_text(text, "utf-8")
    typer.echo(f"{out}: compare its key with the operator's by another way, then keep it")


async def _policy(profile: Profile) -> str:
    async with profile.client() as hub:
        return await hub.policy()


@app.command("proxy")
def proxy(
    profile_file: AsProfile,
    port: Annotated[int, typer.Option(min=1024, max=65535, help="port on 127.0.0.1")] = 8765,
    origins: Annotated[
        list[str] | None,
        typer.Option("--allow-origin", help="web page that may ask, such as http://localhost:3000"),
    ] = None,
) -> None:
    """Let programs of this machine ask the hub over plain HTTP: Excel, pandas, GraphQL tools."""
    with exit_on_error():
        serve_proxy(load_profile(profile_file), port, origins or [])


@app.command("explain")
def explain_refusal(profile_file: AsProfile) -> None:
    """Say what differs in the signed request that the hub refused last."""
    with exit_on_error():
        profile = load_profile(profile_file)
        path = profile_file.parent / LAST_REFUSED
        if not path.exists():
            typer.echo("no signed request of this profile was refused")
            return
        refused = json.loads(path.read_text("utf-8"))
        key = load_key(profile.key)
        sent = SentRequest(**{**refused["sent"], "body": refused["sent"]["body"].encode("latin-1")})
        findings = explain(
            sent,
            PUSH,
            keys={key.kid: key.public},
            server_time=datetime.fromisoformat(refused["server_time"]),
        )
    typer.echo(f"the hub said: {refused['code']}")
    if not findings:
        typer.echo(
            "nothing differs: the key may be retired or revoked, or the request was repeated"
        )
    for finding in findings:
        typer.echo(f"{finding.reason.name} {finding.component}")
        typer.echo(f"  signed {finding.signed}\n  seen   {finding.seen}\n  {finding.advice}")
