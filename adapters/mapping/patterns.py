r"""`CellPattern`: a pattern that a mapping states, matched in time that is linear in the cell.

The engine is RE2; one that goes back and tries again can be made to work for years by a pattern of
eight characters. A pattern means what Python's `re` makes of it, and what cannot mean the same here
is refused when the mapping is read:

- `\d`, `\w` and `\s` know every script, as in `re`; they are written out for RE2, whose own are
  ASCII;
- `\Z`, `\u4e00`, `{,3}` and a `[` inside a class are written as RE2 wants them;
- look-ahead, look-behind, references back, `\b`, and `\W` inside a class are refused, with what to
  write instead; so is whatever either engine does not understand.

What RE2 may use is bounded: the length of a pattern, its repetitions, the program made of it.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from functools import lru_cache

import re2

PATTERN_CHARACTERS_MAX = 500
REPEAT_MAX = 1_000
"""Largest number in `{…}`: RE2's own."""
PROGRAM_SIZE_MAX = 10_000
"""Instructions, each class of `re` counted as one; a character of a cell costs at most as many."""
LONG_ESCAPE = len(r"\x{0010ffff}")
"""What is written out for one escape and is longer than this is a class."""
MEMORY_BYTES_MAX = 8 * 1024 * 1024
"""Memory of one pattern: its program and what matching keeps."""

_SPACES = (
    r"\t-\r\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
)
_NO_SPACES = (
    r"\x00-\x08\x0e-\x1b\x21-\x{84}\x{86}-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}"
    r"\x{202a}-\x{202e}\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{10ffff}"
)
_WORD = r"\p{L}\p{N}_"
_OUTSIDE = {
    "d": r"\p{Nd}",
    "D": r"\P{Nd}",
    "w": f"[{_WORD}]",
    "W": f"[^{_WORD}]",
    "s": f"[{_SPACES}]",
    "S": f"[^{_SPACES}]",
    "Z": r"\z",
}
_INSIDE = {"d": r"\p{Nd}", "D": r"\P{Nd}", "w": _WORD, "s": _SPACES, "S": _NO_SPACES}
_KEPT = frozenset("tnrfva") | frozenset("A")
_REFUSED = {
    "b": (r"\b 不可用：请写明前后是什么，例如 (?:^|[^0-9])", r"write what stands around, not \b"),
    "B": (r"\B 不可用：请写明前后是什么", r"write what stands around, not \B"),
    "W": (r"方括号内不能用 \W：请列出字符", r"list the characters, not \W inside brackets"),
}
_LOOKS = ("(?=", "(?!", "(?<=", "(?<!")
_NOT_LINEAR = (
    "不支持前后环视、反向引用和条件：请写明要取的部分前后是什么",
    "looking around, references back and conditions are not possible: write what stands before "
    "and after the wanted part",
)
_COUNTED = re.compile(r"\{([0-9]*)(,?)([0-9]*)\}")


class PatternError(ValueError):
    """A pattern that cannot be used: why, and what to write, in Chinese and English."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.zh = zh
        self.en = en


@dataclass(frozen=True, slots=True)
class CellPattern:
    """A pattern with one pair of brackets around what is wanted."""

    text: str
    """As it was written."""

    def taken(self, cell: str) -> str | None:
        """Return what the brackets hold where the pattern first matches; None where it does not."""
        return self.found(cell)[1]

    def found(self, cell: str) -> tuple[bool, str | None]:
        """Tell whether the pattern matches anywhere, and what its brackets hold there."""
        # `$` of `re` also matches before a line break at the end; without that break both agree.
        engine, text = _compiled(self.text), cell.removesuffix("\n")
        try:
            match = engine.search(text)
        except UnicodeEncodeError:  # half a character, which no pattern can name
            match = engine.search(text.encode("utf-8", "replace").decode())
        return match is not None, match[1] if match else None


def pattern_of(text: str) -> CellPattern:
    """Return the pattern that a mapping states. Raises `PatternError`."""
    if len(text) > PATTERN_CHARACTERS_MAX:
        raise PatternError(
            f"match 过长，最多 {PATTERN_CHARACTERS_MAX} 个字符",
            f"match is too long, {PATTERN_CHARACTERS_MAX} characters are allowed",
        )
    groups = _groups(text)
    compiled = _compiled(text)
    if groups != 1 or compiled.groups != 1:
        raise PatternError(
            "match 须用一对圆括号标出要取的部分",
            "match must mark the wanted part with one pair of brackets",
        )
    if _compiled(text, is_plain=True).programsize > PROGRAM_SIZE_MAX:
        raise _too_large()
    return CellPattern(text)


def _groups(text: str) -> int:
    """Return how many groups `re` sees; what it does not understand is refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of "[[", which is written as a character below
            return re.compile(text).groups
    except (re.error, RecursionError, OverflowError) as error:
        raise PatternError(f"match 写法有误：{error}", f"match: {error}") from error


