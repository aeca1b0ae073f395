"""`looked_up`: a cell that stands for something else: by `codes`, by `scheme`, by `lookup`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from adapters.mapping.errors import CellError
from adapters.mapping.model import MappingRule
from adapters.mapping.table import Cell, text_of, word_of
from schema.codes import UnknownCodeError
from schema.codes.tables import country, divisions

CODES_SHOWN_MAX = 20
SHARED_NAMES = frozenset({"市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划"})
"""Names of GB/T 2260 that stand under many cities and name no place by themselves."""


def looked_up(rule: MappingRule, cell: Cell) -> Cell:
    """Return what a cell stands for. Raises `CellError` where it stands for nothing."""
    text = text_of(cell)
    if cell is None or not text:
        return cell
    if rule.codes is not None:
        return _coded(rule.codes, text)
    if rule.scheme is not None and rule.slot.item.code_list is not None:
        try:
            return rule.slot.item.code_list.by_official(text, rule.scheme).value
        except UnknownCodeError as error:
            raise CellError(
                "CODE_UNKNOWN", f"{rule.scheme} 中没有代码“{text}”", str(error)
            ) from error
    if rule.lookup == "GB/T 2260":
        return _division(text)
    if rule.lookup is not None:
        known = country(text)
        if known is None:
            raise CellError(
                "COUNTRY_UNKNOWN", f"没有国家或地区“{text}”", f"{text!r} is no country or region"
            )
        return known.alpha3
    return cell


def _coded(codes: Mapping[str, str], text: str) -> str:
    text = word_of(text)
    if text in codes:
        return codes[text]
    folded = {word_of(key).casefold(): value for key, value in codes.items()}
    if text.casefold() in folded:
        return folded[text.casefold()]
    known = list(codes)[:CODES_SHOWN_MAX]
    raise CellError(
        "CODE_NOT_MAPPED",
        f"代码对照表中没有“{text}”；已有：{'、'.join(known)}",
        f"{text!r} is not in the code table of the mapping; known: {', '.join(known)}",
    )


def _division(text: str) -> str:
    codes = () if text in SHARED_NAMES else _divisions_by_name().get(text, ())
    if len(codes) == 1:
        return codes[0]
    if text in SHARED_NAMES:
        raise CellError(
            "DIVISION_UNKNOWN",
            f"许多城市都有“{text}”，它不指明地点；请填 6 位代码或区县名称",
            f"{text!r} stands under many cities and names no place; write the six digits or the "
            "name of the district",
        )
    ended = sorted({str(each.valid_until) for each in divisions().values() if each.name == text})
    if ended and not codes:
        raise CellError(
            "DIVISION_ENDED",
            f"行政区划“{text}”已于 {ended[-1]} 撤销或更名；请填现行名称或 6 位代码",
            f"the division {text!r} ended on {ended[-1]}; write the present name or six digits",
        )
    count_zh = "不止一个" if codes else "没有"
    raise CellError(
        "DIVISION_UNKNOWN",
        f"长三角 GB/T 2260 中{count_zh}名为“{text}”的行政区划，请填 6 位代码",
        f"the delta has {len(codes)} divisions named {text!r} (GB/T 2260); write the six digits",
    )


@cache
def _divisions_by_name() -> Mapping[str, tuple[str, ...]]:
    codes: dict[str, tuple[str, ...]] = {}
    for each in divisions().values():
        if each.valid_until is None:
            codes[each.name] = (*codes.get(each.name, ()), each.code)
    return codes
