"""`addresses`: to which addresses a webhook may lead; pure but for `is_own`.

A client names a URL and the hub calls it: without care it would call what only the hub can reach
(server-side request forgery, OWASP). So only https at port 443 of public addresses is called. The
operator may list exact origins for which that does not hold (`HUB_WEBHOOK_ORIGINS`).
"""

from __future__ import annotations

import re
import socket
from collections.abc import Collection
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from hub.errors import ErrorCode, RefusedError
from hub.exchange.webhooks.limits import URL_CHARACTERS_MAX

_URL = re.compile(r"https?://[!-~]+")
_LABEL = r"[a-z0-9]([a-z0-9\-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?=.{{1,253}}\Z)({_LABEL}\.)*{_LABEL}|\[[0-9a-f:.]{{2,45}}\]")
"""A name of labels that a resolver can look up (RFC 1123 §2.1), or an IPv6 address."""
_PORTS = {"https": 443, "http": 80}
_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
"""Networks whose addresses stand for IPv4 addresses (RFC 6052, RFC 8215)."""


@dataclass(frozen=True, slots=True)
class WebhookTarget:
    """Where a URL leads before its name is looked up. `host` has no brackets."""

    scheme: str
    host: str
    port: int
    path: str
    """Path and query."""
    is_listed: bool
    """Whether the operator has listed its origin."""

    @property
    def authority(self) -> str:
        """Return host and port as they stand in a URL and in `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def target_of(url: str, listed: Collection[str]) -> WebhookTarget:
    """Return where a URL leads; RefusedError BAD_USER_INPUT for one that is never called."""
    try:
        parts = urlsplit(url)
        host, port = parts.netloc.rpartition("@")[2], parts.port
    except ValueError as error:
        raise _refused("it is no address", "不是合法地址") from error
    if len(url) > URL_CHARACTERS_MAX or not _URL.fullmatch(url) or parts.fragment:
        raise _refused("it is a plain https address", "须为不含片段的 https 地址")
    name = host.removesuffix(f":{port}") if port is not None else host
    if "@" in parts.netloc or not _HOST.fullmatch(name):
        raise _refused("its host is a name in lower case", "主机名须为小写，不含用户名")
    usual = _PORTS[parts.scheme]
    origin = f"{parts.scheme}://{name}" + (f":{port}" if port not in (None, usual) else "")
    is_listed = origin in listed
    if not is_listed and (parts.scheme != "https" or port not in (None, usual)):
        raise _refused("https at port 443 is called", "只投递到 443 端口的 https 地址")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    bare = name.strip("[]")
    if not is_listed and _is_literal(bare) and not is_public(bare):
        raise _refused("its address is not public", "地址不是公网地址")
    return WebhookTarget(parts.scheme, bare, port or usual, path, is_listed)


def is_public(text: str) -> bool:
    """Whether an address belongs to the public internet, whatever form it is written in."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    return all(_is_public(each) for each in _meanings(address))


def is_own(text: str) -> bool:
    """Whether an address is one of this machine: only on such a one can a socket be bound."""
    address = text.partition("%")[0]
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def _is_literal(host: str) -> bool:
    """Whether a host is an address, or is read as one by a resolver (0x7f.1, 2130706433)."""
    last = host.rpartition(".")[2]
    return ":" in host or last.isdigit() or last.startswith("0x")


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified
    )


def _meanings(address: IPv4Address | IPv6Address) -> list[IPv4Address | IPv6Address]:
    """Return an address with the IPv4 addresses that it leads to."""
    found: list[IPv4Address | IPv6Address] = [address]
    if isinstance(address, IPv4Address):
        return found
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address.sixtofour is not None:
        found.append(address.sixtofour)
    found += address.teredo or ()
    if any(address in network for network in _NAT64):
        found.append(IPv4Address(int(address) & 0xFFFFFFFF))
    return found


def _refused(en: str, zh: str) -> RefusedError:
    return RefusedError(ErrorCode.BAD_USER_INPUT, hint=f"url: {en}.", hint_zh=f"url：{zh}。")
