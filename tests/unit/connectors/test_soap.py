"""SOAP: the dirt of real answers, and hostile XML."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from connectors.errors import (
    BadRequestError,
    ConnectorError,
    PayloadError,
    SlowError,
    SourceRefusedError,
    SourceUnavailableError,
)
from connectors.http.session import HttpSession
from connectors.limits import Limits
from connectors.paging import WholeList
from connectors.soap import SoapList, SoapService
from connectors.soap_envelope import SOAP_11
from connectors.wsdl import wsdl

NAMESPACE = "urn:test:lists"
WSDL = wsdl(NAMESPACE, {"list": {"insCode": "string"}}, "http://service.test/")
LIST = SoapList(path="s", wsdl=WSDL, operation="list", paging=WholeList(), fixed={"insCode": "a&b"})
CODED = SoapList(
    path="s",
    wsdl=WSDL,
    operation="list",
    paging=WholeList(),
    items_at="list",
    code_at="code",
    accepted=("100",),
)


def envelope(content: str, text: str = "") -> str:
    inner = content or (
        f"<r:listResponse xmlns:r='{NAMESPACE}'><return><![CDATA[{text}]]></return>"
        "</r:listResponse>"
    )
    return f"<s:Envelope xmlns:s='{SOAP_11}'><s:Body>{inner}</s:Body></s:Envelope>"


ROWS = json.dumps({"results": [{"name": "电镜"}]}, ensure_ascii=False)
SOUND = envelope("", ROWS)


def session(
    answer: Callable[[httpx.Request], httpx.Response], limits: Limits | None = None
) -> HttpSession:
    async def pause(_: float) -> None:
        return None

    client = httpx.AsyncClient(
        transport=httpx.MockTransport(answer), base_url="https://source.test/api/", trust_env=False
    )
    return HttpSession("source", client, limits or Limits(), pause=pause, chance=lambda: 1.0)


async def read(
    content: bytes | str,
    status: int = 200,
    kind: str = "text/xml; charset=utf-8",
    limits: Limits | None = None,
    reader: SoapList = LIST,
) -> list[Any]:
    body = content.encode() if isinstance(content, str) else content

    def answer(_: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers={"content-type": kind}, content=body)

    talk = session(answer, limits)
    return [row async for document in reader.read(talk) for row in document.rows]


@pytest.mark.parametrize(
    "text",
    [
        SOUND,
        f"<?xml version='1.0' encoding='UTF-8'?>\n{SOUND}",
        f"\ufeff<?xml version='1.0'?>{SOUND}",
        f"Notice: undefined index in /srv/x.php on line 3<br/>\n{SOUND}\n<!-- 0.01 s -->",
        f"--part\r\nContent-Type: text/xml\r\n\r\n{SOUND}\r\n--part--",
        SOUND.replace("<s:", "<SOAP-ENV:")
        .replace("</s:", "</SOAP-ENV:")
        .replace(":s=", ":SOAP-ENV="),
        SOUND.replace("</s:Envelope>", "</s:Envelope \n>"),
    ],
)
async def test_the_envelope_is_cut_out_of_what_stands_around_it(text: str) -> None:
    assert await read(text) == [{"name": "电镜"}]


async def test_the_question_is_what_the_wsdl_says() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=SOUND.encode())

    assert [each.rows async for each in LIST.read(session(answer))] == [({"name": "电镜"},)]
    (request,) = asked
    assert (request.method, str(request.url)) == ("POST", "https://source.test/api/s")
    assert request.headers["soapaction"] == '""'
    assert b"<insCode>a&amp;b</insCode>" in request.content


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (f"<?xml version='1.0' encoding='GBK'?>{SOUND}".encode("gbk"), "text/xml"),
        (SOUND.encode("gbk"), "text/xml; charset=GB2312"),
        (SOUND.encode("gbk"), 'text/xml; charset="gbk"'),
        (f"<?xml version='1.0' encoding='GBK'?>{SOUND}".encode(), "text/xml"),
        (SOUND.encode(), "text/xml; charset=ISO-8859-1"),
        (SOUND.encode(), "text/xml; charset=GBK"),
        (f"<?xml version='1.0' encoding='UTF-16'?>{SOUND}".encode("utf-16"), "text/xml"),
        (SOUND.encode(), "text/xml; charset=nonsense"),
    ],
)
async def test_the_charset_is_what_the_bytes_prove(raw: bytes, kind: str) -> None:
    assert await read(raw, kind=kind) == [{"name": "电镜"}]


@pytest.mark.parametrize(
    ("raw", "kind", "words"),
    [
        (SOUND.encode("gbk"), "text/xml; charset=utf-8", "byte .* is not utf-8"),
        (SOUND.encode("gbk"), "text/xml", "byte .* is not utf-8"),
        (SOUND.encode("gbk"), "text/xml; charset=ISO-8859-1", "iso-8859-1"),
        (
            f"<?xml version='1.0' encoding='GBK'?>{SOUND}".encode("gbk"),
            "text/xml; charset=utf-8",
            "gbk, utf-8",
        ),
        (SOUND.replace("电镜", "Größe").encode("latin-1"), "text/xml; charset=latin-9", "latin-9"),
    ],
)
async def test_a_charset_that_the_bytes_deny_is_refused(raw: bytes, kind: str, words: str) -> None:
    with pytest.raises(PayloadError, match=words) as caught:
        await read(raw, kind=kind)
    assert caught.value.hint


def bomb() -> str:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    return f'<!DOCTYPE x [<!ENTITY e0 "ha">{entities}]>' + envelope("", "&e9;")


HOSTILE = {
    "a bomb of entities": bomb(),
    "an external entity": '<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>'
    + envelope("<a>&f;</a>"),
    "an external entity, in parameters": '<!DOCTYPE x [<!ENTITY % f SYSTEM "http://x.test/">%f;]>'
    + SOUND,
    "a document type alone": f"<!DOCTYPE x SYSTEM 'http://x.test/x.dtd'>{SOUND}",
    "a document type in small letters": f"<!doctype x>{SOUND}",
    "an entity nobody declared": envelope("<a>&f;</a>"),
    "a document type within": envelope("<!DOCTYPE x [<!ENTITY e 'x'>]><a>&e;</a>"),
    "great depth": envelope("<a>" * 5_000 + "</a>" * 5_000),
    "some depth": envelope("<a>" * 80 + "</a>" * 80),
    "two envelopes": SOUND + SOUND,
    "no end": SOUND[:-12],
    "no end, and text": SOUND[:-5],
    "another namespace": SOUND.replace(SOAP_11, "urn:none"),
    "an include": envelope(
        "<i:include xmlns:i='http://www.w3.org/2001/XInclude' href='file:///etc/passwd'/>"
    ),
    "no answer": envelope("<other/>"),
    "nothing inside": envelope(" "),
    "an answer of another operation": SOUND.replace("listResponse", "otherResponse"),
    "no JSON": envelope("", "{nonsense"),
    "JSON with a member twice": envelope("", '{"results": [], "results": []}'),
    "a number of no JSON": envelope("", '{"results": [{"a": NaN}]}'),
    "deep JSON": envelope("", "[" * 100_000),
    "an empty text": envelope("", ""),
    "null bytes": SOUND.replace("电镜", "\0"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_xml_is_refused(name: str) -> None:
    with pytest.raises(PayloadError) as caught:
        await read(HOSTILE[name])
    assert "root:" not in str(caught.value)


async def test_many_small_elements_are_counted_while_they_come() -> None:
    with pytest.raises(PayloadError, match="too many elements"):
        await read(envelope("<a/>" * 2_000), limits=Limits(xml_elements_max=1_000))


async def test_a_login_page_with_status_200_is_told_as_one() -> None:
    with pytest.raises(PayloadError, match="HTML"):
        await read("<!DOCTYPE html><html><form>请登录</form></html>", kind="text/html")


SECRET = "s3cret-of-the-header"


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("s:Client", BadRequestError),
        ("s:Server", SourceUnavailableError),
        ("s:Server.Busy", SourceUnavailableError),
        ("wsse:FailedAuthentication", SourceRefusedError),
        ("s:Client.AuthenticationFailure", SourceRefusedError),
        ("", BadRequestError),
        (f"{SECRET} <b>", BadRequestError),
    ],
)
@pytest.mark.parametrize("status", [200, 500])
async def test_a_fault_is_told_by_its_code_and_not_by_its_words(
    code: str, error: type[ConnectorError], status: int
) -> None:
    said = code.replace("<", "&lt;")
    fault = f"<s:Fault><faultcode>{said}</faultcode><faultstring>{SECRET}</faultstring></s:Fault>"
    with pytest.raises(error, match="SOAP fault") as caught:
        await read(envelope(fault), status=status)
    assert SECRET not in str(caught.value)


async def test_an_error_page_with_status_500_may_be_asked_again() -> None:
    with pytest.raises(SourceUnavailableError, match="500"):
        await read("<html>error</html>", status=500, kind="text/html")


async def test_a_service_that_is_away_for_a_moment_is_asked_again_if_nothing_changes() -> None:
    fault = envelope("<s:Fault><faultcode>s:Server</faultcode></s:Fault>")
    for is_safe, times in ((True, 3), (False, 1)):
        asked = []

        def answer(request: httpx.Request, asked: list[Any] = asked) -> httpx.Response:
            asked.append(request)
            return httpx.Response(500, content=fault.encode())

        service = SoapService(path="s", wsdl=WSDL)
        with pytest.raises(SourceUnavailableError):
            await service.call(session(answer), "list", {}, is_safe=is_safe)
        assert len(asked) == times


@pytest.mark.parametrize(
    ("error", "was_sent"),
    [
        (httpx.ConnectError("no"), False),
        (httpx.ConnectTimeout("no"), False),
        (httpx.PoolTimeout("no"), False),
        (httpx.ReadError("cut"), True),
        (httpx.ReadTimeout("late"), True),
        (httpx.RemoteProtocolError("hung up"), True),
        (httpx.WriteError("cut"), True),
    ],
)
async def test_whether_a_call_can_have_arrived_is_told(error: Exception, was_sent: bool) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    service = SoapService(path="s", wsdl=WSDL)
    with pytest.raises((SourceUnavailableError, SlowError)) as caught:
        await service.call(session(answer), "list", {}, is_safe=False)
    assert caught.value.was_sent is was_sent


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ('{"code": "200", "list": []}', "code 200"),
        ('{"code": 200, "list": []}', "code 200"),
        ('{"list": []}', "no 'code'"),
        (f'{{"code": "{SECRET} {SECRET}", "list": []}}', "code of no form"),
    ],
)
async def test_a_list_under_a_code_of_failure_is_none(answer: str, words: str) -> None:
    with pytest.raises(PayloadError, match=words) as caught:
        await read(envelope("", answer), reader=CODED)
    assert SECRET not in str(caught.value)


async def test_the_accepted_code_gives_the_list() -> None:
    assert await read(envelope("", '{"code": 100, "list": [{"a": 1}]}'), reader=CODED) == [{"a": 1}]


async def test_a_schema_that_refers_elsewhere_fetches_nothing() -> None:
    elsewhere = WSDL.replace(
        "<wsdl:types>",
        "<wsdl:import namespace='urn:x' location='http://127.0.0.1:9/x.wsdl'/><wsdl:types>",
    )
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=SOUND.encode())

    reader = SoapList(path="s", wsdl=elsewhere, operation="list", paging=WholeList())
    with pytest.raises(PayloadError, match="WSDL"):
        [each async for each in reader.read(session(answer))]
    assert asked == []
