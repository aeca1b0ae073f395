"""`pack_page`: the table of contents of an evidence pack, as a page that opens anywhere; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Final

from hub.policy.law import LawStatus, LawValue, Parameter
from hub.vouchers.cases.stations import CaseStation
from hub.vouchers.cases.words import FACTS, LACKING, STATIONS, VoucherWords, said
from schema.registry import standard

WHY: Final = {
    "NOT_SIGNED_YET": (
        "日志还没有为它签名，请稍后再取",
        "the log has not signed for it yet: fetch the pack again in a few seconds",
    ),
    "NOT_WHOLE": (
        "取件人不能查看全部内容，故没有字节",
        "who fetched this may not read all of it, so its bytes are left out",
    ),
    "ERASED": ("内容已依令删除", "its content was erased by order"),
    "TOO_LARGE": ("案卷已达大小上限", "the pack is as large as it may be"),
}
STATES: Final = {
    "INCLUDED": ("已入日志", "in the log"),
    "WITNESSED": ("已入日志，并有见证", "in the log, and witnessed"),
    "NOT_SIGNED_YET": ("日志未签名", "not signed yet"),
    "NOT_WHOLE": ("不出示", "not shown"),
    "ERASED": ("已删除", "erased"),
    "TOO_LARGE": ("未收入", "left out"),
}
"""How a record of a pack stands, or why its bytes are left out."""
CHINESE, ENGLISH = PACK_LANGUAGES = ("zh", "en")
"""Languages in which a pack's table of contents is written; the first one by default."""
UNCERTAIN: Final = {
    LawStatus.UNDECIDED: ("法无明文，枢纽默认值", "the law is silent: a default of the hub"),
    LawStatus.DRAFT: ("草案", "a draft"),
    LawStatus.ENDED: ("已失效", "ended"),
    LawStatus.IN_FORCE: ("有效", "in force"),
}
STYLE: Final = (
    "body{font:16px/1.6 sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}"
    "td,th{border:1px solid #bbb;padding:.3rem .6rem;text-align:left;vertical-align:top;"
    "overflow-wrap:anywhere}"
    "th{background:#f1f3f5}.missing{background:#fff1d6}.facts td:first-child{width:16rem}"
    "pre{background:#f1f3f5;padding:.7rem;overflow-x:auto}h2{margin-top:2.2rem}small{color:#444}"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class PackLine:
    """One record of a pack. `lacking`: why its bytes are not in it."""

    name: str
    kind: str
    key: str
    entry: str
    state: str
    lacking: str | None
    is_signed: bool
    """By its producer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PackPage:
    """What the page tells. `language`: one of `PACK_LANGUAGES`."""

    language: str
    stations: Sequence[CaseStation]
    lines: Sequence[PackLine]
    parameters: Sequence[tuple[Parameter, LawValue]]
    lacking_law: Sequence[str]
    day: date | None
    region: str
    policy: str
    policy_sha256: str
    keys: str | None
    """File with the keys of producers."""
    cut: Sequence[str]
    """Kinds of records of which there are more than were read."""


def index_page(page: PackPage) -> str:
    """Return the page as HTML, in one language, without script and without anything from elsewhere.

    Names of kinds of records stand in both: `records/` names its files by the English ones.
    """
    told = _Tongue(page.language)
    parts = [
        *_head(told),
        *_missing(page, told),
        *_stations(page, told),
        *_records(page, told),
        *_law(page, told),
        *_how(page, told),
    ]
    return (
        f'<!doctype html>\n<html lang="{told.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{told('创新券案卷', 'Voucher case: evidence')}</title>"
        f"<style>{STYLE}</style></head><body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


@dataclass(frozen=True, slots=True)
class _Tongue:
    """Says things in the language of a page; as HTML."""

    language: str

    def __call__(self, zh: str, en: str) -> str:
        return escape(en if self.language == ENGLISH else zh)

    def words(self, words: VoucherWords) -> str:
        return self(words.zh, words.en)

    def title(self, number: str, zh: str, en: str) -> str:
        return f"<h2>{number} {self(zh, en)}</h2>"

    def line(self, zh: str, en: str) -> str:
        return f"<p>{self(zh, en)}</p>"

    def kind(self, kind: str) -> str:
        return f"{escape(standard()[kind].zh)} <small>{escape(kind)}</small>"


def _head(told: _Tongue) -> Iterator[str]:
    yield f"<h1>{told('创新券案卷', 'Evidence of a voucher case')}</h1>"
    yield told.line(
        "本案卷按“订单 → 预约 → 机时 → 计费 → 发票与支付 → 评价 → 海关 → 券与申兑”的次序，收入枢纽"
        "台账中各记录的原始字节，以及证明其未被更改的回执。台账状态相同，同一语言的案卷逐字节相同。",
        "This pack holds, in the order order → booking → use → charge → invoice and payment → "
        "review → customs → voucher and claim, the bytes of each record in the hub's log, and the "
        "receipt that proves that it is unchanged. For the same state of the log and the same "
        "language it is the same bytes.",
    )
    yield told.line(
        "案卷只说明谁陈述过什么、何时入账，不替代审核结论。单位以标识为准，名称取自枢纽的单位目录。",
        "It shows who stated what, and that it is in the log; it is no decision about the claim. "
        "An institution is who its key says; its name is that of the hub's directory.",
    )


def _missing(page: PackPage, told: _Tongue) -> Iterator[str]:
    found = [(each, code) for each in page.stations for code in each.missing]
    left_out = [line for line in page.lines if line.lacking is not None]
    yield told.title("1.", "缺少什么", "What is missing")
    if not found and not left_out and not page.cut and not page.lacking_law:
        yield told.line("没有缺项。", "Nothing is missing.")
        return
    yield told.line(
        "下列各项没有记录，或取件人无权查看（两者不作区分）。",
        "No record states these, or who fetched the pack may not see it: which of the two is "
        "not told.",
    )
    rows = [
        (told.words(said(STATIONS, each.code)), told.words(said(LACKING, code)))
        for each, code in found
    ]
    rows += [
        (told.kind(line.kind),
         f"{told.words(said(WHY, line.lacking or ''))} <small>{escape(line.key)}</small>")
        for line in left_out
    ]  # fmt: skip
    rows += [
        (told.kind(kind), told("还有更多，未全部收入", "there are more of it")) for kind in page.cut
    ]
    rows += [
        (told("参数", "Parameter"),
         f"<code>{escape(name)}</code> {told('当日没有值', 'no value is in force')}")
        for name in page.lacking_law
    ]  # fmt: skip
    yield _table((told("处", "Where"), told("缺少", "Missing")), rows, "missing")


def _stations(page: PackPage, told: _Tongue) -> Iterator[str]:
    yield told.title("2.", "经过", "What happened")
    for station in page.stations:
        yield f"<h3>{told.words(said(STATIONS, station.code))}</h3>"
        rows = [(told.words(said(FACTS, name)), told(*content)) for name, content in station.facts]
        rows = rows or [("—", told("没有所知", "nothing is known"))]
        yield _table((told("事项", "Fact"), told("内容", "Content")), rows, "facts")


def _records(page: PackPage, told: _Tongue) -> Iterator[str]:
    yield told.title("3.", "记录与回执", "Records and receipts")
    rows = []
    for line in page.lines:
        files = "—" if line.lacking else (
            f'<a href="records/{line.name}.json">{told("记录", "record")}</a>, '
            f'<a href="receipts/{line.name}.tlog-proof">{told("回执", "receipt")}</a>'
        )  # fmt: skip
        state = told.words(said(STATES, line.state if line.lacking is None else line.lacking))
        rows.append((escape(line.name[:3]), told.kind(line.kind), escape(line.key), line.entry,
                     state, files))  # fmt: skip
    heads = (
        told("序", "No."), told("种类", "Kind"), told("主键", "Key"), told("条目", "Entry"),
        told("状态", "State"), told("文件", "Files"),
    )  # fmt: skip
    yield _table(heads, rows)


def _law(page: PackPage, told: _Tongue) -> Iterator[str]:
    yield told.title("4.", "当日参数", "Parameters in force on the day")
    if page.day is None:
        yield told.line(
            "服务结束时间未知，无法确定适用哪一日的参数。",
            "The end of the service is not known, and with it not which day's parameters hold.",
        )
        return
    yield told.line(
        f"服务于 {page.day}（上海）结束，兑付地区 {page.region}。同 parameters.json。",
        f"The service ended on {page.day} (Shanghai); division that pays: {page.region}. The same "
        "is in parameters.json.",
    )
    rows = [
        (
            f"{told(parameter.title_zh, parameter.title_en)}<br>"
            f"<small>{escape(parameter.name)}</small>",
            f"{escape(str(value.value))} {escape(parameter.unit)}",
            told(*UNCERTAIN[value.status]),
            escape(value.basis),
        )
        for parameter, value in page.parameters
    ]
    heads = (told("参数", "Parameter"), told("值", "Value"), told("效力", "Status"),
             told("依据", "Basis"))  # fmt: skip
    yield _table(heads, rows)


def _how(page: PackPage, told: _Tongue) -> Iterator[str]:
    yield told.title("5.", "怎样核验", "How to check it")
    yield told.line(
        "核验不需要网络。先比对日志公钥：policy.txt 的 SHA-256 须与登记时另行取得的一致，否则结论"
        "只和给出案卷的人一样可信。",
        "No network is needed. Compare the key of the log first: the SHA-256 of policy.txt must be "
        "that of the policy that you got by another way when you registered; else the verdict is "
        "as trustworthy as whoever gave you this pack.",
    )
    yield f"<pre>policy.txt  SHA-256 {page.policy_sha256}\n{escape(page.policy)}</pre>"
    proved = [line for line in page.lines if line.lacking is None]
    lines = ["sha256sum -c SHA256SUMS"]
    for line in proved:
        keys = f" --keys {page.keys}" if line.is_signed and page.keys else ""
        lines.append(
            f"deltahub verify receipts/{line.name}.tlog-proof records/{line.name}.json "
            f"--policy policy.txt{keys}"
        )
    yield f"<pre>{escape(chr(10).join(lines))}</pre>"
    yield told.line(
        "每条命令应答 VALID 或 VALID_UNWITNESSED（无见证方）。其他任何词：请勿采信该记录。",
        "Each must answer VALID, or VALID_UNWITNESSED where there are no witnesses. Any other "
        "word: do not rely on that record.",
    )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], shape: str = "") -> str:
    """Return a table of cells that are HTML already."""
    top = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    css = f' class="{shape}"' if shape else ""
    return f"<table{css}><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
