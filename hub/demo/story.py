"""`story`: the steps of the demo, each with real parts and the real client."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from shlex import quote
from typing import Any

from hub.client.profile import Profile, load_profile
from hub.clock import Clock
from hub.demo import records
from hub.demo.parties import OFFICE, PARTNER, UNIVERSITY, VOUCHER
from hub.demo.vouchers import CLAIM, CODE, INVOICE, LAW_FOLDER
from hub.explorer.samples import document, variables
from hub.harvest.service import Harvester
from hub.harvest.source import HarvestSource
from hub.harvest.summary import print_report
from hub.printer import Printer, age, local_time
from hub.store.database import Database
from hub.store.sources import list_sources

Answer = dict[str, Any]

VERIFY_TIMEOUT_S = 60
SHOWN_OF_A_SOURCE = 3
ASKED_MAX = 100
QUESTION = "free_instruments"


async def harvest(
    printer: Printer,
    database: Database,
    harvester: Harvester,
    sources: list[HarvestSource],
    clock: Clock,
) -> None:
    """Harvest the sandbox systems, except sources whose data is still as fresh as promised."""
    known = {source.source_id: source for source in await list_sources(database)}
    for source in sources:
        zh = source.title_zh or source.adapter.title_zh
        with printer.step(f"采集 {zh}", f"Harvest: {source.title_en or source.adapter.title_en}"):
            last = known.get(source.id)
            if last is not None and last.last_ok_at is not None:
                seconds = (clock() - last.last_ok_at).total_seconds()
                if seconds < last.promised_freshness_s:
                    printer.say(f"harvested {int(seconds)} s ago, still as fresh as it promises")
                    continue
            print_report(printer, await harvester.harvest(source))


async def push(printer: Printer, profile: Profile, now: datetime) -> dict[str, str]:
    """Push the university's batch; return the entry ids of its service records by local id."""
    rows = records.batch(now)
    with printer.step(
        "大学推送签名批次", "The university pushes a signed batch, one row of it bad"
    ):
        async with profile.client() as hub:
            answer = await hub.push(rows, source=records.SOURCE)
            counts = answer.body["counts"]
            printer.say(", ".join(f"{n} {name}" for name, n in counts.items() if n))
            for row in answer.body["rows"]:
                if row["outcome"] == "QUARANTINED":
                    _print_refused(printer, row)
            services = [row for row in answer.body["rows"] if row.get("type") == "ServiceRecord"]
            for row in services:
                receipt = await hub.receipt(row["entryId"])
                name, place = row["key"].rpartition("/")[2], receipt.splitlines()[2]
                printer.say(f"receipt of {name}: {place}, revision {row['revision']}")
    return {row["key"].rpartition("/")[2]: row["entryId"] for row in services}


def _print_refused(printer: Printer, row: Mapping[str, Any]) -> None:
    for problem in row["problems"]:
        value = f" [{problem['value']}]" if "value" in problem else ""
        printer.say(f"row {row['row']} {problem['path']}{value}: {problem['messageZh']}")
        printer.say(f"      {problem['code']}: {problem['messageEn']}")


async def ask(printer: Printer, profile: Profile, now: datetime) -> None:
    """Ask the partner's one question and show the answer."""
    query_variables = {**variables(QUESTION, now), "first": ASKED_MAX}
    with printer.step(
        "合作平台一次提问", "The partner asks, in one request: which TEMs in the delta are free"
    ):
        printer.say("for four hours next Tuesday, and what do four hours cost an enterprise?")
        async with profile.client() as hub:
            answer = await hub.query(document(QUESTION), query_variables)
        for error in answer.get("errors", ()):
            printer.say(f"{error['extensions']['code']}: {error['message']}")
        instruments = answer["data"]["instruments"]
        printer.say(f"{instruments['totalCount']} instruments; some of each source:")
        rows: list[tuple[Any, ...]] = [("instrument", "institution", "free", "4 h cost", "book at")]
        rows += [_instrument_row(node) for node in _some_of_each(instruments["nodes"])]
        printer.table(rows)
        printer.line()
        print_sources(printer, instruments["sources"], now)


