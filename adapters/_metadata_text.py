"""`parse_metadata`: the metadata of a source from its TOML text, strictly; pure.

    id = "jiangsu"                            # the name of its file
    title = { zh = "江苏平台", en = "Jiangsu platform" }
    publisher = { zh = "某厅", en = "Some department" }
    authority = { zh = "…", en = "…" }        # who gives its local numbers
    interface = "not public"                  # public, partly public, not public
    basis = { zh = "…", en = "…" }            # on what the mapping was modelled
    protocol = "http"
    purpose = "OTHER"                         # SystemPurpose of the standard
    institutions = "many"                     # one, many
    additions = "warn"                        # a field that the source adds: warn, strict
    shared = ["_nrii"]                        # look-ups that several sources have; optional

    [feed.Instrument]                         # one for each record type
    mode = "HARVEST"                          # read on a schedule; LIVE: asked while a caller waits
                                              # as well; PUSH: the source sends by itself
    every = "6 h"                             # min, h, d; absent where the source sends by itself
    promised = "24 h"
    lookback = "100 d"                        # only of lists that are read by a window of time
    rows = { min = 100, max = 200_000 }       # records of one reading
    keeping = "FORBIDDEN"                     # only of LIVE, without `every`: no answer is kept …
    stale_max = "10 min"                      # … and none is shown for longer

    [codes.state]                             # one for each look-up
    at = ["runState"]                         # fields of the source
    of = "InstrumentStatus"                   # a code list, "ISO 4217", or "yes or no"
    standard = ["official", "zh"]             # these texts of the list are words of the source too
    leave_out = ["UNKNOWN"]                   # codes of which `standard` takes none
    words = { "ok" = "IN_SERVICE" }
    ended = { "gone" = "DELETED" }            # the record is withdrawn for that reason
    nothing = ["new"]                         # known, and nothing follows

Every mistake is told, each with its place: a member that is missing or unknown, a code that the
standard does not have, times that make no sense, a word that stands twice or can never be met.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal, cast

from adapters._feed import Mode
from adapters._metadata import (
    ANY_TYPE,
    YES_OR_NO,
    CodeLookUp,
    FeedMetadata,
    InterfaceKnowledge,
    LookUps,
    MetadataError,
    RowBounds,
    SharedLookUps,
    SourceMetadata,
)
from adapters._metadata_table import MetadataTable
from schema.codes import CodeList, SystemPurpose, code_lists
from schema.codes.tables import currency
from schema.registry import standard
from schema.strict_toml import explained, read_toml

__all__ = ["parse_bounds", "parse_metadata", "parse_shared"]

CHARACTERS_MAX = 65_536
"""Length of one file."""
EVERY_MAX = timedelta(days=31)
PROMISED_MAX = timedelta(days=366)
STALE_MAX = timedelta(days=1)
LOOKBACK_MAX = timedelta(days=3_660)
ROWS_MAX = 100_000_000
"""Nobody keeps more rows in one list; a larger number is a slip."""
CURRENCIES = "ISO 4217"
NAMES_SHOWN_MAX = 12
"""Names that are repeated in a message."""

_ID = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_REASON = re.compile(r"[A-Z][A-Z_]{0,39}")


def parse_metadata(
    text: str, shared: Callable[[str], SharedLookUps] | None = None, *, file: str = "metadata"
) -> SourceMetadata:
    """Return the metadata that a text states; `MetadataError` lists everything wrong with it.

    `shared` gives the look-ups that several sources have, by the name of their file, and raises
    `LookupError` where there is none. `file` is what errors call the text.
    """
    problems: list[str] = []
    top = _top(text, problems, file)
    title, publisher = top.both("title"), top.both("publisher")
    authority, basis = top.both("authority"), top.both("basis")
    made = SourceMetadata(
        id=_id(top),
        title_zh=title[0],
        title_en=title[1],
        publisher_zh=publisher[0],
        publisher_en=publisher[1],
        authority_zh=authority[0],
        authority_en=authority[1],
        interface=InterfaceKnowledge(top.choice("interface", tuple(InterfaceKnowledge))),
        basis_zh=basis[0],
        basis_en=basis[1],
        protocol=top.text("protocol"),
        purpose=SystemPurpose[top.choice("purpose", tuple(SystemPurpose))],
        many_institutions=top.choice("institutions", ("one", "many")) == "many",
        additions=cast("Literal['warn', 'strict']", top.choice("additions", ("warn", "strict"))),
        feeds=_feeds(top),
        codes=_look_ups(top.table("codes")),
        shared=_named(top, shared),
    )
    top.settle()
    _require_none(file, problems)
    return made


def parse_shared(text: str, *, file: str = "metadata") -> SharedLookUps:
    """Return look-ups that several sources have; `MetadataError` lists what is wrong."""
    problems: list[str] = []
    top = _top(text, problems, file)
    name, title = top.text("id"), top.both("title")
    codes = _look_ups(top.table("codes"))
    if not codes.by_name:
        top.fault("codes", "没有对照表", "has no look-up")
    top.settle()
    _require_none(file, problems)
    return SharedLookUps(id=name, title_zh=title[0], title_en=title[1], codes=codes)


def parse_bounds(stated: Any) -> dict[str, RowBounds]:
    """Return bounds of rows by record type, as an operator states them for one installation.

    `stated`: a table `[rows.<record type>]` with `min` and `max`. `MetadataError` lists what is
    wrong with it.
    """
    problems: list[str] = []
    top = MetadataTable(stated, "rows", problems)
    bounds = {name: _bounds(table) for name, table in top.tables()}
    if problems:
        raise MetadataError(problems)
    return bounds


def _top(text: str, problems: list[str], file: str) -> MetadataTable:
    try:
        return MetadataTable(read_toml(text, characters_max=CHARACTERS_MAX), "", problems)
    except ValueError as error:
        zh, en = explained(error)
        raise MetadataError([f"{file}: {zh} · {en}"]) from error


def _require_none(file: str, problems: list[str]) -> None:
    if problems:
        raise MetadataError([f"{file}: {each}" for each in problems])


def _id(top: MetadataTable) -> str:
    found = top.text("id")
    if found and not _ID.fullmatch(found):
        top.fault("id", "应为小写字母、数字、_、-", "must be of a-z, 0-9, _ and -")
    return found


def _named(
    top: MetadataTable, shared: Callable[[str], SharedLookUps] | None
) -> tuple[SharedLookUps, ...]:
    found = []
    for name in top.texts("shared"):
        try:
            found.append((shared or _no_file)(name))
        except LookupError:
            top.fault("shared", f"没有 {name}.toml", f"there is no {name}.toml")
    return tuple(found)


def _no_file(name: str) -> SharedLookUps:
    raise LookupError(name)


def _feeds(top: MetadataTable) -> dict[str, FeedMetadata]:
    feeds = {name: _feed(name, table) for name, table in top.table("feed").tables()}
    if not feeds:
        top.fault("feed", "至少须有一种记录", "names no record type")
    return feeds


def _feed(name: str, table: MetadataTable) -> FeedMetadata:
    if name != ANY_TYPE and standard().get(name) is None:
        table.fault("", "标准中没有这种记录", "is no record type of the standard")
    mode = Mode(table.choice("mode", tuple(Mode)))
    every = table.span("every", EVERY_MAX)
    stale_max = _stale_max(table, mode)
    if table.has("every") is (mode is Mode.PUSH or stale_max is not None):
        zh = "须有，除非来源自行发送或禁止留存"
        en = "is needed, unless the source sends by itself (PUSH) or forbids keeping"
        table.fault("every", zh, en)
    promised = table.span("promised", PROMISED_MAX)
    if stale_max is not None and promised is not None and stale_max > promised:
        zh, en = "应不长于 promised", "must not be longer than `promised`"
        table.fault("stale_max", zh, en)
    lookback = table.span("lookback", LOOKBACK_MAX)
    if promised is None and not table.has("promised"):
        table.fault("promised", "缺少", "is missing")
    if every is not None and promised is not None and every >= promised:
        zh, en = "应比读取间隔长", "must be longer than the time between two readings"
        table.fault("promised", zh, en)
    if every is not None and lookback is not None and lookback <= every:
        zh, en = "应比读取间隔长，否则会漏读", "must be longer than `every`, or something is missed"
        table.fault("lookback", zh, en)
    rows = None
    if table.has("every") and name != ANY_TYPE:
        rows = _rows(table)
    elif table.has("rows"):
        table.take("rows")
        zh, en = "只用于按间隔读取的列表", "is only for lists that are read, and needs `every`"
        table.fault("rows", zh, en)
    table.settle()
    return FeedMetadata(
        record_type=name,
        mode=mode,
        every=every,
        promised_freshness=promised or timedelta(),
        lookback=lookback,
        stale_max=stale_max,
        rows=rows,
    )


def _stale_max(table: MetadataTable, mode: Mode) -> timedelta | None:
    """Return for how long an answer may be shown; None where it may be kept."""
    stale_max = table.span("stale_max", STALE_MAX)
    if not table.has("keeping"):
        if table.has("stale_max"):
            zh, en = '只用于 keeping = "FORBIDDEN"', 'is only for keeping = "FORBIDDEN"'
            table.fault("stale_max", zh, en)
        return None
    table.choice("keeping", ("FORBIDDEN",))
    if mode is not Mode.LIVE:
        zh, en = "只用于 mode = LIVE", "is only for mode = LIVE: nothing else is not kept"
        table.fault("keeping", zh, en)
    if not table.has("stale_max"):
        zh, en = "缺少：应答最多可用多久", "is missing: for how long may an answer be shown?"
        table.fault("stale_max", zh, en)
    return stale_max or timedelta()


def _rows(table: MetadataTable) -> RowBounds:
    if not table.has("rows"):
        table.take("rows")
        return RowBounds(0, 0)
    return _bounds(table.table("rows"))


def _bounds(rows: MetadataTable) -> RowBounds:
    bounds = [rows.take(name) for name in ("min", "max")]
    rows.settle()
    least, most = (one if type(one) is int and 0 <= one <= ROWS_MAX else None for one in bounds)
    for name, given, taken in zip(("min", "max"), bounds, (least, most), strict=True):
        if given is not None and taken is None:
            rows.fault(name, f"应为 0 至 {ROWS_MAX} 的整数", f"must be 0 to {ROWS_MAX}")
    if least is not None and most is not None and (least > most or most == 0):
        rows.fault("max", "应不小于 min，且大于 0", "must not be less than min, and more than 0")
    return RowBounds(least or 0, most or 0)


def _look_ups(table: MetadataTable) -> LookUps:
    return LookUps({name: _look_up(name, each) for name, each in table.tables()})


def _look_up(name: str, table: MetadataTable) -> CodeLookUp:
    at, of = table.texts("at"), str(table.take("of", absent=""))
    if not at:
        table.fault("at", "须写明来源字段", "must name the fields of the source")
    ended, nothing = table.pairs("ended"), table.texts("nothing")
    words = _coded(table, of, table.pairs("words"))
    _check_words(table, [*words, *ended, *nothing])
    for word, reason in ended.items():
        if not _REASON.fullmatch(reason):
            table.fault(f"ended.{word}", "原因应为大写字母", "the reason must be a word of A-Z")
    table.settle()
    return CodeLookUp(name=name, at=at, of=of, words=words, ended=ended, nothing=nothing)


def _coded(table: MetadataTable, of: str, stated: Mapping[str, str]) -> dict[str, Any]:
    """Return what the words of a look-up mean in its code list."""
    codes = code_lists().get(of)
    if codes is not None:
        return dict(_members(table, codes, stated))
    for other in ("standard", "leave_out"):
        if table.texts(other):
            table.fault(other, "只用于标准的代码表", "is only for code lists of the standard")
    if of == CURRENCIES:
        return {word: code for word, code in stated.items() if _is_currency(table, word, code)}
    if of == YES_OR_NO:
        return _flag(table, stated)
    if of:
        table.fault("of", "标准中没有这个代码表", "is no code list of the standard")
    elif stated:
        table.fault("of", "缺少：是哪个代码表的代码", "is missing: of which list are the codes?")
    return {}


def _flag(table: MetadataTable, stated: Mapping[str, str]) -> dict[str, bool]:
    if sorted(stated.values()) != ["no", "yes"]:
        zh, en = "须有一个 yes 和一个 no", "must have one word for yes and one for no"
        table.fault("words", zh, en)
    return {word: meaning == "yes" for word, meaning in stated.items()}


def _members(
    table: MetadataTable, codes: type[CodeList], stated: Mapping[str, str]
) -> dict[str, CodeList]:
    """Return the codes by words: those of the standard's own texts, then those that are stated."""
    left_out = table.texts("leave_out")
    for code in left_out:
        _member(table, "leave_out", codes, code)
    words: dict[str, CodeList] = {}
    for kind in table.texts("standard"):
        if kind not in ("official", "zh"):
            table.fault("standard", "应为 official、zh", "must be of: official, zh")
            continue
        members = [each for each in codes if each.name not in left_out]
        words |= {word: each for each in members if (word := getattr(each, kind))}
    for word, code in stated.items():
        member = _member(table, f"words.{word}", codes, code)
        if word in words:
            table.fault(f"words.{word}", "standard 已有", "stands in `standard` already")
        elif member is not None:
            words[word] = member
    return words


def _member(table: MetadataTable, place: str, codes: type[CodeList], code: str) -> CodeList | None:
    found = codes.__members__.get(code)
    if found is None:
        known = ", ".join(list(codes.__members__)[:NAMES_SHOWN_MAX])
        table.fault(
            place,
            f"{codes.__name__} 没有代码 {code}，已知：{known}",
            f"{code} is no code of {codes.__name__}; known: {known}",
        )
    return found


def _is_currency(table: MetadataTable, word: str, code: str) -> bool:
    if currency(code) is not None:
        return True
    table.fault(f"words.{word}", f"没有货币 {code}", f"{code} is no currency of {CURRENCIES}")
    return False


def _check_words(table: MetadataTable, words: Sequence[str]) -> None:
    """Tell of words that stand twice, and of those that no trimmed NFC text is equal to."""
    if not words:
        table.fault("words", "没有任何用语", "has no word at all")
    for word in dict.fromkeys(words):
        if words.count(word) > 1:
            table.fault(word, "出现两次", "stands in two places")
        if not word or word != unicodedata.normalize("NFC", word).strip():
            zh, en = "首尾有空白或非 NFC，永远不会匹配", "is blank, padded or not NFC: never met"
            table.fault(repr(word), zh, en)
