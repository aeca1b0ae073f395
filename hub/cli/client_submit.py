"""`deltahub client submit`: a table as a file to the hub, under the producer's own key.

Exit codes: 0 every row went in, 1 rows were refused or the mapping does not fit, 2 it could not be
done.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import typer

from hub.cli.context import run
from hub.cli.refusals import exit_on_error
from hub.cli.submit import print_report, read_bytes, read_text
from hub.client import CallRefusedError
from hub.client.files import FileAnswer, SentFile, keep_mapping, send_file
from hub.client.profile import Profile, load_profile
from hub.errors import ErrorCode, HubError
from hub.intake.files.wire import report_from_wire

PROBLEMS_SHOWN_MAX = 50


def submit_file(
    profile_file: Annotated[
        Path, typer.Option("--as", help="profile file", envvar="DELTAHUB_PROFILE")
    ],
    file: Annotated[Path, typer.Argument(help="XLSX, XLS, ODS, CSV, TSV, JSON or JSON lines")],
    source: Annotated[str, typer.Option(help="whose records these are")],
    mapping: Annotated[
        str | None,
        typer.Option(
            help="a mapping file, which the hub keeps for the source under its name, or the name "
            "of one that it keeps; none for the monthly workbook"
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="check all, write nothing")] = False,
    rejects: Annotated[
        Path | None, typer.Option(help="workbook for the refused rows, bad cells marked")
    ] = None,
    units_are_right: Annotated[
        bool, typer.Option("--units-are-right", help="amounts that look wrong are meant so")
    ] = False,
) -> None:
    """Submit the monthly workbook, or a file with its mapping; print what became of its rows.

    The same file again is the same request: it gets the answer that it got.
    """
    if rejects is not None:
        _check_place(rejects, file)
    with exit_on_error(profile_file):
        profile, data = load_profile(profile_file), read_bytes(file)
        text = read_text(Path(mapping)) if mapping and Path(mapping).is_file() else None
        name = None if mapping is None else Path(mapping).stem if text is not None else mapping
        sent = SentFile(
            name=file.name,
            data=data,
            source=source,
            key=_key(data, name or "", text or "", source, str(dry_run), str(units_are_right)),
            mapping=name,
            dry_run=dry_run,
            marked=rejects is not None,
            units_are_right=units_are_right,
        )
        try:
            answer = run(_send(profile, sent, text))
        except CallRefusedError as error:
            if not _print_problems(error.problem):
                raise
            raise typer.Exit(1) from error
    for table in answer.report["tables"]:
        print_report(report_from_wire(file.name, answer.report, table))
    if rejects is not None and answer.marked is not None:
        rejects.write_bytes(answer.marked)
        print(f"退回与待核对的行 refused and doubted rows: {rejects}")
    if answer.quarantined:
        raise typer.Exit(1)


async def _send(profile: Profile, sent: SentFile, mapping_text: str | None) -> FileAnswer:
    async with profile.client() as hub:
        if mapping_text is not None and sent.mapping is not None:
            await keep_mapping(hub, sent.source, sent.mapping, mapping_text)
        return await send_file(hub, sent)


def _key(data: bytes, *rest: str) -> str:
    digest = sha256(sha256(data).digest())
    for each in rest:
        digest.update(sha256(each.encode()).digest())
    return f"file-{digest.hexdigest()}"


def _check_place(rejects: Path, file: Path) -> None:
    """Refuse a place that cannot be written to, before anything is submitted."""
    if rejects.resolve() == file.resolve() or not rejects.absolute().parent.is_dir():
        raise HubError(
            ErrorCode.BAD_USER_INPUT,
            message_zh=f"不能把退回的行写到 {rejects}",
            message_en=f"The refused rows cannot be written to {rejects}",
            hint="Name a new file in a folder that exists. 请指定一个新文件。",
        )


def _print_problems(problem: Mapping[str, Any]) -> bool:
    """Print what is wrong with a mapping or a column; tell whether there was anything."""
    listed = problem.get("problems") or []
    for each in listed[:PROBLEMS_SHOWN_MAX]:
        line = f"第 {each['line']} 行 line {each['line']} · " if each.get("line") else ""
        where = f"{each['where']} · " if each.get("where") else ""
        print(f"  {line}{where}{each['messageZh']}\n      {each['messageEn']}", file=sys.stderr)
    return bool(listed)
