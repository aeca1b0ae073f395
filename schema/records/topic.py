"""Topic: a theme under which instruments are shown together (专题), stated by an authority."""

from __future__ import annotations

from datetime import date

from schema.identifiers import check_institution_key
from schema.item import item, record
from schema.parties import party_in
from schema.records.instrument import LOCAL_PATTERN
from schema.records.rules import interval_of
from schema.traits import Listable
from schema.values import KEY_PATTERN, ClassCode, Name


@record(
    "共享专题",
    key=("authority_key", "code"),
    prefix="topic",
    owner=party_in("authority_key"),
    traits=(Listable(),),
    checks=(interval_of("validFrom", "validUntil"),),
)
class Topic:
    """A theme of sharing; instruments name its code in `topics`, institutions may be members."""

    authority_key: str = item(
        "主管单位",
        "Department or platform that keeps it",
        ref="Institution",
        inverse="topics",
        pattern=KEY_PATTERN,
        check=check_institution_key,
        filterable=True,
    )
    code: str = item("专题编号", "Code within the authority", pattern=LOCAL_PATTERN, length_max=60)
    name: Name = item("专题名称", "Name", search=True, sortable=True)
    description: str | None = item(
        "说明", "What it is about", length_max=2000, multiline=True, default=None
    )
    member_keys: tuple[str, ...] = item(
        "成员单位",
        "Keys of the institutions that take part",
        pattern=KEY_PATTERN,
        names_key=True,
        default=(),
    )
    classes: tuple[ClassCode, ...] = item("仪器分类", "Classes that it is about", default=())
    valid_from: date | None = item("开始日期", "First day", default=None)
    valid_until: date | None = item("结束日期", "Last day", default=None)