@lru_cache(maxsize=256)
def _compiled(text: str, *, is_plain: bool = False) -> re2._Regexp:
    """Return RE2's program; a plain one has letters for classes and serves to be counted."""
    options = re2.Options()
    options.max_mem = MEMORY_BYTES_MAX
    options.log_errors = False
    try:
        return re2.compile(_for_re2(text, is_plain=is_plain), options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        if "too large" in reason or "repetition size" in reason:
            raise _too_large() from error
        raise PatternError(
            f"match 写法有误：{reason}。{_NOT_LINEAR[0]}", f"match: {reason}; {_NOT_LINEAR[1]}"
        ) from error
    except UnicodeEncodeError as error:
        raise PatternError("match 含有不是字符的代码", "match holds half a character") from error


def _for_re2(text: str, *, is_plain: bool) -> str:
    """Write a pattern of `re` so that RE2 takes it to mean the same."""
    written: list[str] = []
    at, is_class = 0, False
    while at < len(text):
        if text[at] == "\\":
            part, at = _escape(text, at, is_class=is_class)
            part = "x" if is_plain and len(part) > LONG_ESCAPE else part
        elif is_class:
            part, at, is_class = _in_class(text, at)
        elif text[at] == "[":
            part, at = _opened(text, at)
            is_class = True
        else:
            part, at = _plain(text, at)
        written.append(part)
    return "".join(written)


def _opened(text: str, at: int) -> tuple[str, int]:
    """Open a class; a closing bracket right behind is a member of it."""
    end = at + 1
    if text[end : end + 1] == "^":
        end += 1
    part = text[at:end]
    if text[end : end + 1] == "]":
        return part + r"\]", end + 1
    return part, end


def _in_class(text: str, at: int) -> tuple[str, int, bool]:
    if text[at] == "]":
        return "]", at + 1, False
    return (r"\[" if text[at] == "[" else text[at]), at + 1, True


def _plain(text: str, at: int) -> tuple[str, int]:
    if text.startswith(_LOOKS, at) or text.startswith(("(?P=", "(?("), at):
        raise PatternError(*_NOT_LINEAR)
    counted = _COUNTED.match(text, at)
    if counted is None or not (counted[1] or counted[2]):
        return text[at], at + 1
    if any(int(number or 0) > REPEAT_MAX for number in (counted[1], counted[3])):
        raise _too_large()
    low = counted[1] or "0"
    return f"{{{low}{counted[2]}{counted[3]}}}", counted.end()


def _escape(text: str, at: int, *, is_class: bool) -> tuple[str, int]:
    letter = text[at + 1 : at + 2]
    if letter in "uUx" and letter:
        digits = {"x": 2, "u": 4, "U": 8}[letter]
        end = at + 2 + digits
        return f"\\x{{{text[at + 2 : end]}}}", end
    if letter in _REFUSED and (letter != "W" or is_class) and not (letter == "b" and is_class):
        raise PatternError(*_REFUSED[letter])
    if letter == "b":
        return r"\x08", at + 2  # inside a class it is the character backspace
    if letter.isdigit() and letter != "0":
        raise PatternError(*_NOT_LINEAR)
    known = (_INSIDE if is_class else _OUTSIDE).get(letter)
    if known is not None:
        return known, at + 2
    if letter in _KEPT or not letter.isalnum() or letter == "0":
        return (text[at : at + 2] if letter.isascii() else letter), at + 2
    raise PatternError(f"match 写法有误：\\{letter} 不可用", f"match: \\{letter} is not possible")


def _too_large() -> PatternError:
    return PatternError(
        f"match 过大：重复次数最多 {REPEAT_MAX}，且不能层层相乘",
        f"match is too large: at most {REPEAT_MAX} repetitions, and not multiplied by each other",
    )
