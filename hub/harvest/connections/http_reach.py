"""`http_reach`: the way to a source over HTTP: its name, its certificate, its clock.

- The certificate is looked at as the hub's own client would: same authorities, same name. What is
  wrong with one is told with its dates, which are read without trusting it.
- The clock is that of the Date header (RFC 9110 section 6.6.1), of any answer, also of a refusal.
  What lies between asking and answering is not counted against it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from ipaddress import ip_address

import httpx
from cryptography import x509

from connectors.errors import ConnectorError
from connectors.http.transport import open_client
from connectors.limits import Limits
from hub.clock import Clock
from hub.harvest.connections.finding import CheckVerdict, SourceFinding
from hub.harvest.limits import CERTIFICATE_WARN_DAYS, CLOCK_FAIL_S, CLOCK_WARN_S

__all__ = ["reach_http"]

PORTS = {"http": 80, "https": 443}
EXPIRED, NOT_YET, SELF_SIGNED, SELF_SIGNED_ABOVE, NO_ISSUER, NO_FIRST, NAME = (
    10,
    9,
    18,
    19,
    20,
    21,
    62,
)
"""`X509_V_ERR_…` of OpenSSL."""
_ADVICE = {
    EXPIRED: ("请来源运维更新证书", "ask the operator of the source to renew the certificate"),
    NOT_YET: (
        "证书尚未生效：核对本机与来源的时钟",
        "the certificate is not valid yet: compare the clocks of both sides",
    ),
    SELF_SIGNED: (
        "自签证书：请来源改用受信机构签发的证书",
        "a self-signed certificate: ask for one of an authority that is trusted here",
    ),
    NAME: (
        "证书不属于该主机名：核对 base_url",
        "the certificate is of another name: compare base_url with it",
    ),
}
_ADVICE_CHAIN = (
    "证书链不完整或签发机构不受信任：请来源同时发送中间证书，或在本机系统中加入该机构",
    "the chain is not complete or its authority is not trusted: the source should send the "
    "intermediate certificates, or its authority be added to this system",
)


async def reach_http(
    base_url: str, tls: ssl.SSLContext | None, limits: Limits, clock: Clock
) -> AsyncIterator[SourceFinding]:
    """Yield name, certificate and clock; end after the first that failed."""
    url = httpx.URL(base_url)
    steps = [_name(url, limits)]
    if url.scheme == "https":
        steps.append(_certificate(url, tls, limits, clock))
    steps.append(_clock(url, tls, limits, clock))
    has_failed = False
    for step in steps:
        if has_failed:
            step.close()
            continue
        finding = await step
        yield finding
        has_failed = finding.verdict is CheckVerdict.FAIL and finding.about != "clock"
    if not has_failed and url.scheme == "http" and not _is_here(url.host):
        yield SourceFinding(
            about="TLS",
            verdict=CheckVerdict.WARN,
            zh="未加密：凭据与数据明文传输",
            en="not encrypted: credentials and data can be read on the way",
            to_do=("请来源提供 https 地址", "ask the source for an https address"),
        )


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _port(url: httpx.URL) -> int:
    return url.port or PORTS[url.scheme]


async def _name(url: httpx.URL, limits: Limits) -> SourceFinding:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(limits.connect_s):
            found = await loop.getaddrinfo(url.host, _port(url))
    except (OSError, TimeoutError, UnicodeError) as error:
        return SourceFinding(
            about="DNS",
            verdict=CheckVerdict.FAIL,
            zh=f"{url.host} 无法解析",
            en=f"{url.host} has no address: {str(error) or 'no answer in time'}",
            to_do=(
                "核对 base_url 的主机名与本机的 DNS",
                "compare the host in base_url, and the name servers of this machine",
            ),
        )
    addresses = ", ".join(sorted({str(each[4][0]) for each in found}))
    return SourceFinding(
        about="DNS", verdict=CheckVerdict.OK, zh=addresses, en=f"{url.host}: {addresses}"
    )


async def _certificate(
    url: httpx.URL, tls: ssl.SSLContext | None, limits: Limits, clock: Clock
) -> SourceFinding:
    context = tls or httpx.create_ssl_context(trust_env=True)
    try:
        certificate = await _presented(url, context, limits)
    except ssl.SSLCertVerificationError as error:
        return await _refused(url, error, limits)
    except (OSError, TimeoutError, ssl.SSLError) as error:
        return SourceFinding(
            about="TLS",
            verdict=CheckVerdict.FAIL,
            zh=f"{url.host}:{_port(url)} 无法建立加密连接",
            en=f"no TLS with {url.host}:{_port(url)}: {str(error) or 'no answer in time'}",
            to_do=(
                "核对端口与防火墙；确认对方讲 https",
                "compare port and firewall, and that the other side speaks https",
            ),
        )
    left = certificate.not_valid_after_utc - clock()
    ends = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
    if left < timedelta(days=CERTIFICATE_WARN_DAYS):
        return SourceFinding(
            about="TLS",
            verdict=CheckVerdict.WARN,
            zh=f"证书 {ends} 到期，剩 {left.days} 天",
            en=f"the certificate ends on {ends}, in {left.days} days",
            to_do=_ADVICE[EXPIRED],
        )
    return SourceFinding(
        about="TLS",
        verdict=CheckVerdict.OK,
        zh=f"证书链受信，{ends} 到期",
        en=f"chain and name are trusted; it ends on {ends}",
    )


async def _refused(
    url: httpx.URL, error: ssl.SSLCertVerificationError, limits: Limits
) -> SourceFinding:
    """Say what is wrong with a certificate, with its dates and its name."""
    dates = ""
    try:
        shown = await _presented(url, _trusting_nobody(), limits)
        begin, end = shown.not_valid_before_utc, shown.not_valid_after_utc
        dates = f" ({shown.subject.rfc4514_string()}, {begin:%Y-%m-%d} - {end:%Y-%m-%d})"
    except (OSError, TimeoutError, ValueError):
        pass  # the first failure is the finding
    return SourceFinding(
        about="TLS",
        verdict=CheckVerdict.FAIL,
        zh=f"证书不被接受{dates}",
        en=f"the certificate is refused: {error.verify_message}{dates}",
        to_do=_ADVICE.get(error.verify_code, _ADVICE_CHAIN),
    )


def _trusting_nobody() -> ssl.SSLContext:
    """Return a context that only looks: nothing is sent over what it opens."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def _presented(url: httpx.URL, context: ssl.SSLContext, limits: Limits) -> x509.Certificate:
    async with asyncio.timeout(limits.connect_s + limits.read_s):
        _, writer = await asyncio.open_connection(
            url.host, _port(url), ssl=context, server_hostname=url.host
        )
    try:
        raw = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        return x509.load_der_x509_certificate(raw)
    finally:
        writer.transport.abort()


