"""`unreachable`: why an address did not answer, in words and with the address that was asked."""

from __future__ import annotations

import httpx

from hub.client.errors import HubUnreachableError

__all__ = ["unreachable"]

WORDS: tuple[tuple[type[Exception], str, str], ...] = (
    (
        httpx.UnsupportedProtocol,
        "地址应以 https:// 或 http:// 开头",
        "the address begins with https:// or http://",
    ),
    (httpx.InvalidURL, "不是网址", "it is no address"),
    (httpx.ConnectTimeout, "连接超时", "no connection was made in time"),
    (httpx.TimeoutException, "没有及时应答", "it did not answer in time"),
    (httpx.ConnectError, "无法建立连接", "no connection can be made"),
    (
        httpx.RemoteProtocolError,
        "应答不是 HTTP（是否应为 https://？）",
        "what answers is not HTTP (should it be https://?)",
    ),
    (httpx.HTTPStatusError, "应答的不是枢纽", "what answers is not a hub"),
    (ValueError, "应答无法识别", "its answer cannot be read"),
    (httpx.TransportError, "连接中断", "the connection broke"),
)


def unreachable(address: str, error: Exception) -> HubUnreachableError:
    """Return the error for an address that did not answer as a hub does."""
    for kind, zh, en in WORDS:
        if isinstance(error, kind):
            status = ""
            if isinstance(error, httpx.HTTPStatusError):
                status = f" ({error.response.status_code})"
            return HubUnreachableError(f"{address}{status}: {zh} {en}")
    return HubUnreachableError(f"{address}: 无法访问 it cannot be reached")
