"""`parse_mapping`: a mapping file, read with all that is wrong with it.

What the file may say is listed in docs/partners/mappings/README.md; this module refuses everything
else, because a misspelt key that is passed over loses data for months. TOML 1.0.
"""

from __future__ import annotations

import codecs
import re
from datetime import UTC, date, datetime, time
from typing import Any, Literal, cast

from adapters.mapping.errors import MappingError, MappingProblem
from adapters.mapping.lines import lines_of
from adapters.mapping.model import (
    MAPPING_BYTES_MAX,
    RECORDS_PER_ROW_MAX,
    RULES_PER_RECORD_MAX,
    Condition,
    FileFacts,
    Mapping,
    RecordRule,
)
from adapters.mapping.moments import zone_of
from adapters.mapping.notes import Notes, needs_text
from adapters.mapping.rules import conditions_of, read_rules
from schema.dates import SHANGHAI
from schema.personal import refuse_citizen_number
from schema.registry import standard
from schema.strict_toml import explained, read_toml

WIDE_MARKS = "“”‘’＝，｛｝［］＃"
_AT_LINE = re.compile(r"at line ([0-9]+)")
_TOP = frozenset(
    {
        *("title", "source", "as_of", "same_key", "file", "drop", "ignore", "leave_out"),
        "record",
    }
)
_FILE = frozenset(
    {
        *("encoding", "delimiter", "sheet", "header_row", "rows_at", "time_zone", "empty"),
        *("decimal_comma", "dates_1904"),
    }
)
_RECORD = frozenset({"type", "when", "fixed", "items"})


def parse_mapping(text: str) -> Mapping:
    """Return the mapping that a text describes. Raises `MappingError` with every problem."""
    if len(text) > MAPPING_BYTES_MAX:
        raise MappingError([MappingProblem("MAPPING_TOO_LARGE", "映射文件过大", "is too large")])
    if personal := _personal(text):
        raise MappingError(personal)
    try:
        document = read_toml(text, characters_max=MAPPING_BYTES_MAX)
    except ValueError as error:
        raise MappingError([_not_toml(text, error)]) from error
    notes = Notes(lines_of(text))
    notes.unknown_keys(document, _TOP)
    mapping = Mapping(
        title=needs_text(notes, document, "title", default=""),
        source=needs_text(notes, document, "source", default=None),
        as_of=_as_of(notes, document.get("as_of")),
        same_key=_same_key(notes, document.get("same_key", "refuse")),
        file=_file(notes, document.get("file", {})),
        drop=_reasons(notes, document, "drop"),
        ignore=_reasons(notes, document, "ignore"),
        leave_out=_leave_out(notes, document.get("leave_out", [])),
        records=_records(notes, document.get("record", [])),
    )
    _overlaps(notes, mapping)
    if notes.problems:
        raise MappingError(sorted(notes.problems, key=lambda each: each.line or 0))
    return mapping


def _personal(text: str) -> list[MappingProblem]:
    """Refuse citizen numbers: a mapping is kept, and whoever looks after the source reads it."""
    return [
        MappingProblem(flaw.code, flaw.zh, flaw.en, number)
        for number, line in enumerate(text.splitlines(), start=1)
        if (flaw := refuse_citizen_number(line)) is not None
    ]


def _not_toml(text: str, error: ValueError) -> MappingProblem:
    """Say where the file stops being TOML, and which slip of the keyboard it probably is."""
    place, (reason_zh, reason_en) = _AT_LINE.search(str(error)), explained(error)
    lines = text.splitlines()
    line = min(int(place[1]), len(lines)) if place else None
    written = lines[line - 1] if line else ""
    slip = "".join(dict.fromkeys(each for each in written if each in WIDE_MARKS))
    zh = f"；这一行用了中文标点 {slip}，请改为英文标点" if slip else ""
    en = f"; this line has Chinese marks {slip}, use ASCII ones" if slip else ""
    return MappingProblem(
        "MAPPING_NOT_TOML",
        f"映射文件的写法有误（中文列名和代码须放在英文引号内）：{reason_zh}{zh}",
        "the mapping file cannot be read (names that are not plain letters need quotes): "
        f"{reason_en}{en}",
        line,
    )


def _as_of(notes: Notes, stated: Any) -> datetime | None:
    if stated is None:
        return None
    if isinstance(stated, datetime):
        return stated.replace(tzinfo=stated.tzinfo or SHANGHAI).astimezone(UTC)
    if isinstance(stated, date):
        return datetime.combine(stated, time(), tzinfo=SHANGHAI).astimezone(UTC)
    notes.add("NOT_A_DATE", "as_of 应为日期，例如 2026-07-21", "must be a date", "as_of")
    return None


def _same_key(notes: Notes, stated: Any) -> Literal["refuse", "revise"]:
    if stated not in ("refuse", "revise"):
        notes.add(
            "NOT_ALLOWED",
            "same_key 只能是 refuse（退回）或 revise（视为修订）",
            "must be refuse or revise",
            "same_key",
        )
        return "refuse"
    return cast("Literal['refuse', 'revise']", stated)


