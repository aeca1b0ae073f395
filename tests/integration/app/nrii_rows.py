"""What senders to the national platform send: the code of a unit, and an instrument of it."""

INS = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
EQUIPMENT = {
    "insCode": INS,
    "innerId": "TEM-001",
    "cname": "场发射透射电子显微镜",
    "instrCategory": "010101",
    "instrBelongsType": "无",
    "worth": 625.55,
    "instrSource": "购置",
    "type": "通用",
    "subject": "140, 150",
    "nation": "日本",
    "beginDate": "2019-05-12",
    "funds": "中央财政资金",
    "instrSupervise": "是",
    "fee": "无",
    "contact": "钱学文",
    "phone": "13800001111",
    "email": "qxw@example.edu.cn",
    "auditStatus": -1,
}
