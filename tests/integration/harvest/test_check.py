"""What `deltahub source check` finds of a source: its name, certificate, clock, rights, lists."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from dataclasses import replace
from email.utils import format_datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hub.clock import system_clock
from hub.demo.sources import write_sources
from hub.harvest.check import findings_of
from hub.harvest.connections import HttpConnection, StaticToken
from hub.harvest.connections.finding import CheckVerdict
from hub.harvest.connections.http_reach import judged_clock
from tests.integration.harvest.small_source import PAGE
from tests.loopback import loopback_server
from tests.source_metadata import bounded

pytestmark = pytest.mark.integration
OK, WARN, FAIL = CheckVerdict.OK, CheckVerdict.WARN, CheckVerdict.FAIL
DAY = datetime.timedelta(days=1)


async def found(source, clock=system_clock):
    """What is found, by what it is about."""
    return {each.about: each async for each in findings_of(source, clock)}


async def verdicts(source, clock=system_clock):
    return {name: each.verdict for name, each in (await found(source, clock)).items()}


def told(finding):
    """A finding that is not well says what to do in both languages."""
    assert all(finding.to_do)
    return finding.en


@pytest.fixture
def unfiltered(source):
    """The small source without the list that is asked for a part of time."""
    lists = tuple(each for each in source.adapter.collections if each.name != "bookings")
    return replace(source, adapter=replace(source.adapter, collections=lists))


@pytest.mark.parametrize("systems", [0.03], indirect=True)
async def test_a_source_that_is_well_is_ok_from_its_name_to_its_last_page(ecnu, time):
    seen = await verdicts(ecnu)
    assert set(seen) == {
        *("DNS", "clock", "credentials", "filter yyjl"),
        *(f"{what} {name}" for what in ("page", "paging") for name in LISTS_OF_ECNU),
    }
    assert set(seen.values()) <= {OK, WARN}
    assert seen["filter yyjl"] in (OK, WARN)  # the sandbox's bookings are of another year


LISTS_OF_ECNU = ("dxyq", "sfbz", "kfsj", "yyjl")


@pytest.mark.parametrize("systems", [0.03], indirect=True)
async def test_filters_that_are_honoured_are_ok(ecnu, time):
    seen = await found(ecnu, time)
    assert seen["filter yyjl"].verdict is OK
    assert seen["page yyjl"].verdict is OK


async def test_a_filter_that_is_ignored_fails(laboratory, source, time):
    seen = await found(source, time)
    assert seen["filter bookings"].verdict is FAIL
    assert "ignored" in told(seen["filter bookings"])


async def test_a_name_that_no_server_knows_ends_the_check(source):
    gone = replace(source, connection=HttpConnection(base_url="http://gone.invalid/"))
    seen = await found(gone)
    assert list(seen) == ["DNS"]
    assert seen["DNS"].verdict is FAIL
    assert "has no address" in told(seen["DNS"])


async def test_nobody_listening_is_told_as_no_answer(source):
    gone = replace(source, connection=HttpConnection(base_url="http://127.0.0.1:9/"))
    seen = await found(gone)
    assert list(seen) == ["DNS", "answer"]
    told(seen["answer"])


@pytest.mark.parametrize("systems", [0.03], indirect=True)
async def test_credentials_that_are_refused_are_told_once(ecnu, anhui, systems):
    wrong = replace(
        anhui, connection=replace(anhui.connection, auth=StaticToken("no", header="X-Api-Key"))
    )
    seen = await found(wrong)
    assert list(seen) == ["DNS", "clock", "credentials"]
    assert seen["credentials"].verdict is FAIL
    told(seen["credentials"])


@pytest.mark.parametrize("systems", [0.03], indirect=True)
@pytest.mark.parametrize(
    ("fault", "words"), [("html", "no bearer token"), ("dead", "503"), ("lying", "cannot be read")]
)
async def test_a_source_that_answers_otherwise_than_agreed_fails_with_words(
    ecnu, systems, fault, words
):
    systems.ecnu.switchboard.set({fault: True})
    seen = await found(ecnu)
    bad = [each for each in seen.values() if each.verdict is not OK]
    assert any(words in told(each) for each in bad if any(each.to_do))


async def test_pages_that_lose_a_row_in_another_size_fail(laboratory, unfiltered, time):
    laboratory.rows["offers"] = [f"{n}" for n in range(1, 8)]
    assert (await verdicts(unfiltered, time))["paging offers"] is OK
    # Three rows to a page: the server gives two whatever is asked, and counts its pages by two.
    sized = unfiltered.adapter.collections[1]
    asked_for_more = replace(sized.reader, paging=replace(sized.reader.paging, rows=PAGE + 4))
    laboratory.skips_when_size_is = PAGE + 4
    wrong = replace(
        unfiltered,
        adapter=replace(
            unfiltered.adapter,
            collections=(
                unfiltered.adapter.collections[0],
                replace(sized, reader=asked_for_more),
                unfiltered.adapter.collections[2],
            ),
        ),
    )
    seen = await found(wrong, time)
    assert seen["paging offers"].verdict is FAIL
    assert "missing" in told(seen["paging offers"]) or "delivered" in told(seen["paging offers"])


async def test_a_list_that_moves_while_it_is_read_is_not_proved(laboratory, unfiltered, time):
    laboratory.rows["offers"] = [f"{n}" for n in range(1, 8)]
    laboratory.from_page[("offers", 3)] = ["2", "3", "4", "5", "6", "7", "8"]
    seen = await found(unfiltered, time)
    assert seen["paging offers"].verdict is not OK
    told(seen["paging offers"])


async def test_an_empty_list_is_a_warning_and_fewer_rows_than_agreed_are_a_fault(
    laboratory, unfiltered, time
):
    laboratory.rows["coverage"] = []
    known = bounded(unfiltered.adapter.metadata, "OccupancyCoverage", 1, 9)
    adapter = replace(unfiltered.adapter, metadata=bounded(known, "Instrument", 0, 1))
    seen = await verdicts(replace(unfiltered, adapter=adapter), time)
    assert seen["page coverage"] is WARN
    assert {name for name in seen if name.startswith("rows ")} == {
        "rows OccupancyCoverage",
        "rows Instrument",
    }


@pytest.mark.parametrize(
    ("off", "verdict", "words"),
    [
        (datetime.timedelta(seconds=-40), OK, "agree"),
        (datetime.timedelta(seconds=-90), WARN, "1.5 minutes behind"),
        (datetime.timedelta(seconds=90), WARN, "1.5 minutes ahead"),
        (DAY + datetime.timedelta(hours=1), FAIL, "1.0 days ahead"),
        (-2 * DAY, FAIL, "2.0 days behind"),
    ],
)
def test_a_clock_that_is_off_is_told_with_its_size(off, verdict, words):
    now = system_clock().replace(microsecond=0)
    finding = judged_clock(format_datetime(now + off, usegmt=True), now, now)
    assert finding.verdict is verdict
    assert words in finding.en


def test_a_slow_answer_is_no_wrong_clock_and_a_missing_date_is_told():
    now = system_clock()
    dated = format_datetime(now.replace(microsecond=0), usegmt=True)
    late = datetime.timedelta(minutes=3)
    assert judged_clock(dated, now - late, now + late).verdict is OK
    for unreadable in ("", "yesterday"):
        assert judged_clock(unreadable, now, now).verdict is WARN


@pytest.mark.parametrize("systems", [0.03], indirect=True)
@pytest.mark.parametrize(("minutes", "verdict"), [(3, WARN), (3 * 1440, FAIL)])
async def test_a_hub_whose_own_clock_is_off_sees_it_at_a_real_answer(ecnu, minutes, verdict):
    def wrong_clock():
        return system_clock() + datetime.timedelta(minutes=minutes)

    seen = await found(ecnu, wrong_clock)
    assert seen["clock"].verdict is verdict
    assert "behind" in told(seen["clock"])


def certificate(folder, *, host="127.0.0.1", begins=-1, ends=365):
    """A certificate that signs itself; days from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "source")])
    now = system_clock()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now + begins * DAY)
        .not_valid_after(now + ends * DAY)
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@pytest.mark.parametrize(
    ("dates", "is_trusted", "verdict", "words"),
    [
        ({"ends": 365}, True, OK, "ends on"),
        ({"ends": 7}, True, WARN, "in 6 days"),
        ({"begins": -30, "ends": -2}, True, FAIL, "expired"),
        ({"begins": 2}, True, FAIL, "not yet valid"),
        ({}, False, FAIL, "self-signed"),
        ({"host": "127.0.0.2"}, True, FAIL, "mismatch"),
    ],
)
async def test_certificates_are_judged_by_date_chain_and_name(
    source, tmp_path, dates, is_trusted, verdict, words
):
    path = certificate(tmp_path, **dates)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    trusting = ssl.create_default_context(cafile=path) if is_trusted else None

    async def serve(reader, writer):
        while True:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()

    async with loopback_server(serve, server) as port:
        base = f"https://127.0.0.1:{port}/"
        seen = await found(replace(source, connection=HttpConnection(base_url=base, tls=trusting)))
    assert seen["TLS"].verdict is verdict
    assert words in seen["TLS"].en
    if verdict is FAIL:
        told(seen["TLS"])
        assert list(seen) == ["DNS", "TLS"]


def test_the_command_prints_a_line_for_each_finding_and_ends_with_1_where_one_failed(
    tmp_path, monkeypatch, capsys
):
    from hub.cli import main as command_line

    write_sources(tmp_path, [])
    (tmp_path / "gone.toml").write_text(
        'adapter = "ecnu"\nbase_url = "http://127.0.0.1:9/"\nowners = ["moe:10269"]\n', "utf-8"
    )
    (tmp_path / "gone.toml").chmod(0o600)
    monkeypatch.setenv("HUB_SOURCE_SECRETS_DIR", str(tmp_path))
    for words, code in ((("gone",), 1), (("nobody",), 2)):
        monkeypatch.setattr("sys.argv", ["deltahub", "source", "check", *words])
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        assert ended.value.code == code
    out = capsys.readouterr()
    assert "OK    DNS" in out.out
    assert "FAIL  answer" in out.out
    assert "→" in out.out
    assert "no file for nobody" in out.err
