"""`classes`: how the class of a filter becomes a step of the listing, or is refused.

- A class that cannot be is refused with what would be right, never answered with nothing: a scheme
  of the standard written in another way, a code that the list does not have.
- `under` takes a class above others as its leading digits or as its whole code: 0101 and 010100 are
  the same. `code` is a whole code. A code has no points or blanks: 01.01 is refused.
- A source may classify by a scheme of its own, which the standard has no list of: any code of such
  a scheme may be asked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from hub.query.plan.arguments import Argument
from hub.query.plan.binding import Transform, bad_input, plain
from hub.store.search import code_path
from schema.codes import tables

_OFFICIAL = re.compile(r"gb|iso|moe|nrii|教育部|.*(32847|14885|13745|2260)")
"""What a scheme of the standard looks like, without marks and in small letters."""
_SHORTEST_STEP = 2
LONGEST_CODE = 13
"""Characters of the longest code of a scheme without a list here (GB/T 14885-2022)."""
_SHOWN = 40
"""Characters of a refused value that are shown."""


@cache
def _editions() -> Mapping[str, tuple[str, ...]]:
    """Return the editions of each scheme that the standard knows, by its name without edition."""
    found: dict[str, tuple[str, ...]] = {}
    for name in sorted(tables.KNOWN_SCHEMES):
        scheme = name.rpartition("-")[0]
        found[scheme] = (*found.get(scheme, ()), name)
    return found


@cache
def _steps(listed: str) -> frozenset[str]:
    """Return every class of a list and every class above, as leading digits."""
    scheme = listed.rpartition("-")[0]
    steps = (code_path(scheme, row.code) for row in tables.rows(listed))
    return frozenset(step.rpartition("›")[2] for path in steps for step in path)


def class_step(member: str) -> Transform:
    """Return the transform of a class filter to the path step that rows of the class have."""

    def transform(argument: Argument, value: Any) -> str | None:
        scheme, code = scheme_of(argument, value), plain(argument, value[member]) or ""
        if not code:
            raise bad_input(argument, "code 与 under 不得为空", "code and under must not be empty")
        if scheme in _editions():
            code = _leading(code) if member == "under" else code
            _check(argument, scheme, code, member)
        return code_path(scheme, code)[-1]

    return transform


def scheme_of(argument: Argument, value: Any) -> str:
    """Return the scheme of a class filter; one that the standard names otherwise is refused."""
    scheme = plain(argument, value["scheme"]) or ""
    if not scheme:
        raise bad_input(argument, "scheme 不得为空", "scheme must not be empty")
    if scheme in _editions():
        return scheme
    if _OFFICIAL.match("".join(filter(str.isalnum, scheme.casefold()))):
        known = "、".join(_editions())
        raise bad_input(
            argument,
            f"没有分类体系“{scheme[:_SHOWN]}”，可用：{known}（不含年份）",
            f"no scheme {scheme[:_SHOWN]!r}; write one of: {known}, without its edition",
        )
    return scheme


def class_is_under(argument: Argument, value: Any) -> str | None:
    """Return whether the code of a class filter lies below its `under`, or is it."""
    upper = class_step("under")(argument, value)
    class_step("code")(argument, value)  # refuses what is not a class
    return "true" if upper in code_path(value["scheme"], value["code"]) else "false"


def class_object(argument: Argument, value: Any) -> str | None:
    """Return a class filter as the jsonb that a row of exactly this class contains."""
    plain(argument, value["scheme"] + value["code"])
    return json.dumps([{"scheme": value["scheme"], "code": value["code"]}], ensure_ascii=False)


def class_scheme(argument: Argument, value: Any) -> str | None:
    """Return a class filter as the jsonb that a row classified by this scheme contains."""
    return json.dumps([{"scheme": scheme_of(argument, value)}], ensure_ascii=False)


def _leading(code: str) -> str:
    """Return the digits of a class above others that its members begin with: 0101 of 010100."""
    while len(code) > _SHORTEST_STEP and code.endswith("00"):
        code = code[:-2]
    return code


def _check(argument: Argument, scheme: str, code: str, member: str) -> None:
    """Refuse a code that no edition of a scheme has."""
    holds = _holds_class if member == "under" else _holds_code
    if any(holds(edition, code) for edition in _editions()[scheme]):
        return
    raise bad_input(
        argument,
        f"{scheme} 中没有代码“{code[:_SHOWN]}”：代码不带点和空格，上位类在 under 中写前几位",
        f"{scheme} has no {'class' if member == 'under' else 'code'} {code[:_SHOWN]!r}: write it "
        "without points or blanks, a class above others as its leading digits in under",
    )


def _holds_code(edition: str, code: str) -> bool:
    """Tell whether an edition has a code; without a list of it here, whether it may have it."""
    if edition in tables.TABLED_SCHEMES:
        return tables.is_known(edition, code)
    return tables.well_formed(edition, code)


def _holds_class(edition: str, code: str) -> bool:
    """Tell the same of a code, or of the beginning of codes."""
    if edition in tables.TABLED_SCHEMES:
        return code in _steps(edition)
    longer = (code + "0" * more for more in range(LONGEST_CODE - len(code) + 1))
    return any(tables.well_formed(edition, each) for each in longer)
