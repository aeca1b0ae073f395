"""`shape_words`: how a text must look, for people: no regular expression reaches a sender.

Each pattern that an item declares has an entry; a test holds the standard to it.
"""

from __future__ import annotations

__all__ = ["bounds_words", "shape_words"]

_KEY = "[a-z][a-z0-9]*:[^\\s/]{1,64}"
_LOCAL = "[^\\s/\\x00-\\x1f][^/\\x00-\\x1f]{0,149}"
_SHAPES = {
    _KEY: (
        "单位标识，形如 uscc:12100000470095016Q 或 moe:10335（体系、英文冒号、代码，不含空格和 /）",
        "a key of an institution, such as uscc:12100000470095016Q or moe:10335 (scheme, colon, "
        "code; no blank, no /)",
    ),
    f"{_KEY}/{_LOCAL}": (
        "仪器标识，形如 moe:10335/TEM-01（单位标识、/、单位内编号）",
        "a key of an instrument, such as moe:10335/TEM-01 (key of the institution, /, number)",
    ),
    f"{_KEY}(/{_LOCAL})?": (
        "单位或仪器标识，形如 moe:10335 或 moe:10335/TEM-01",
        "a key of an institution or instrument, such as moe:10335 or moe:10335/TEM-01",
    ),
    f"operator|{_KEY}": (
        "operator 或单位标识，形如 moe:10335",
        "operator, or a key of an institution, such as moe:10335",
    ),
    _LOCAL: (
        "1 至 150 个字符的编号，不含 /，不以空格开头",
        "a number of 1 to 150 characters without /, not beginning blank",
    ),
    "[0-9a-f]{64}": (
        "SHA-256，64 个十六进制小写字符",
        "a SHA-256: 64 hexadecimal digits, small letters",
    ),
    "[1-9][0-9]{0,8}": ("序号，从 1 起的整数", "a count: a whole number from 1"),
    "[1-9][0-9]{0,17}": (
        "台账编号，从 1 起的整数",
        "the number of an entry: a whole number from 1",
    ),
    "[A-Z_]{1,40}(\\.[^\\s/\\x00-\\x1f]{1,60})?": (
        "核查事项代码，涉及申兑时后接英文句点与申兑编号，例如 CLAW_BACK_DUE.C-1",
        "the code of a finding, and after a point the claim it is about, such as CLAW_BACK_DUE.C-1",
    ),
    "[A-Z][A-Za-z]{0,63}": (
        "记录类型的名称，例如 Instrument",
        "the name of a record type, such as Instrument",
    ),
    f"{_KEY}/{_LOCAL}/[^/\\x00-\\x1f]{{1,150}}": (
        "服务记录标识，形如 moe:10335/TEM-01/S-2026-001（仪器标识、/、记录编号）",
        "a key of a service record, such as moe:10335/TEM-01/S-2026-001 (key of the instrument, /, "
        "number)",
    ),
    "[^\\s/\\x00-\\x1f]{1,60}": (
        "1 至 60 个字符的编号，不含空格和 /",
        "a number of 1 to 60 characters without blanks and /",
    ),
    "[0-9]{18}": ("18 位数字", "eighteen digits"),
    "[0-9]{1,3}": ("1 至 3 位数字", "one to three digits"),
    "[0-9]{6}": ("6 位数字，例如 310107", "six digits, such as 310107"),
    "[A-Z]{3}": ("3 个大写字母，例如 CNY、DEU", "three capital letters, such as CNY or DEU"),
    "https?://\\S+": (
        "以 http:// 或 https:// 开头的网址，不含空格",
        "an address that begins with http:// or https://, without blanks",
    ),
    "([01][0-9]|2[0-3]):[0-5][0-9]|24:00": (
        "时刻 时:分，例如 08:30、24:00",
        "a time of day, such as 08:30 or 24:00",
    ),
    "Institution|Instrument": ("Institution 或 Instrument", "Institution or Instrument"),
}
_UNITS = {
    "currency unit": ("（以元等货币单位计）", " (whole units of the currency)"),
    "fen CNY": (" 分", " fen"),
    "h": (" 小时", " h"),
    "samples": (" 个", " samples"),
    "posts": (" 个岗位", " posts"),
}


def shape_words(pattern: str | None) -> tuple[str, str]:
    """Say in Chinese and English how a text of a pattern looks."""
    return _SHAPES.get(pattern or "", ("标准规定的写法", "as the standard writes it"))


def bounds_words(low: int | None, high: int | None, unit: str | None) -> tuple[str, str]:
    """Say in Chinese and English within which bounds a number lies."""
    zh, en = _UNITS.get(unit or "", (f" {unit}" if unit else "",) * 2)
    if low is not None and high is not None:
        return f"应在 {low} 至 {high}{zh} 之间", f"must lie between {low} and {high}{en}"
    if low is not None:
        return f"不能小于 {low}{zh}", f"must not be less than {low}{en}"
    return f"不能大于 {high}{zh}", f"must not be more than {high}{en}"
