"""`customs`: a customs office that leaves XML messages in a folder, on disk or behind SFTP.

The real exchange is not public: the members are those of the certificate (征免税证明) and of the
customs form of the national platform; the message around them is invented (see
`adapters.customs_relief`, which this knows nothing of). A message a day names the supervised
instruments of one applicant: certificate, declarations, a report for each year that was due, an
approval that stands and one that was withdrawn, duty that was paid.

A file is written under another name, renamed when it is whole, and marked by `<name>.ok`. Faults of
a message are those that senders have (`FAULTS`). The SFTP server is asyncssh's own, on 127.0.0.1,
with a key of its own and one user who comes with a key.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring
from zlib import crc32

from hub.sandbox.wire import FrozenMessage
from hub.sandbox.world import SandboxInstrument, World
from schema.dates import SHANGHAI

WIRE = FrozenMessage("customs_relief", "message.xml")
APPLICANT = "12100000470095016Q"
OFFICE, NEIGHBOUR, PORT = "2901", "2318", "2233"
TERM_YEARS = 3
REPORT_MONTH, REPORT_DAY = 6, 30
USER = "hub"
MARK = ".ok"
PARTIAL = ".part"
BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b"<DutyReliefMessage><Head><messageId>&b;</messageId></Head></DutyReliefMessage>"
)
EXTERNAL = (
    b'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a SYSTEM "file:///etc/hostname">]>'
    b"<DutyReliefMessage><Head><messageId>&a;</messageId></Head></DutyReliefMessage>"
)
HTML = "<html><body><form>请登录</form></body></html>".encode()
FAULTS = ("cut", "bomb", "external", "html", "lost-zero", "rounded", "new-element", "expired")
"""What may be wrong with a message: cut off; a document type; a login page in its place; an item
number that lost its zero; a declaration number that a spreadsheet rounded; an element that nobody
announced; a certificate that had run out."""


@dataclass(frozen=True, kw_only=True)
class SftpPlace:
    """Where the running SFTP server is, and what lets a client in."""

    host: str
    port: int
    user: str
    host_key: str
    """Public key of the server, as its operator would tell it."""


def supervised(day: date, scale: float = 1.0) -> list[SandboxInstrument]:
    """Return the instruments that are under supervision on a day."""
    world = World(day, scale)
    first = day - timedelta(days=365 * TERM_YEARS)
    return [one for one in world.platform if one.supervised and one.booked_on > first]


def message(day: date, scale: float = 1.0, fault: str = "") -> bytes:
    """Return the message of a day, with one fault of `FAULTS`."""
    if fault in ("bomb", "external", "html"):
        return {"bomb": BOMB, "external": EXTERNAL, "html": HTML}[fault]
    root = WIRE.root()
    _fill(root, "Head", messageId=f"HZ-{day:%Y%m%d}", sender="2900", createTime=_moment(day, 6))
    stock = supervised(day, scale)
    for one in stock:
        _certificate(root, one, fault)
        _declaration(root, one, fault)
    for one in stock:
        for year in range(one.booked_on.year + 1, day.year + 1):
            if date(year, REPORT_MONTH, REPORT_DAY) < day:
                _report(root, one, year)
    for number, one in enumerate(stock[:2], start=1):
        _approval(root, number, one, day, fault)
    if stock:
        _duty(root, stock[0], day)
    indent(root)
    text = tostring(root, encoding="unicode")
    written = f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()
    return written[: len(written) * 2 // 3] if fault == "cut" else written


def leave(folder: Path, name: str, content: bytes) -> Path:
    """Leave a file as a careful sender does: whole before it has its name, then marked."""
    file = folder / name
    partial = folder / f"{name}{PARTIAL}"
    partial.write_bytes(content)
    partial.replace(file)
    (folder / f"{name}{MARK}").touch()
    return file


def leave_messages(folder: Path, day: date, scale: float = 1.0) -> list[Path]:
    """Leave the message of a day and that of the day before."""
    days = (day - timedelta(days=1), day)
    return [leave(folder, f"relief-{each:%Y%m%d}.xml", message(each, scale)) for each in days]


@asynccontextmanager
async def sftp_server(folder: Path, client_public_key: str) -> AsyncIterator[SftpPlace]:
    """Serve a folder over SFTP on 127.0.0.1 as long as the block runs, to one key."""
    import asyncssh  # here, because only who serves pays for it

    host_key = asyncssh.generate_private_key("ssh-ed25519")
    allowed = asyncssh.import_authorized_keys(client_public_key)

    class _Server(asyncssh.SSHServer):
        def begin_auth(self, username: str) -> bool:
            del username
            return True

        def password_auth_supported(self) -> bool:
            return False

    def _folder(channel: Any) -> asyncssh.SFTPServer:
        return asyncssh.SFTPServer(channel, chroot=str(folder).encode())

    listener = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=_Server,
        server_host_keys=[host_key],
        authorized_client_keys=allowed,
        sftp_factory=_folder,
    )
    try:
        public = host_key.export_public_key().decode().strip()
        yield SftpPlace(host="127.0.0.1", port=listener.get_port(), user=USER, host_key=public)
    finally:
        listener.close()
        await listener.wait_closed()


def _fill(parent: Element, tag: str, **texts: str | None) -> Element:
    return WIRE.add(parent, tag, texts)


def _moment(day: date, hour: int) -> str:
    return datetime.combine(day, time(hour), SHANGHAI).isoformat()


def _serial(one: SandboxInstrument) -> int:
    """Return nine digits that stay an instrument's own from message to message."""
    return crc32(f"{one.owner.ins_code}{one.number}".encode()) % 10**9


