"""Fill an empty NEMO with a small laboratory: synthetic people, real kinds of trouble.

Run by NEMO's own Python with `NEMO_FOLDER` and `NEMO_NOW` (ISO 8601) set. Every time is relative to
`NEMO_NOW`, so what a harvest finds is known in advance.
"""

import os
from datetime import datetime, timedelta, timezone

import django

django.setup()

from django.contrib.auth.models import Permission  # noqa: E402 - models exist after setup
from NEMO.models import (  # noqa: E402
    Account,
    AccountType,
    Area,
    Project,
    ProjectType,
    Reservation,
    Resource,
    ScheduledOutage,
    Task,
    Tool,
    UnplannedOutage,
    UsageEvent,
    User,
    UserType,
)
from NEMO_sensors.models import (  # noqa: E402
    Sensor,
    SensorCard,
    SensorCardCategory,
    SensorCategory,
    SensorData,
)
from rest_framework.authtoken.models import Token  # noqa: E402

READ = (
    "tool usageevent reservation project projecttype account accounttype area resource task "
    "scheduledoutage unplannedoutage sensor sensordata"
)
HUB_TOKEN = "b" * 40
WRITER_TOKEN = "a" * 40
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
HORIZON_DAYS = 60
"""How far ahead the laboratory lets anybody book; tests book on days without seeded bookings."""
NOW = datetime.fromisoformat(os.environ["NEMO_NOW"]).replace(minute=0, second=0, microsecond=0)


def person(username: str, number: int, kind: UserType, **rights: bool) -> User:
    return User.objects.create(
        username=username,
        first_name=f"First{number}",
        last_name=f"Last{number}",
        email=f"{username}@people.invalid",
        badge_number=f"BADGE-{number}",
        type=kind,
        **rights,
    )


def tool(owner: User, name: str, category: str, **fields: object) -> Tool:
    made = Tool(name=name, visible=True)
    made._category = category
    made._primary_owner = owner
    made._phone_number = "0571-00000000"
    made._notification_email_address = "owner@people.invalid"
    made._description = "用于材料微观结构表征"
    made._location = fields.get("location", "")
    made._serial = fields.get("serial", "")
    made._operational = bool(fields.get("operational", True))
    made._reservation_horizon = HORIZON_DAYS
    if "parent" in fields:
        made.parent_tool = fields["parent"]
    made.save()
    return made


def book(user: User, project: Project, on: Tool, start: datetime, **fields: object) -> Reservation:
    hours = fields.pop("hours", 2)
    return Reservation.objects.create(
        user=user,
        creator=user,
        tool=on,
        project=project,
        start=start,
        end=start + hours * HOUR,
        short_notice=False,
        title="private words of a user",
        **fields,
    )


inside_kind = UserType.objects.create(name="校内用户", display_order=1)
outside_kind = UserType.objects.create(name="校外用户", display_order=2)
admin = person("admin", 1, inside_kind, is_superuser=True, is_staff=True)
hub = person("hub_reader", 2, inside_kind)
teacher = person("teacher", 3, inside_kind)
visitor = person("visitor", 4, outside_kind)
hub.user_permissions.set(
    Permission.objects.filter(codename__in=[f"view_{n}" for n in READ.split()])
)
Token.objects.create(user=hub, key=HUB_TOKEN)
Token.objects.create(user=admin, key=WRITER_TOKEN)

campus = AccountType.objects.create(name="校内", display_order=1)
company = AccountType.objects.create(name="校外企业", display_order=2)
other = AccountType.objects.create(name="未分类", display_order=3)
inside = Project.objects.create(
    name="校内课题",
    application_identifier="NSFC-1",
    account=Account.objects.create(name="分析测试中心", type=campus),
)
outside = Project.objects.create(
    name="芯片材料表征",
    application_identifier="HX-2026-7",
    account=Account.objects.create(name="示例半导体材料有限公司", type=company),
)
unclear = Project.objects.create(
    name="待定", application_identifier="", account=Account.objects.create(name="某组", type=other)
)

outside.project_types.add(ProjectType.objects.create(name="科研", display_order=1))

tem = tool(
    admin, "场发射透射电子显微镜", "电子光学仪器", serial="TEM-001", location="玉泉校区 A101"
)
xrd = tool(admin, "X射线衍射仪", "X射线仪器", serial="XRD-002", location="紫金港校区 B203")
nmr = tool(admin, "600 MHz 核磁共振波谱仪", "波谱仪器", serial="NMR-003", operational=False)
sem = tool(admin, "扫描电子显微镜", "电子光学仪器")
Tool.objects.filter(pk=sem.pk).update(visible=False)
stem = tool(admin, "透射电镜 STEM 模式", "电子光学仪器", parent=tem)

