"""A unit's database as a deployed source: its adapter reads two views."""

from __future__ import annotations

from collections.abc import Iterable

from adapters._adapter import Adapter, Collection, Context, Mapped, Yielded
from adapters._row import Row
from connectors.reader import Window
from connectors.sql.view import SqlView
from tests.source_metadata import metadata

INSTITUTION = "moe:10335"
ZONE = "Asia/Shanghai"


def _equipment(row: Row, context: Context) -> Iterable[Yielded]:
    row.drop("keeper")
    row.ignore("changed")
    yield Mapped(
        "Instrument",
        {
            "institutionKey": context.institution_key,
            "localNo": row.text("no"),
            "name": {"zh": row.text("name")},
            "status": "IN_SERVICE",
        },
    )


def _use(row: Row, context: Context) -> Iterable[Yielded]:
    row.ignore("changed")
    yield Mapped(
        "Occupancy",
        {
            "instrumentKey": f"{context.institution_key}/{row.text('equipment')}",
            "localId": row.text("id"),
            "kind": "RESERVATION",
            "certainty": "FIRM" if row.flag("is_firm", "true", "false") else "TENTATIVE",
            "startAt": row.instant("from"),
            "endAt": row.instant("to"),
        },
    )


def _changed_lately(context: Context) -> Window:
    return Window(since=context.since)


ADAPTER = Adapter(
    metadata=metadata(
        "unit-lims",
        {"Instrument": ("15 min", "2 h"), "Occupancy": ("15 min", "2 h")},
        title=("某单位数据库", "A unit's database"),
        protocol="sql",
    ),
    states=lambda context: [Mapped("Institution", dict(context.institution))],
    collections=(
        Collection(
            name="equipment",
            reader=SqlView(view="equipment", key=("no",), changed_at="changed", zone=ZONE, rows=2),
            map=_equipment,
            types=("Instrument",),
            complete=True,
        ),
        Collection(
            name="bookings",
            reader=SqlView(
                view="bookings",
                changed_at="changed",
                zone=ZONE,
                flags=frozenset({"is_firm"}),
                rows=2,
            ),
            map=_use,
            types=("Occupancy",),
            window=_changed_lately,
        ),
    ),
)
FILE = """
adapter = "unit-lims"
owners = ["{institution}"]
authority = "{institution}/lims"
division_code = "330106"

[sql]
url = "{url}"
tls = "off"
{more}

[institution]
institutionKey = "{institution}"
name = {{ zh = "浙江大学" }}
kind = "UNIVERSITY"
divisionCode = "330106"
"""
TABLES = (
    "CREATE TABLE equipment (no varchar(20) PRIMARY KEY, name varchar(80), keeper varchar(80), "
    "changed timestamp NOT NULL)",
    "CREATE TABLE bookings (id int PRIMARY KEY, equipment varchar(20), is_firm {flag}, "
    "{q}from{q} {moment}, {q}to{q} {moment}, changed {moment} NOT NULL)",
    "INSERT INTO equipment VALUES ('A1', '电镜', '张三', '2026-11-20 08:00:00'), "
    "('A2', '质谱', '李四', '2026-11-20 08:00:00'), ('A3', '核磁', NULL, '2026-11-21 08:00:00')",
    "INSERT INTO bookings VALUES "
    "(1, 'A1', {yes}, '2026-11-25 08:00:00', '2026-11-25 10:00:00', '2026-11-24 08:00:00'), "
    "(2, 'A1', {no}, '2026-11-26 08:00:00', '2026-11-26 10:00:00', '2026-11-24 08:00:00'), "
    "(3, 'A2', {yes}, '2026-11-26 08:00:00', '2026-11-26 10:00:00', '2025-01-01 08:00:00')",
)
"""The third booking did not change within the lookback."""


def statements(*, is_mysql: bool) -> list[str]:
    """Return what makes the two tables in either kind of database."""
    words = (
        {"flag": "tinyint(1)", "q": "`", "moment": "datetime", "yes": "1", "no": "0"}
        if is_mysql
        else {"flag": "boolean", "q": '"', "moment": "timestamp", "yes": "true", "no": "false"}
    )
    return [each.format(**words) for each in TABLES]
