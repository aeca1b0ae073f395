"""`deltahub mapping`: drafts of mappings, and checks of mappings against a file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from adapters.mapping import (
    Converted,
    FileFacts,
    MappingError,
    Table,
    parse_mapping,
    suggest,
)
from connectors.column_letters import column_letters
from connectors.errors import ConnectorError
from hub.cli.submit import (
    print_problems,
    print_refusal,
    print_warnings,
    read_bytes,
    read_text,
)
from hub.errors import ErrorCode, RefusedError
from hub.intake.files.submission import MappedFile, read_mapped
from hub.intake.files.tables import read_file
from schema.registry import standard
from schema.texts import visible

ROWS_SHOWN_MAX = 50
"""Rows whose problems are printed; after them they are counted."""

app = typer.Typer(
    help="Mappings from a file's columns to records 列与数据项的对应", no_args_is_help=True
)


@app.command("suggest")
def suggest_mapping(
    file: Annotated[Path, typer.Argument(help="XLSX, XLS, CSV, TSV, JSON or JSON lines")],
    record: Annotated[str, typer.Option(help="record type, when it is known")] = "",
    sheet: Annotated[str, typer.Option(help="sheet of a workbook")] = "",
    rows_at: Annotated[str, typer.Option(help="where the rows of a JSON document stand")] = "",
    encoding: Annotated[str, typer.Option(help="encoding of a text file")] = "",
) -> None:
    """Print a draft of a mapping for a file; decide what it leaves open."""
    if record and record not in standard():
        raise RefusedError(
            ErrorCode.RECORD_TYPE_UNKNOWN,
            hint=f"One of: {', '.join(standard().names)}.",
            hint_zh=f"可用：{'、'.join(standard().names)}。",
        )
    facts = FileFacts(sheet=sheet or None, rows_at=rows_at, encoding=encoding or None)
    try:
        table = read_file(file.name, read_bytes(file), facts)
    except ConnectorError as error:
        print_refusal(error)
        raise typer.Exit(2) from error
    print(suggest(table, file.stem, record or None, facts), end="")


@app.command("check")
def check_mapping(
    mapping: Annotated[Path, typer.Argument(help="mapping file")],
    file: Annotated[Path | None, typer.Option(help="file that it should fit")] = None,
) -> None:
    """Check a mapping by itself, or against a file, without a database."""
    text = read_text(mapping)
    try:
        parsed = parse_mapping(text)
        print_warnings(parsed)
        if file is None:
            print("映射文件没有问题 the mapping is sound")
            return
        mapped_file = MappedFile(
            name=file.name, data=read_bytes(file), mapping=parsed, mapping_text=text, source=""
        )
        read = read_mapped(mapped_file)
    except MappingError as error:
        print_problems(mapping.name, error)
        raise typer.Exit(1) from error
    except ConnectorError as error:
        print_refusal(error)
        raise typer.Exit(2) from error
    wrong = [each for each in read.converted if each.problems]
    left = sum(each.left_out is not None for each in read.converted)
    print(
        f"{len(read.table.rows)} 行 rows: {len(wrong)} 有问题 with problems, {left} 不采用 left out"
    )
    for each in wrong[:ROWS_SHOWN_MAX]:
        _print_row(each, read.table)
    if len(wrong) > ROWS_SHOWN_MAX:
        print(f"  … 另有 {len(wrong) - ROWS_SHOWN_MAX} 行 more rows")
    for (code, item), count in Counter(
        (one.problem.code, one.reason) for each in wrong for one in each.problems
    ).most_common():
        print(f"  {code:<27}{count:>8}  {visible(item)}")
    if wrong:
        raise typer.Exit(1)


def _print_row(converted: Converted, table: Table) -> None:
    """Say what is wrong with a row: where in the file it stands, what is there, what to do."""
    names = {each.position: each.name for each in table.columns}
    for one in converted.problems:
        places = "、".join(f"{column_letters(at)} 列“{names.get(at, '')}”" for at in one.columns)
        value = one.problem.value
        held = "" if value is None else f" · {visible(str(value))}"
        place = visible(places) or one.problem.path
        print(f"  第 {converted.row.number} 行 row · {place}{held} · {one.problem.code}")
        print(f"      {visible(one.problem.zh)}\n      {visible(one.problem.en)}")