building = Area.objects.create(name="实验楼")
room = Area.objects.create(name="超净间", parent_area=building, requires_reservation=True)
Tool.objects.filter(pk=nmr.pk).update(_requires_area_access=room)
water = Resource.objects.create(name="冷却水")
water.fully_dependent_tools.set([tem])
water.partially_dependent_tools.set([xrd])
water.dependent_areas.set([room])

book(teacher, inside, tem, NOW + 2 * DAY, hours=4)
book(visitor, outside, xrd, NOW + 3 * DAY, hours=3)
book(teacher, inside, stem, NOW + 4 * DAY)
book(teacher, inside, tem, NOW + 5 * DAY, cancelled=True, cancelled_by=teacher)
book(teacher, inside, xrd, NOW - 2 * DAY, missed=True)
moved_to = book(visitor, outside, tem, NOW + 6 * DAY)
book(visitor, outside, tem, NOW + 7 * DAY, cancelled=True, descendant=moved_to)
book(teacher, inside, xrd, NOW - 200 * DAY)

ScheduledOutage.objects.create(
    start=NOW + 8 * DAY,
    end=NOW + 8 * DAY + 6 * HOUR,
    creator=admin,
    title="年度维护",
    tool=xrd,
    reminder_emails="owner@people.invalid",
)
ScheduledOutage.objects.create(
    start=NOW + 9 * DAY, end=NOW + 9 * DAY + HOUR, creator=admin, title="停电", area=building
)
ScheduledOutage.objects.create(
    start=NOW + 10 * DAY, end=NOW + 10 * DAY + HOUR, creator=admin, title="停水", resource=water
)
Reservation.objects.create(
    user=teacher,
    creator=teacher,
    area=room,
    project=inside,
    start=NOW + 11 * DAY,
    end=NOW + 11 * DAY + HOUR,
    short_notice=False,
)
UnplannedOutage.objects.create(tool=sem, start=NOW - 3 * HOUR)
Task.objects.create(
    urgency=1,
    tool=nmr,
    creator=admin,
    problem_description="液氦不足",
    force_shutdown=True,
    safety_hazard=False,
)
Task.objects.create(
    urgency=0,
    tool=tem,
    creator=visitor,
    problem_description="噪声",
    force_shutdown=False,
    safety_hazard=False,
)

for number in range(12):
    start = NOW - (number + 1) * DAY - 5 * HOUR
    who, what = ((teacher, inside), (visitor, outside), (visitor, unclear))[number % 3]
    UsageEvent.objects.create(
        user=who,
        operator=admin,
        project=what,
        tool=(tem, xrd)[number % 2],
        start=start,
        end=start + HOUR * 2 + timedelta(minutes=10 * number),
        has_ended=number + 1,
        note="private words of a user",
        run_data='{"samples": 3}',
        remote_work=number == 4,
        training=number == 7,
    )
UsageEvent.objects.create(
    user=teacher, operator=teacher, project=inside, tool=tem, start=NOW - HOUR
)

# Sensor 1 is at the power line of the TEM: yesterday in Shanghai half an hour off, an hour on, then
# silent; sensor 2 is a thermometer, which nobody declared as a meter.
card = SensorCard.objects.create(
    name="gateway",
    server="127.0.0.1",
    port=502,
    category=SensorCardCategory.objects.create(name="Modbus TCP", key="modbus_tcp"),
)
current, warmth = (
    Sensor.objects.create(
        name=name,
        sensor_card=card,
        sensor_category=SensorCategory.objects.create(name=label),
        data_label=label,
        data_suffix=unit,
        unit_id=1,
        read_address=address,
        number_of_values=1,
        read_frequency=1,
    )
    for address, (name, label, unit) in enumerate(
        (("TEM 电流", "电流", "mA"), ("TEM 室温", "温度", "°C"))
    )
)
midnight = NOW.astimezone(timezone(8 * HOUR)).replace(hour=0, minute=0)
nine = midnight - DAY + 9 * HOUR
readings = [
    (current, nine + timedelta(minutes=minute), 400 if minute < 30 else 6200)
    for minute in range(90)
]
readings += [(warmth, nine, -21.5), (current, midnight, 400)]
rows = [SensorData(sensor=each, value=value) for each, _, value in readings]
SensorData.objects.bulk_create(rows)
for row, (_, moment, _) in zip(rows, readings, strict=True):
    row.created_date = moment  # creating wrote the present time
SensorData.objects.bulk_update(rows, ["created_date"])
