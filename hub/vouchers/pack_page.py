"""`pack_page`: the table of contents of an evidence pack, as a page that opens anywhere; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Final

from hub.policy.law import LawStatus, LawValue, Parameter
from hub.vouchers.stations import CaseStation
from hub.vouchers.words import FACTS, LACKING, STATIONS, VoucherWords, said
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
    """What the page tells."""

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
    """Return the page as HTML, without script and without anything from elsewhere."""
    parts = [
        *_head(),
        *_missing(page),
        *_stations(page),
        *_records(page),
        *_law(page),
        *_how(page),
    ]
    return (
        '<!doctype html>\n<html lang="zh"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>创新券案卷 Voucher case: evidence</title>"
        f"<style>{STYLE}</style></head><body>\n" + "\n".join(parts) + "\n</body></html>\n"
    )


def _head() -> Iterator[str]:
    yield "<h1>创新券案卷 Evidence of a voucher case</h1>"
    yield _both(
        "本案卷按“订单 → 预约 → 机时 → 计费 → 发票与支付 → 评价 → 券与申兑”的次序，收入枢纽台账中"
        "各记录的原始字节，以及证明其未被更改的回执。台账状态相同，案卷逐字节相同。",
        "This pack holds, in the order order → booking → use → charge → invoice and payment → "
        "review → voucher and claim, the bytes of each record in the hub's log, and the receipt "
        "that proves that it is unchanged. For the same state of the log it is the same bytes.",
    )
    yield _both(
        "案卷只说明谁陈述过什么、何时入账，不替代审核结论。",
        "It shows who stated what, and that it is in the log; it is no decision about the claim.",
    )


def _missing(page: PackPage) -> Iterator[str]:
    found = [(each, code) for each in page.stations for code in each.missing]
    left_out = [line for line in page.lines if line.lacking is not None]
    yield "<h2>一、缺少什么 1. What is missing</h2>"
    if not found and not left_out and not page.cut and not page.lacking_law:
        yield _both("没有缺项。", "Nothing is missing.")
        return
    yield _both(
        "下列各项没有记录，或取件人无权查看（两者不作区分）。",
        "No record states these, or who fetched the pack may not see it: which of the two is "
        "not told.",
    )
    rows = [(_pair(said(STATIONS, each.code)), _pair(said(LACKING, code))) for each, code in found]
    rows += [
        (_pair(_kind(line.kind)), f"{_pair(said(WHY, line.lacking or ''))} <small>"
         f"{escape(line.key)}</small>")
        for line in left_out
    ]  # fmt: skip
    rows += [(_pair(_kind(kind)), "还有更多，未全部收入 there are more of it") for kind in page.cut]
    rows += [
        ("参数 parameter", f"<code>{escape(name)}</code> 当日没有值 no value is in force")
        for name in page.lacking_law
    ]
    yield _table(("处 Where", "缺少 Missing"), rows, "missing")


def _stations(page: PackPage) -> Iterator[str]:
    yield "<h2>二、经过 2. What happened</h2>"
    for station in page.stations:
        yield f"<h3>{_pair(said(STATIONS, station.code))}</h3>"
        rows = [(_pair(said(FACTS, name)), escape(value)) for name, value in station.facts] or [
            ("—", "没有所知 nothing is known")
        ]
        yield _table(("事项 Fact", "内容 Content"), rows, "facts")


def _records(page: PackPage) -> Iterator[str]:
    yield "<h2>三、记录与回执 3. Records and receipts</h2>"
    rows = []
    for line in page.lines:
        files = "—" if line.lacking else (
            f'<a href="records/{line.name}.json">记录 record</a>, '
            f'<a href="receipts/{line.name}.tlog-proof">回执 receipt</a>'
        )  # fmt: skip
        state = line.lacking or line.state
        rows.append((escape(line.name[:3]), _pair(_kind(line.kind)), escape(line.key), line.entry,
                     escape(state), files))  # fmt: skip
    yield _table(
        ("序 No.", "种类 Kind", "主键 Key", "条目 Entry", "状态 State", "文件 Files"), rows
    )


def _law(page: PackPage) -> Iterator[str]:
    yield "<h2>四、当日参数 4. Parameters in force on the day</h2>"
    if page.day is None:
        yield _both(
            "服务结束时间未知，无法确定适用哪一日的参数。",
            "The end of the service is not known, and with it not which day's parameters hold.",
        )
        return
    yield _both(
        f"服务于 {page.day}（上海）结束，兑付地区 {page.region}。同 parameters.json。",
        f"The service ended on {page.day} (Shanghai); division that pays: {page.region}. The same "
        "is in parameters.json.",
    )
    rows = [
        (
            f"{escape(parameter.title_zh)} {escape(parameter.title_en)}<br>"
            f"<small>{escape(parameter.name)}</small>",
            f"{escape(str(value.value))} {escape(parameter.unit)}",
            " ".join(UNCERTAIN[value.status]),
            escape(value.basis),
        )
        for parameter, value in page.parameters
    ]
    yield _table(("参数 Parameter", "值 Value", "效力 Status", "依据 Basis"), rows)


def _how(page: PackPage) -> Iterator[str]:
    yield "<h2>五、怎样核验 5. How to check it</h2>"
    yield _both(
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
    yield _both(
        "每条命令应答 VALID 或 VALID_UNWITNESSED（无见证方）。其他任何词：请勿采信该记录。",
        "Each must answer VALID, or VALID_UNWITNESSED where there are no witnesses. Any other "
        "word: do not rely on that record.",
    )


def _kind(kind: str) -> VoucherWords:
    return VoucherWords(kind, standard()[kind].zh, kind)


def _pair(words: VoucherWords) -> str:
    return f"{escape(words.zh)} <small>{escape(words.en)}</small>"


def _both(zh: str, en: str) -> str:
    return f'<p>{escape(zh)}<br><small lang="en">{escape(en)}</small></p>'


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]], shape: str = "") -> str:
    """Return a table of cells that are HTML already."""
    top = "".join(f'<th scope="col">{escape(each)}</th>' for each in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    css = f' class="{shape}"' if shape else ""
    return f"<table{css}><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"
