"""Fill an empty NEMO with a small laboratory: synthetic people, real kinds of trouble.

Run by NEMO's own Python with `NEMO_FOLDER` and `NEMO_NOW` (ISO 8601) set. Every time is relative to
`NEMO_NOW`, so what a harvest finds is known in advance.
"""

import os
from datetime import datetime, timedelta

import django

django.setup()

from django.contrib.auth.models import Permission  # noqa: E402 - models exist after setup
from NEMO.models import (  # noqa: E402
    Account,
    AccountType,
    Project,
    Reservation,
    ScheduledOutage,
    Task,
    Tool,
    UnplannedOutage,
    UsageEvent,
    User,
    UserType,
)
from rest_framework.authtoken.models import Token  # noqa: E402

READ = (
    "tool usageevent reservation project account accounttype task scheduledoutage unplannedoutage"
)
HUB_TOKEN = "b" * 40
WRITER_TOKEN = "a" * 40
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
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

tem = tool(
    admin, "场发射透射电子显微镜", "电子光学仪器", serial="TEM-001", location="玉泉校区 A101"
)
xrd = tool(admin, "X射线衍射仪", "X射线仪器", serial="XRD-002", location="紫金港校区 B203")
nmr = tool(admin, "600 MHz 核磁共振波谱仪", "波谱仪器", serial="NMR-003", operational=False)
sem = tool(admin, "扫描电子显微镜", "电子光学仪器")
Tool.objects.filter(pk=sem.pk).update(visible=False)
stem = tool(admin, "透射电镜 STEM 模式", "电子光学仪器", parent=tem)

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
    )
UsageEvent.objects.create(
    user=teacher, operator=teacher, project=inside, tool=tem, start=NOW - HOUR
)
