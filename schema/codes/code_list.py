"""What a code list of the standard is: names with their official codes and two languages.

A member IS its name: the value that travels in JSON, in SQL and in GraphQL is the UPPER_SNAKE
member name. The number a ministry prints for it is an attribute (`official`), and codes of other
systems for the same thing stand in `also` under the scheme that uses them. An unknown code raises:
it is never turned into OTHER or UNKNOWN in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar, Self, TypeVar

from schema.errors import StandardError


class UnknownCodeError(StandardError):
    """A source sent a code that the list does not hold; `code` is stable for machines."""

    code = "CODE_UNKNOWN"


class CodeList(StrEnum):
    """Base of all code lists: `NAME = auto(), "中文", "English", "official code"`."""

    official: str | None
    zh: str
    en: str
    also: Mapping[str, tuple[str, ...]]

    title_zh: ClassVar[str]
    title_en: ClassVar[str]
    source: ClassVar[str]

    @staticmethod
    def _generate_next_value_(name: str, start: int, count: int, last_values: list[Any]) -> str:
        del start, count, last_values
        return name

    def __new__(
        cls,
        name: str,
        zh: str,
        en: str,
        official: str | None = None,
        also: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    ) -> Self:
        """Make the member's text its own name and keep labels and codes beside it."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.zh = zh
        member.en = en
        member.official = official
        member.also = MappingProxyType(dict(also))
        return member

    @classmethod
    def by_official(cls, code: str, scheme: str | None = None) -> Self:
        """Find the member with this official code, or with this code in another `scheme`.

        Raises `UnknownCodeError` and names the known codes; the caller quarantines the row.
        """
        for member in cls:
            known = (member.official,) if scheme is None else member.also.get(scheme, ())
            if code in known:
                return member
        raise UnknownCodeError(cls._unknown(code, scheme))

    @classmethod
    def _unknown(cls, code: str, scheme: str | None) -> str:
        if scheme is None:
            known = [member.official for member in cls if member.official is not None]
        else:
            known = [each for member in cls for each in member.also.get(scheme, ())]
        return (
            f"{code!r} is not in code list {cls.__name__} ({scheme or cls.source}); "
            f"known: {', '.join(known) or 'none'}. "
            "Correct the source row or map the code in the adapter."
        )


ListT = TypeVar("ListT", bound=type[CodeList])

_REGISTRY: dict[str, type[CodeList]] = {}


def code_list(title_zh: str, title_en: str, source: str) -> Callable[[ListT], ListT]:
    """Title a code list, say which standard it comes from, and put it in `code_lists()`."""

    def titled(cls: ListT) -> ListT:
        cls.title_zh = title_zh
        cls.title_en = title_en
        cls.source = source
        _REGISTRY[cls.__name__] = cls
        return cls

    return titled


def code_lists() -> Mapping[str, type[CodeList]]:
    """Every code list of the standard by class name, in order of definition."""
    return MappingProxyType(_REGISTRY)