def _file(notes: Notes, stated: Any) -> FileFacts:
    if not isinstance(stated, dict):
        notes.not_a_table("file")
        return FileFacts()
    notes.unknown_keys(stated, _FILE, "file")
    zone = needs_text(notes, stated, "time_zone", "file", default=None)
    if zone is not None:
        _check_zone(notes, zone)
    encoding = needs_text(notes, stated, "encoding", "file", default=None)
    if encoding is not None:
        _check_encoding(notes, encoding)
    delimiter = needs_text(notes, stated, "delimiter", "file", default=None)
    if delimiter is not None and len(delimiter) != 1:
        notes.add("NOT_ALLOWED", "分隔符只能是一个字符", "is one character", "file", "delimiter")
        delimiter = None
    header = stated.get("header_row")
    if header is not None and (not isinstance(header, int) or not 1 <= header <= 1000):  # noqa: PLR2004
        notes.add("NOT_ALLOWED", "表头行号从 1 开始", "is a row number", "file", "header_row")
        header = None
    return FileFacts(
        encoding=encoding,
        delimiter=delimiter,
        sheet=needs_text(notes, stated, "sheet", "file", default=None),
        header_row=header,
        rows_at=needs_text(notes, stated, "rows_at", "file", default=""),
        time_zone=zone,
        empty=frozenset(notes.texts(stated.get("empty", []), "file", "empty")),
        decimal_comma=bool(notes.flag(stated, "decimal_comma", "file")),
        dates_1904=notes.flag(stated, "dates_1904", "file"),
    )


def _check_zone(notes: Notes, zone: str) -> None:
    try:
        zone_of(zone)
    except ValueError:
        notes.add(
            "ZONE_UNKNOWN",
            f"没有时区 {zone}，应写作 Asia/Shanghai 或 +08:00",
            f"there is no time zone {zone}; write Asia/Shanghai or +08:00",
            "file",
            "time_zone",
        )


def _check_encoding(notes: Notes, encoding: str) -> None:
    try:
        codecs.lookup(encoding)
    except LookupError:
        notes.add(
            "ENCODING_UNKNOWN",
            f"没有编码 {encoding}，常用的是 utf-8 和 gb18030",
            f"there is no encoding {encoding}; common ones are utf-8 and gb18030",
            "file",
            "encoding",
        )


def _reasons(notes: Notes, document: dict[str, Any], name: str) -> dict[str, str]:
    stated = document.get(name, {})
    if not isinstance(stated, dict):
        notes.not_a_table(name)
        return {}
    reasons = {}
    for column, reason in stated.items():
        if isinstance(reason, str) and reason.strip():
            reasons[column] = reason.strip()
        else:
            notes.add(
                "REASON_MISSING",
                f"请用引号包住列名“{column}”，并写明原因",
                f"put the column name {column!r} in quotes and say why",
                name,
                column,
            )
    return reasons


def _leave_out(notes: Notes, stated: Any) -> tuple[Condition, ...]:
    if not isinstance(stated, list):
        notes.not_a_table("leave_out")
        return ()
    rules = []
    for number, each in enumerate(stated, start=1):
        conditions = conditions_of(notes, each, ("leave_out", str(number)), reason=True)
        if conditions is not None:
            rules.append(conditions)
    return tuple(rules)


def _records(notes: Notes, stated: Any) -> tuple[RecordRule, ...]:
    if not isinstance(stated, list) or not stated:
        notes.add(
            "RECORD_MISSING",
            "至少需要一个 [[record]]：一行变成什么记录",
            "at least one [[record]] is needed: what a row becomes",
            "record",
        )
        return ()
    if len(stated) > RECORDS_PER_ROW_MAX:
        notes.add("TOO_MANY", f"一行最多 {RECORDS_PER_ROW_MAX} 条记录", "too many", "record")
        return ()
    records = [_record(notes, each, number) for number, each in enumerate(stated, start=1)]
    return tuple(each for each in records if each is not None)


def _record(notes: Notes, stated: Any, number: int) -> RecordRule | None:
    at = ("record", str(number))
    if not isinstance(stated, dict):
        notes.not_a_table(*at)
        return None
    notes.unknown_keys(stated, _RECORD, *at)
    spec = standard().get(stated.get("type"))
    if spec is None:
        known = "、".join(f"{name}（{each.zh}）" for name, each in standard().specs.items())
        notes.add(
            "RECORD_TYPE_UNKNOWN",
            f"type 应是标准中的一种记录：{known}",
            f"type must be one of {', '.join(standard().names)}",
            *at,
            "type",
        )
        return None
    when = None
    if "when" in stated:
        when = conditions_of(notes, stated["when"], (*at, "when"), reason=False)
    rules = read_rules(notes, spec, stated, at)
    if len(rules) > RULES_PER_RECORD_MAX:
        notes.add("TOO_MANY", f"最多 {RULES_PER_RECORD_MAX} 个数据项", "too many items", *at)
    return RecordRule(spec=spec, rules=rules, when=when, line=notes.lines.find(*at))


def _overlaps(notes: Notes, mapping: Mapping) -> None:
    """Note columns that are used and left at once."""
    used = {each.casefold() for each in mapping.addresses}
    for name, columns in (("drop", mapping.drop), ("ignore", mapping.ignore)):
        for column in columns:
            if column.casefold() in used:
                notes.add(
                    "COLUMN_USED_AND_LEFT",
                    f"列“{column}”既被使用又列在 [{name}] 中，只能选一种",
                    f"column {column!r} is used and stands in [{name}] too; choose one",
                    name,
                    column,
                )
    for column in mapping.drop.keys() & mapping.ignore.keys():
        notes.add(
            "COLUMN_TWICE",
            f"列“{column}”同时在 [drop] 和 [ignore] 中",
            f"column {column!r} stands in [drop] and in [ignore]",
            "drop",
            column,
        )
