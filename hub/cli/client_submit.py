"""`deltahub client submit`: a table as a file to the hub, under the producer's own key.

A file that is longer than one request may be goes in parts (`large_files`).

Exit codes: 0 every row went in, 1 rows were refused or the mapping does not fit, 2 it could not be
done.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

import typer

from adapters.mapping import MappingError, parse_mapping
from connectors.errors import ConnectorError
from hub.cli.context import run
from hub.cli.file_report import print_report
from hub.cli.large_files import (
    LOOKING,
    PART_ROWS,
    PROGRESS,
    is_large,
    print_totals,
    submit_parts,
    write_returned,
)
from hub.cli.progress import RowProgress
from hub.cli.refusals import exit_on_error
from hub.cli.submit import (
    print_problems,
    print_refusal,
    print_warnings,
    read_bytes,
    read_text,
)
from hub.client import CallRefusedError, ClientError
from hub.client.files import FileAnswer, SentFile, fetch_mapping, keep_mapping, send_file
from hub.client.patience import patiently
from hub.client.profile import Profile, load_profile
from hub.errors import ErrorCode, HubError
from hub.intake.files.cutting import FilePart
from hub.intake.files.gathered import Gathered
from hub.intake.files.large import LargeFile, open_large
from hub.intake.files.wire import report_from_wire

PROBLEMS_SHOWN_MAX = 50
CUT = "1"
"""How files are cut; another way of cutting has other keys."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A file, and what is to be done with it. `mapping`: its name and, from a file, its text."""

    file: Path
    source: str
    mapping: tuple[str, str | None] | None
    dry_run: bool
    units_are_right: bool
    rejects: Path | None
    progress: bool | None
    part_rows: int | None

    @property
    def mapping_name(self) -> str | None:
        """Return the name under which the hub keeps the mapping."""
        return self.mapping[0] if self.mapping else None


def submit_file(
    profile_file: Annotated[
        Path, typer.Option("--as", help="profile file", envvar="DELTAHUB_PROFILE")
    ],
    file: Annotated[
        Path, typer.Argument(help="XLSX, XLS, ODS, CSV, TSV, JSON, JSON lines, SJ1 or SJ3")
    ],
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
    progress: PROGRESS = None,
    part_rows: PART_ROWS = None,
) -> None:
    """Submit the monthly workbook, or a file with its mapping; print what became of its rows.

    A file of any length is one command: it goes in parts. The same file again is the same request:
    it gets the answer that it got, and goes on where it was cut off.
    """
    if rejects is not None:
        _check_place(rejects, file)
    with exit_on_error(profile_file):
        profile = load_profile(profile_file)
        text = read_text(Path(mapping)) if mapping and Path(mapping).is_file() else None
        if text is not None:
            _warn(text)
        named = None if mapping is None else (Path(mapping).stem if text else mapping, text)
        asked = _Asked(file, source, named, dry_run, units_are_right, rejects, progress, part_rows)
        try:
            if part_rows or is_large(file):
                quarantined = _submit_large(profile, asked)
            else:
                quarantined = _submit_whole(profile, asked)
        except CallRefusedError as error:
            if not _print_problems(error.problem):
                raise
            raise typer.Exit(1) from error
        except MappingError as error:
            print_problems(Path(mapping or file).name, error)
            raise typer.Exit(1) from error
        except ConnectorError as error:
            print_refusal(error)
            raise typer.Exit(2) from error
    if quarantined:
        raise typer.Exit(1)


def _submit_whole(profile: Profile, asked: _Asked) -> int:
    """Send a file as it is; return how many rows were refused."""
    data = read_bytes(asked.file)
    name, text = asked.mapping or ("", None)
    flags = (str(asked.dry_run), str(asked.units_are_right))
    sent = SentFile(
        name=asked.file.name,
        data=data,
        source=asked.source,
        key=_key(sha256(data).digest(), name, text or "", asked.source, *flags),
        mapping=asked.mapping_name,
        dry_run=asked.dry_run,
        marked=asked.rejects is not None,
        units_are_right=asked.units_are_right,
    )
    answer = run(_send(profile, sent, text))
    for table in answer.report["tables"]:
        print_report(report_from_wire(asked.file.name, answer.report, table))
    if asked.rejects is not None and answer.marked is not None:
        asked.rejects.write_bytes(answer.marked)
        print(f"退回与待核对的行 refused and doubted rows: {asked.rejects}")
    return answer.quarantined


async def _send(profile: Profile, sent: SentFile, mapping_text: str | None) -> FileAnswer:
    async with profile.client() as hub:
        if mapping_text is not None and sent.mapping is not None:
            await keep_mapping(hub, sent.source, sent.mapping, mapping_text)
        return await send_file(hub, sent)


def _submit_large(profile: Profile, asked: _Asked) -> int:
    """Send a file in parts; return how many rows were refused."""
    text = (
        None if asked.mapping is None else run(_mapping_text(profile, asked.source, asked.mapping))
    )
    RowProgress(0, wanted=asked.progress).say(LOOKING)
    with (
        open_large(asked.file, text, units_are_right=asked.units_are_right) as large,
        Gathered(large) as gathered,
    ):
        try:
            run(_send_parts(profile, asked, text or "", large, gathered))
        except ClientError:
            _say_how_to_go_on(gathered, large)
            raise
        print_totals(gathered)
        if asked.rejects is not None:
            write_returned(gathered, asked.rejects, large)
        return gathered.quarantined


async def _mapping_text(profile: Profile, source: str, mapping: tuple[str, str | None]) -> str:
    """Return the text of a mapping, which the hub keeps from now on if it comes from a file."""
    name, text = mapping
    async with profile.client() as hub:
        if text is None:
            return await fetch_mapping(hub, source, name)
        await keep_mapping(hub, source, name, text)
        return text


async def _send_parts(
    profile: Profile, asked: _Asked, mapping_text: str, large: LargeFile, gathered: Gathered
) -> None:
    size = str(asked.part_rows)
    rest = (asked.mapping_name or "", mapping_text, asked.source, str(asked.dry_run), CUT, size)
    key = _key(large.digest, *rest)
    async with profile.client() as hub:

        async def take(part: FilePart) -> Mapping[str, Any]:
            sent = SentFile(
                name=asked.file.name,
                data=part.body,
                source=asked.source,
                key=f"{key}-{part.number}",
                mapping=asked.mapping_name,
                dry_run=asked.dry_run,
                units_are_right=True,  # they were looked at over the whole file
            )
            answer = await patiently(lambda: send_file(hub, sent), is_first=part.number == 1)
            return answer.report

        progress = RowProgress(large.count, wanted=asked.progress)
        await submit_parts(large, gathered, take, progress, asked.part_rows)


def _say_how_to_go_on(gathered: Gathered, large: LargeFile) -> None:
    done = sum(each.rows for each in gathered.reports)
    print(
        f"已完成 {done:,} / {large.count:,} 行；重新执行同一命令即可从此处继续。 "
        f"{done:,} of {large.count:,} rows are done; the same command again goes on from here.",
        file=sys.stderr,
    )


def _warn(mapping_text: str) -> None:
    """Say what the keeper of a mapping should know; what is wrong with it, the hub says."""
    with suppress(MappingError):
        print_warnings(parse_mapping(mapping_text))


def _key(digest: bytes, *rest: str) -> str:
    key = sha256(digest)
    for each in rest:
        key.update(sha256(each.encode()).digest())
    return f"file-{key.hexdigest()}"


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
