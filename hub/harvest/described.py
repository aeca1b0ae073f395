"""`description_of`: the metadata of a source in words of both languages, for a reviewer; pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from adapters._feed import Mode
from adapters._metadata import (
    ANY_TYPE,
    CodeLookUp,
    FeedMetadata,
    InterfaceKnowledge,
    SourceMetadata,
)
from schema.codes import CodeList, code_lists
from schema.codes.tables import currency
from schema.registry import standard

__all__ = ["description_of"]

INTERFACES = {
    InterfaceKnowledge.PUBLIC: "公开",
    InterfaceKnowledge.PARTLY: "部分公开",
    InterfaceKnowledge.NOT_PUBLIC: "未公开",
}
MODES = {
    Mode.HARVEST: "定时读取 read on a schedule",
    Mode.LIVE: "查询时询问，并定时读取 asked while a caller waits, and read on a schedule",
    Mode.PUSH: "由来源自行发送 the source sends by itself",
}
ADDITIONS = {
    "warn": "只提示 it is told",
    "strict": "提示，且该行退回 it is told, and its row is refused",
}
NOTHING_FOLLOWS = "（不产生代码 no code follows）"


def description_of(known: SourceMetadata) -> Iterator[str]:
    """Yield it line by line: what the source is, its feeds, and every word that it may send."""
    yield f"{known.id}  {known.title_zh}  {known.title_en}"
    of_many = (
        "多个单位 several institutions" if known.many_institutions else "一个单位 one institution"
    )
    for zh, en, value in (
        ("发布者", "publisher", f"{known.publisher_zh}  {known.publisher_en}"),
        ("编号", "whose numbers", f"{known.authority_zh}\n{known.authority_en}"),
        ("接口", "interface", f"{INTERFACES[known.interface]} {known.interface.value}"),
        ("依据", "modelled on", f"{known.basis_zh}\n{known.basis_en}"),
        ("协议", "protocol", known.protocol),
        ("用途", "kept for", f"{known.purpose.zh} {known.purpose.en}"),
        ("代表", "speaks for", of_many),
        ("新增的字段", "a field that it adds", ADDITIONS[known.additions]),
    ):
        first, *more = value.splitlines()
        yield f"  {zh} {en}: {first}"
        yield from (f"      {line}" for line in more)
    yield "读取 feeds"
    for feed in known.feeds.values():
        yield from _feed(feed)
    if known.look_ups:
        yield "来源用语与标准代码 words of the source and codes of the standard"
    for look_up in known.codes.by_name.values():
        yield from _look_up(look_up)
    for shared in known.shared:
        yield f"共用 shared: {shared.title_zh} {shared.title_en} ({shared.id}.toml)"
        for look_up in shared.codes.by_name.values():
            yield from _look_up(look_up)


def _feed(feed: FeedMetadata) -> Iterator[str]:
    spec = standard().get(feed.record_type)
    what = "其余 any other" if feed.record_type == ANY_TYPE else feed.record_type
    yield f"  {what}" + (f" {spec.zh}" if spec is not None else "")
    every = (
        ""
        if feed.every is None
        else f"；每 {span(feed.every)} 读取一次 read every {span(feed.every)}"
    )
    promised = span(feed.promised_freshness)
    mode = f"{feed.mode.value} {MODES[feed.mode]}"
    yield f"      {mode}{every}；{promised} 后视为过期 stale after {promised}"
    if feed.stale_max is not None:
        shown = span(feed.stale_max)
        yield f"      禁止留存，至多显示 {shown} it must not be kept; shown for {shown} at most"
    if feed.lookback is not None:
        yield f"      每次重读 {span(feed.lookback)} read again for {span(feed.lookback)} back"
    if feed.rows is not None:
        least, most = f"{feed.rows.least:,}", f"{feed.rows.most:,}"
        yield f"      每次 {least} 至 {most} 条 {least} to {most} records in one reading"


def span(time: timedelta) -> str:
    """Write a time as metadata have it: days from two on, hours, minutes."""
    if time.days > 1 and not time.seconds:
        return f"{time.days} d"
    minutes = round(time.total_seconds() / 60)
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"


def _look_up(look_up: CodeLookUp) -> Iterator[str]:
    codes = code_lists().get(look_up.of)
    of = look_up.of if codes is None else f"{look_up.of} {codes.title_zh} {codes.title_en}"
    yield f"  {', '.join(look_up.at)}" + (f" → {of}" if of else "")
    for word, code in look_up.words.items():
        yield f"      {word} → {_told(code)}"
    for word, reason in look_up.ended.items():
        yield f"      {word} → 撤回 withdrawn: {reason}"
    for word in look_up.nothing:
        yield f"      {word} → {NOTHING_FOLLOWS}"


def _told(code: Any) -> str:
    if isinstance(code, bool):
        return "是 yes" if code else "否 no"
    if isinstance(code, CodeList):
        return f"{code.name} {code.zh} {code.en}"
    money = currency(code)
    return code if money is None else f"{code} {money.zh} {money.en}"