def _some_of_each(nodes: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    by_source: dict[str, list[Mapping[str, Any]]] = {}
    for node in nodes:
        by_source.setdefault(node["provenance"]["source"], []).append(node)
    return [node for part in by_source.values() for node in part[:SHOWN_OF_A_SOURCE]]


def _instrument_row(node: Mapping[str, Any]) -> tuple[str, ...]:
    free = ", ".join(
        f"{local_time(window['from'])}-{local_time(window['until'])}"
        for window in node["availability"]["free"]
    )
    price = node["priceEstimate"]
    amount = price["amount"]
    cost = f"{amount['amount']} {amount['currency']}" if amount else price["status"]
    name = f"{node['name']['zh']} {node['model'] or ''}".strip()
    return (name, node["institution"]["name"]["zh"], free, cost, node["bookingUrl"] or "-")


def print_sources(printer: Printer, sources: list[Mapping[str, Any]], now: datetime) -> None:
    """Show the manifest: every source with its state and age."""
    rows: list[tuple[Any, ...]] = [("source", "state", "why", "served from", "age")]
    rows += [
        (s["id"], s["status"], s["errorCode"] or "", s["servedFrom"], age(s["asOf"], now))
        for s in sources
    ]
    printer.table(rows)


async def verify(printer: Printer, profile: Profile, entry: str, folder: Path) -> None:
    """Let the voucher system fetch a receipt and verify it in another process, offline."""
    with printer.step(
        "创新券系统离线核验", "The voucher system fetches a receipt and verifies it offline"
    ):
        async with profile.client() as hub:
            (folder / "receipt.txt").write_text(await hub.receipt(entry), "utf-8")
            (folder / "record.json").write_bytes(await hub.record(entry))
            (folder / "policy.txt").write_text(await hub.policy(), "utf-8")
        paths = [str(folder / name) for name in ("receipt.txt", "record.json", "policy.txt")]
        printer.say(f"$ deltahub verify {paths[0]} {paths[1]} --policy {paths[2]}")
        for line in await _run("verify", *paths[:2], "--policy", paths[2]):
            printer.say(f"  {line}")
        changed = (folder / "record.json").read_bytes().replace(b'"hours":"4.0"', b'"hours":"9.0"')
        (folder / "changed.json").write_bytes(changed)
        printer.say("the same with nine hours instead of four:")
        changed_path = str(folder / "changed.json")
        for line in (await _run("verify", paths[0], changed_path, "--policy", paths[2]))[:1]:
            printer.say(f"  {line}")


async def _run(*words: str) -> list[str]:
    """Run `deltahub` as another process; return what it printed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from hub.cli.main import main; main()",
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(VERIFY_TIMEOUT_S):
        output, _ = await process.communicate()
    return output.decode().splitlines()


def print_next_steps(printer: Printer, base: str, folder: Path) -> None:
    """Print what to try next."""
    partner, university, voucher = (p.profile(folder) for p in (PARTNER, UNIVERSITY, VOUCHER))
    ask = ".venv/bin/deltahub client query --as"
    printer.line()
    printer.line(f"The hub is up at {base}    Ctrl-C stops everything")
    printer.line(f"Front page: {base}    Explorer: {base}/explore    Guide: {base}/guide")
    known = load_profile(university)
    printer.line(f"Submit a table: {base}/submit as {known.client_id} with the key {known.key}")
    office = load_profile(OFFICE.profile(folder))
    printer.line(
        f"A voucher case: {base}/vouchers as {office.client_id} with the key {office.key}, "
        f"invoice {INVOICE}"
    )
    printer.line("The same question, and three more to try in another shell:")
    printer.line(f"  {ask} {partner} {QUESTION}")
    search = '{ instruments(search: "smdj", first: 3) { totalCount nodes { key name { zh } } } }'
    printer.line(f"  {ask} {partner} '{search}'")
    printer.line(f"  {ask} {voucher} service_records")
    printer.line(f"  {ask} {university} sources")


def print_operator_steps(printer: Printer, files: Path) -> None:
    """Print what an operator may try while the demo is up."""
    printer.line("and as its operator, while it is up:")
    printer.line("  .venv/bin/deltahub status")
    printer.line(f"  HUB_SOURCE_SECRETS_DIR={quote(str(files))} .venv/bin/deltahub harvest ecnu")
    printer.line("  .venv/bin/deltahub source runs")
    printer.line("What the voucher case came to, for a finance office, by the example law:")
    printer.line(
        f"  HUB_VOUCHER_ISSUERS={VOUCHER.party} HUB_LAW_DIR={quote(str(LAW_FOLDER))} "
        f".venv/bin/deltahub voucher attest --issuer {VOUCHER.party} --code {CODE} --claim {CLAIM}"
    )
    printer.line("Every kind of system is a source; the others are being read now:")
    printer.line("  .venv/bin/deltahub source list")
    printer.line(
        "The slow platform answers again after the first; the second lets another one lie:"
    )
    printer.line("  .venv/bin/deltahub sandbox fault shanghai")
    printer.line("  .venv/bin/deltahub sandbox fault lims_cf lying")
