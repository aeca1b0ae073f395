"""`nrii_holdings`: what one account holds at the stand-in of the national platform.

One centre, the instruments of one real university of the invented world, customs data of those that
are supervised, and a service record of each instrument that was open to others. All members are
those of the forms that a university system sends (`hub.sandbox.nrii` says from where they are
known); persons are offices.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hub.sandbox.anhui import equipment_values
from hub.sandbox.nrii import KEYS, WIRES, NationalPlatform
from hub.sandbox.world import SandboxInstrument, World

__all__ = ["INS_CODE", "SCHOOL", "stock"]

SCHOOL = "10335"
"""School code of the university whose account it is."""
INS_CODE = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
CENTRE_NO = "C-01"
SERVED_DAYS_AGO = 20
NOT_OF_THE_FORM = ("runStatus", "shareMode")
"""What a province's platform has beside the national form."""

Row = dict[str, Any]


def stock(platform: NationalPlatform, day: date, scale: float) -> None:
    """Let a platform hold the account of a day, as if the university had sent it."""
    own = [one for one in World(day, scale).platform if one.owner.school_code == SCHOOL]
    rows = {
        "1": [_centre(own)],
        "4": [_equipment(one) for one in own],
        "5": [_customs(at, one) for at, one in enumerate(own, start=1) if one.supervised],
        "6": [_service(at, one, day) for at, one in enumerate(own, start=1)],
    }
    for kind, held in rows.items():
        platform.held[kind] = {tuple(str(row[name]) for name in KEYS[kind]): row for row in held}


def _centre(own: list[SandboxInstrument]) -> Row:
    return WIRES["1"].row(
        {
            "insCode": INS_CODE,
            "innerId": CENTRE_NO,
            "cname": "分析测试中心",
            "worth": float(sum(one.worth for one in own)),
            "area": "3200",
            "establish": "2008-09-01",
            "instruNum": str(len(own)),
            "accept": "",
            "subject": "150,430",
            "serviceContent": "测试",
            "province": "浙江省",
            "city": "杭州市",
            "county": "西湖区",
            "url": "https://instruments.example",
            "contact": "仪器共享服务台",
            "phone": "",
            "email": "instruments@zju.example",
            "location": "余杭塘路866号",
            "postalcode": "310058",
            "image": "无",
            "achievement": "无",
            "auditStatus": -1,
        }
    )


def _equipment(one: SandboxInstrument) -> Row:
    values = equipment_values(one)
    form = {name: each for name, each in values.items() if name not in NOT_OF_THE_FORM}
    return WIRES["4"].row(
        {
            **form,
            "insCode": INS_CODE,
            "instrBelongsType": "科学仪器中心",
            "instrBelongsName": CENTRE_NO,
        }
    )


def _customs(at: int, one: SandboxInstrument) -> Row:
    return WIRES["5"].row(
        {
            "insCode": INS_CODE,
            "innerId": one.number,
            "declarationNumber": f"2900{one.booked_on.year}1{at:09d}",
            "itemNumber": "01",
            "importDate": one.booked_on.isoformat(),
            "formname": one.sort.name_zh,
        }
    )


def _service(at: int, one: SandboxInstrument, day: date) -> Row:
    ended = day - timedelta(days=SERVED_DAYS_AGO + at % 7)
    hours = 2 + at % 3
    return WIRES["6"].row(
        {
            "insCode": INS_CODE,
            "recordInnerId": f"N-{at:05d}",
            "innerId": one.number,
            "amounts": f"{one.hour_price * hours}.00",
            "serviceTime": f"{hours}.0",
            "serviceAmount": f"{hours}.0",
            "endTime": f"{ended.isoformat()} 15",
            "serviceContent": "测试服务",
            "serviceWay": "1,2",
            "serviceType": "外部用户",
            "serviceDirection": "科学研究",
            "record": "",
            "adressType": 0,
            "moveAddress": "",
            "serviceCode": "无",
            "signAgreement": 1,
            "subjectName": "",
            "subjectIncome": "",
            "subjectArea": "",
            "subjectContent": "",
            "applicant": "课题组",
            "applicantPhone": "",
            "applicantEmail": "",
            "applicantUnit": "示范企业（虚构）",
            "comment": "1",
            "auditStatus": "-1",
        }
    )
