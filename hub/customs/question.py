"""`question`: what somebody asks of customs law, and the row of facts that answers begin with."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeAlias

from hub.customs.limits import KEY_CHARACTERS_MAX, PERIOD_DAYS_MAX, PLACE_CHARACTERS_MAX
from hub.errors import ErrorCode, RefusedError
from schema.codes import CustomsDistrict, ServicePurpose

Row: TypeAlias = Mapping[str, Any]
"""A stored record: its columns by name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UseQuestion:
    """May this instrument serve this use? Days are those of Shanghai, both included.

    `instrument`: its key or its identity. `user`: key of the institution that uses it. `district`
    and `place`: where, both or neither; neither means the place that customs approved.
    `clinical`: it serves patients of an affiliated hospital, whatever the purpose says.
    `agreement_signed`: whether owner and user signed a service agreement, where the owner says so:
    no record of the standard states it before the service.
    """

    instrument: str
    user: str
    purpose: ServicePurpose
    first: date
    last: date
    district: CustomsDistrict | None = None
    place: str | None = None
    agreement_signed: bool | None = None
    clinical: bool = False

    def check(self) -> None:
        """Raise `RefusedError` BAD_USER_INPUT for a question that means nothing."""
        check_keys(self.instrument, self.user)
        if self.last < self.first:
            raise refused("结束日期早于开始日期", "the last day is before the first")
        if (self.last - self.first).days >= PERIOD_DAYS_MAX:
            most = PERIOD_DAYS_MAX
            raise refused(f"一次使用至多 {most} 天", f"a use has at most {most} days")
        if (self.district is None) is not (self.place is None):
            raise refused("关区与地点须同时写明", "a place is a district and a name: give both")
        if self.place is not None and not 0 < len(place_name(self.place)) <= PLACE_CHARACTERS_MAX:
            raise refused("地点名称为空或过长", "the name of the place is empty or too long")


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredCustoms:
    """All that the store holds of one instrument for customs law.

    `claims`: what each source says of the instrument. `legal_persons`: by key of an institution,
    its unified social credit code as a key, where one is known. `heard`: by source, when what it
    says of customs was last known to be so; None for one that was never heard.
    """

    instrument: Row
    claims: tuple[Row, ...]
    supervisions: tuple[Row, ...]
    approvals: tuple[Row, ...]
    reports: tuple[Row, ...]
    duties: tuple[Row, ...]
    legal_persons: Mapping[str, str]
    clinical: tuple[Row, ...] = ()
    """Approvals of clinical use for the user, of any instrument, where the question is of one."""
    heard: Mapping[str, datetime | None]
    region: str
    is_whole: bool = True
    """False: there are more records than are read."""

    @property
    def by_type(self) -> tuple[tuple[Row, ...], ...]:
        """The records of customs: supervisions, approvals, reports, duties."""
        return self.supervisions, self.approvals, self.reports, self.duties


def check_keys(*keys: str) -> None:
    """Raise `RefusedError` BAD_USER_INPUT for what is no key of an instrument or institution."""
    if not all(0 < len(told) <= KEY_CHARACTERS_MAX for told in keys):
        raise refused("仪器与用户单位须写明标识", "name instruments and institutions by key")


def place_name(text: str) -> str:
    """Return the name of a place by which it is compared: width, case and spaces do not count."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def refused(zh: str, en: str) -> RefusedError:
    """Return the refusal of a question."""
    return RefusedError(ErrorCode.BAD_USER_INPUT, hint=en, hint_zh=zh)