def _certificate_no(one: SandboxInstrument) -> str:
    return f"Z{OFFICE[:2]}{_serial(one):09d}"


def _declaration_no(one: SandboxInstrument) -> str:
    return f"{PORT}{one.booked_on.year}1{_serial(one):09d}"


def _certificate(root: Element, one: SandboxInstrument, fault: str) -> None:
    begins = one.booked_on - timedelta(days=300 if fault == "expired" else 60)
    made = _fill(
        root,
        "Certificate",
        certNo=_certificate_no(one),
        applicantName=one.owner.name_zh,
        applicantCode="3301910001",
        applicantUscc=APPLICANT,
        masterCustoms=OFFICE,
        cutMode="401",
        policyBasis="财关税〔2021〕23号",
        projectKind="科研",
        contractNo=f"C-{one.number}",
        portCustoms=PORT,
        validFrom=begins.isoformat(),
        validUntil=(begins + timedelta(days=180)).isoformat(),
        extended="0",
        contactName="设备处",
        contactPhone="",
    )
    _fill(
        made,
        "Item",
        certItemNo="1",
        hsCode="9027500000",
        goodsName=one.sort.name_zh,
        quantity="1",
        unit="台",
        amount=f"{one.worth:.2f}",
        currency="USD",
        origin=one.sort.country,
    )


def _declaration(root: Element, one: SandboxInstrument, fault: str) -> None:
    whole = _declaration_no(one)
    made = _fill(
        root,
        "Declaration",
        declarationNumber=f"{float(whole):.5E}" if fault == "rounded" else whole,
        entryCustoms=PORT,
        certNo=_certificate_no(one),
        declareDate=(one.booked_on - timedelta(days=5)).isoformat(),
        importDate=one.booked_on.isoformat(),
        arrivalDate=(one.booked_on + timedelta(days=9)).isoformat(),
    )
    _fill(
        made,
        "Item",
        itemNumber="1" if fault == "lost-zero" else "01",
        certItemNo="1",
        formname=one.sort.name_zh,
        innerId=one.number,
        usePlace=f"{one.owner.name_zh} {one.place}",
        useScope="135,136,137",
        nriiSince=(one.booked_on + timedelta(days=90)).isoformat(),
        state="1",
        endDate=None,
    )


def _whose(one: SandboxInstrument) -> Iterator[tuple[str, str]]:
    yield "declarationNumber", _declaration_no(one)
    yield "itemNumber", "01"
    yield "innerId", one.number


def _approval(root: Element, number: int, one: SandboxInstrument, day: date, fault: str) -> None:
    """Write a notice; the second one was withdrawn."""
    made = _fill(
        root,
        "Approval",
        noticeNo=f"杭关减免〔{day.year}〕{number:04d}号",
        customs=OFFICE,
        applicantUscc=APPLICANT,
        state="1" if number == 1 else "2",
        kind="3",
        purposes="135,136",
        users=None,
        placeCustoms=NEIGHBOUR,
        place="苏州工业园区",
        validFrom=f"{day.year}-01-01",
        validUntil=f"{day.year}-12-31",
    )
    if fault == "new-element":
        SubElement(made, "onlyOn").text = "周一至周五"
    _fill(made, "Goods", **dict(_whose(one)))


def _report(root: Element, one: SandboxInstrument, year: int) -> None:
    _fill(
        root,
        "Report",
        **dict(_whose(one)),
        applicantUscc=APPLICANT,
        customs=OFFICE,
        year=str(year),
        filedAt=f"{year}-06-{10 + _serial(one) % 20:02d} 10:00:00",
        state="1",
        reporter="设备处",
        phone=None,
    )


def _duty(root: Element, one: SandboxInstrument, day: date) -> None:
    texts = dict(_whose(one))
    _fill(
        root,
        "DutyPayment",
        recordNo=f"2900-{day.year}-000001",
        applicantUscc=APPLICANT,
        customs=OFFICE,
        amount="18350.40",
        currency="142",
        **texts,
        **{"from": f"{day.year}-11-01", "until": f"{day.year}-11-30"},
    )
