"""`given`: what goes out to a catalogue, what came in from one, and what was missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["CatalogueError", "FromCatalogue", "Published", "local_number"]

KEY_MARKS = "/"
"""What a local number cannot hold."""


class CatalogueError(ValueError):
    """A record lacks what a form demands, or a document is not of its form."""

    def __init__(self, code: str, zh: str, en: str) -> None:
        """Say it in both languages."""
        super().__init__(en)
        self.code = code
        self.zh = zh
        self.en = en


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """An instrument and its institution, in wire form; only public items of them are read."""

    instrument: Mapping[str, Any]
    institution: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Key of the instrument."""
        return f"{self.instrument['institutionKey']}/{self.instrument['localNo']}"

    @property
    def landing_page(self) -> str:
        """Where people read of it: where it is booked, else its institution's own pages."""
        page = self.instrument.get("bookingUrl") or self.institution.get("homepageUrl")
        if not page:
            raise _missing("预约网址或单位网址", "bookingUrl or the institution's homepageUrl")
        return str(page)

    @property
    def manufacturer(self) -> str:
        """Who made it."""
        maker = self.instrument.get("manufacturer")
        if not maker:
            raise _missing("生产制造商", "manufacturer")
        return str(maker)

    @property
    def description(self) -> str | None:
        """What it is for."""
        said = self.instrument.get("functions") or self.instrument.get("specification")
        return None if said is None else str(said)


@dataclass(frozen=True, kw_only=True, slots=True)
class FromCatalogue:
    """The record of one entry of a catalogue, and the members that no item holds."""

    record: dict[str, Any]
    left: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    """Members with personal data that were filled."""


def _missing(zh: str, en: str) -> CatalogueError:
    return CatalogueError("MISSING", f"缺少{zh}", f"it lacks {en}")


def local_number(*candidates: str | None) -> str:
    """Return the first that can be a number within an institution. Raises `CatalogueError`."""
    for each in candidates:
        if each and not set(KEY_MARKS) & set(each):
            return each
    raise CatalogueError(
        "MISSING",
        "没有可作为仪器编号的资产编号或标识",
        "it has no inventory number, and no identifier that can be a number within an institution",
    )