async def _clock(
    url: httpx.URL, tls: ssl.SSLContext | None, limits: Limits, clock: Clock
) -> SourceFinding:
    client = open_client(str(url), limits=limits, context=tls)
    try:
        async with client:
            before = clock()
            response = await client.send(client.build_request("GET", ""), stream=True)
            after = clock()
            dated = response.headers.get("date", "")
            await response.aclose()
    except (httpx.HTTPError, ConnectorError) as error:
        return SourceFinding(
            about="answer",
            verdict=CheckVerdict.FAIL,
            zh=f"{url.host}:{_port(url)} 没有应答",
            en=f"no answer of {url.host}:{_port(url)}: {error}",
            to_do=(
                "核对端口、防火墙与来源是否在运行",
                "compare port and firewall, and whether the source runs",
            ),
        )
    return judged_clock(dated, before, after)


def judged_clock(dated: str, before: datetime, after: datetime) -> SourceFinding:
    """Judge a Date header that came between two instants of ours."""
    try:
        theirs = parsedate_to_datetime(dated)
    except (ValueError, TypeError):
        return SourceFinding(
            about="clock",
            verdict=CheckVerdict.WARN,
            zh="应答没有可读的 Date，无法比较时钟",
            en="answers have no readable Date: the clocks cannot be compared",
        )
    if theirs.tzinfo is None:
        theirs = theirs.replace(tzinfo=UTC)
    # It has no fractions, and was written at some moment between the two.
    ahead = (theirs - after).total_seconds()
    behind = (before - theirs).total_seconds() - 1
    off = ahead if ahead > 0 else -behind if behind > 0 else 0.0
    if abs(off) <= CLOCK_WARN_S:
        return SourceFinding(
            about="clock", verdict=CheckVerdict.OK, zh="时钟一致", en="the clocks agree"
        )
    words = ("快", "ahead") if off > 0 else ("慢", "behind")
    size = _size(abs(off))
    return SourceFinding(
        about="clock",
        verdict=CheckVerdict.FAIL if abs(off) >= CLOCK_FAIL_S else CheckVerdict.WARN,
        zh=f"来源的时钟比本机{words[0]} {size[0]}",
        en=f"the clock of the source is {size[1]} {words[1]} of ours",
        to_do=(
            "核对两端的 NTP：时间窗口与新旧判断都以时钟为准",
            "compare NTP on both sides: windows of time, and what is newer, go by the clocks",
        ),
    )


def _size(seconds: float) -> tuple[str, str]:
    for size, zh, en in ((86_400, "天", "days"), (3_600, "小时", "hours"), (60, "分钟", "minutes")):
        if seconds >= size:
            return f"{seconds / size:.1f} {zh}", f"{seconds / size:.1f} {en}"
    return f"{seconds:.0f} 秒", f"{seconds:.0f} s"
