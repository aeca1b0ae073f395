"""`settings`: the facts of one deployment, read once from the environment.

- Only facts of the deployment are settings; sources have their own files (`hub.harvest.config`).
  Secrets are files, never values.
- Every problem is reported at once, with the name of the variable.
- Only the composition root gets this object; parts of the hub get the values that they need.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from hub.errors import SettingsError
from hub.watching.limits import FORMATS, LEVELS
from schema.values import KEY_PATTERN

T = TypeVar("T")

PREFIX = "HUB_"
_ORIGIN = re.compile(r"[a-z0-9][a-z0-9.\-/]{2,120}")
_KEY = re.compile(KEY_PATTERN)
_CONTACT = re.compile(
    r"(mailto:[\w.+\-]{1,64}@[\w\-]+(\.[\w\-]+)+|tel:\+[0-9\-]{5,30}|https://[!-~]{1,500})",
    re.ASCII,
)
_WEB_ORIGIN = re.compile(
    r"(?P<scheme>https?)://(?P<host>[a-z0-9]([a-z0-9\-]{0,61}[a-z0-9])?"
    r"(\.[a-z0-9]([a-z0-9\-]{0,61}[a-z0-9])?){0,15}|\[[0-9a-f:]{2,39}\])(:(?P<port>[1-9][0-9]{0,4}))?"
)
ORIGINS_MAX = 32
_PORTS = range(1, 65536)
_WORKERS = range(1, 65)
_RAW_DAYS = range(91)
_RAW_MIB = range(1, 4_097)
MIB = 2**20
_INTERVAL_S = range(10, 86_401)


def _setting(meaning: str, read: Callable[[str], Any], *, default: Any = None) -> Any:
    return field(default=default, metadata={"meaning": meaning, "read": read})


def _flag(text: str) -> bool:
    known = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
    if text.lower() not in known:
        raise ValueError("is 1 or 0")
    return known[text.lower()]


def _number(allowed: range) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isdigit() or int(text) not in allowed:
            raise ValueError(f"is a number from {allowed.start} to {allowed.stop - 1}")
        return int(text)

    return read


def _seconds(allowed: range) -> Callable[[str], int]:
    def read(text: str) -> int:
        if text.isdecimal() and (int(text) == 0 or int(text) in allowed):
            return int(text)
        raise ValueError(f"is 0 (off) or seconds from {allowed.start} to {allowed.stop - 1}")

    return read


def _url(*schemes: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        try:
            parts = urlsplit(text)
            _ = parts.port  # reading it checks it
        except ValueError as error:
            raise ValueError("is no address: look at its brackets and its port") from error
        if parts.scheme not in schemes:
            raise ValueError(f"is an address that begins with {' or '.join(schemes)}")
        return text

    return read


def _networks(text: str) -> tuple[str, ...]:
    try:
        return tuple(str(ip_network(part.strip())) for part in text.split(","))
    except ValueError as error:
        raise ValueError("lists addresses or networks, such as 10.0.0.5, 10.1.0.0/16") from error


def _keys(text: str) -> tuple[str, ...]:
    keys = tuple(part.strip() for part in text.split(","))
    if not all(_KEY.fullmatch(key) for key in keys):
        raise ValueError("lists keys of institutions, such as moe:10335, uscc:12330000470003281H")
    return keys


def _one_of(*allowed: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in allowed:
            raise ValueError(f"is one of {', '.join(allowed)}")
        return text.lower()

    return read


def _private_listener(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    try:
        address = ip_address(host.strip("[]"))
        number = _number(_PORTS)(port)
    except ValueError as error:
        raise ValueError("is an address and a port, such as 127.0.0.1:9464") from error
    if address.is_unspecified or not address.is_private:
        raise ValueError("is never a public address: name one of this machine or a private network")
    return str(address), number


def _base(text: str) -> str:
    parts = urlsplit(text)
    if f"{parts.scheme}://{parts.netloc}" != text or parts.scheme not in ("http", "https"):
        raise ValueError("is scheme://host[:port] and nothing after it")
    return text


def _origin(text: str) -> str:
    if not _ORIGIN.fullmatch(text):
        raise ValueError("is a name such as hub.example.org/records")
    return text


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(part.strip() for part in text.split(","))
    if len(origins) > ORIGINS_MAX or any(not _is_web_origin(each) for each in origins):
        raise ValueError(
            "lists exact origins as browsers write them, such as https://lab.example.edu.cn "
            "(http only for this machine; no *, no null, no path, no usual port), "
            f"at most {ORIGINS_MAX}"
        )
    return tuple(dict.fromkeys(origins))


def _hook_origins(text: str) -> tuple[str, ...]:
    origins = tuple(part.strip() for part in text.split(","))
    if len(origins) > ORIGINS_MAX or not all(map(_WEB_ORIGIN.fullmatch, origins)):
        raise ValueError(
            "lists exact origins, such as https://hooks.lab.example:8443 or http://10.0.0.7:9000, "
            f"without a path, at most {ORIGINS_MAX}"
        )
    return tuple(dict.fromkeys(origins))


def _is_web_origin(text: str) -> bool:
    match = _WEB_ORIGIN.fullmatch(text)
    if match is None or int(match["port"] or 1) not in _PORTS:
        return False
    is_here = match["host"] in ("localhost", "127.0.0.1", "[::1]")
    usual = {"https": "443", "http": "80"}[match["scheme"]]
    return match["port"] != usual and (match["scheme"] == "https" or is_here)


def _contact(text: str) -> str:
    if not _CONTACT.fullmatch(text):
        raise ValueError("is mailto:somebody@example.org, tel:+86-… or an https:// address")
    return text


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """The settings of one hub; each is the variable `HUB_` + its name in capitals."""

    database_url: str | None = _setting(
        "PostgreSQL 15 or newer; without it the hub starts its own in the data folder",
        _url("postgresql"),
    )
    redis_url: str | None = _setting(
        "Redis or Valkey for what several workers share; without it they start their own in the "
        "data folder",
        _url("redis", "rediss", "unix"),
    )
    data_dir: Path = _setting(
        "folder of keys, of the last checkpoints and of the hub's own PostgreSQL and Valkey",
        Path,
        default=Path(".hub"),
    )
    public_base: str | None = _setting(
        "address under which callers reach the hub; tokens and signatures are bound to it; "
        "without it http:// with host and port",
        _base,
    )
    host: str = _setting("address to listen on", str, default="127.0.0.1")
    port: int = _setting("port to listen on", _number(_PORTS), default=8000)
    workers: int = _setting("worker processes", _number(_WORKERS), default=1)
    trusted_proxies: tuple[str, ...] = _setting(
        "addresses or networks, with commas between them, of the proxies whose X-Forwarded-For is "
        "believed; without it none is, and everybody behind a proxy is one caller",
        _networks,
        default=(),
    )
    log_origin: str = _setting(
        "name of the transparency log; another name lets this log stand still and begins a new one",
        _origin,
        default="hub.delta.example/records",
    )
    log_key_file: Path | None = _setting(
        "private Ed25519 key of the log (PKCS #8 PEM), another one for each log; "
        "made in the data folder when not set",
        Path,
    )
    token_key_file: Path | None = _setting(
        "private P-256 key that signs tokens and answers; made in the data folder when not set",
        Path,
    )
    sandbox: bool = _setting(
        "sandbox mode: the explorer may register clients from this machine", _flag, default=False
    )
    anonymous: bool = _setting(
        "callers without a token may read public (L1) items through registered documents",
        _flag,
        default=False,
    )
    source_secrets_dir: Path | None = _setting(
        "folder with one file per source that holds its credentials", Path
    )
    harvest_interval_s: int | None = _setting(
        "seconds after which every list of each source is harvested again, 10 to 86400, in place "
        "of the schedules that its feeds have; 0: only `deltahub harvest` does it",
        _seconds(_INTERVAL_S),
    )
    contact: str | None = _setting(
        "where to report a weakness: mailto:, tel: or https: address, published in "
        "/.well-known/security.txt; without it there is no such file",
        _contact,
    )
    socket: Path | None = _setting(
        "UNIX socket to listen on, in place of host and port, for a proxy on this machine: its "
        "Client-Cert and X-Forwarded-For are believed (docs/operators/certificates.md)",
        Path,
    )
    identity_providers: Path | None = _setting(
        "file that lists the providers at which people of institutions sign in "
        "(docs/operators/oidc.md)",
        Path,
    )
    voucher_issuers: tuple[str, ...] = _setting(
        "keys, with commas between them, of the departments whose vouchers' money this hub keeps; "
        "what others granted their own systems keep (docs/operators/vouchers.md)",
        _keys,
        default=(),
    )
    law_dir: Path | None = _setting(
        "folder of *.toml files with values of the law that do not ship, such as the rates of this "
        "region, each with its paper; read when the hub starts (docs/operators/law.md)",
        Path,
    )
    claim_keys_file: Path | None = _setting(
        "file of the keys under which hubs compare fingerprints of claims on vouchers, the same at "
        "each of them (docs/operators/vouchers.md)",
        Path,
    )
    database_owner_url: str | None = _setting(
        "the database of HUB_DATABASE_URL under the role that owns its tables: for migrations and "
        "restoring only; without it HUB_DATABASE_URL does them",
        _url("postgresql"),
    )
    database_read_url: str | None = _setting(
        "the database of HUB_DATABASE_URL under a role that may only read: for answers; without it "
        "HUB_DATABASE_URL gives them",
        _url("postgresql"),
    )
    log_level: str = _setting(
        f"least level that is logged: {', '.join(LEVELS)}", _one_of(*LEVELS), default="info"
    )
    log_format: str | None = _setting(
        f"{' or '.join(FORMATS)}; without it text on a terminal and JSON lines elsewhere",
        _one_of(*FORMATS),
    )
    metrics_listen: tuple[str, int] | None = _setting(
        "address and port for /metrics, such as 127.0.0.1:9464: of this machine or of a private "
        "network; worker n listens n ports above it; without it there are none",
        _private_listener,
    )
    traces_url: str | None = _setting(
        "collector that gets OpenTelemetry spans (OTLP over HTTP), such as "
        "http://127.0.0.1:4318/v1/traces; without it there are none",
        _url("http", "https"),
    )
    cors_origins: tuple[str, ...] = _setting(
        "origins of web pages, with commas between them, that may read answers, such as "
        "https://lab.example.edu.cn; without it no page of another origin may",
        _origins,
        default=(),
    )
    webhook_origins: tuple[str, ...] = _setting(
        "origins of webhooks, with commas between them, that may be called although they are not "
        "public or not usual, such as https://hooks.lab.example:8443 of this network; without it "
        "only https at port 443 of public addresses (docs/operators/webhooks.md)",
        _hook_origins,
        default=(),
    )
    raw_days: int = _setting(
        "days for which documents of harvested sources are kept as they came, without what is "
        "personal, to read them again after an adapter was mended; 0 to 90, 0: none",
        _number(_RAW_DAYS),
        default=7,
    )
    raw_mib: int = _setting(
        "how much of such documents is kept of one source, in MiB, deflated",
        _number(_RAW_MIB),
        default=64,
    )

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read the settings; raise `SettingsError` that lists every problem."""
        known = {PREFIX + f.name.upper(): f for f in fields(cls)}
        problems = [
            f"{name} is no setting"
            for name in environment
            if name.startswith(PREFIX) and name not in known and not name.startswith("HUB_TEST_")
        ]
        values: dict[str, Any] = {}
        for name, declared in known.items():
            text = environment.get(name)
            if not text:
                continue
            try:
                values[declared.name] = declared.metadata["read"](text)
            except ValueError as error:
                problems.append(f"{name} {error}")
        if "socket" in values and "public_base" not in values:
            problems.append("HUB_SOCKET needs HUB_PUBLIC_BASE: the proxy's address, https://…")
        if problems:
            raise SettingsError(problems)
        return cls(**values)

    @classmethod
    def documentation(cls) -> list[tuple[str, str, str]]:
        """Return name, default and meaning of every setting."""
        return [
            (
                PREFIX + f.name.upper(),
                "" if f.default in (None, False, ()) else str(f.default),
                f.metadata["meaning"],
            )
            for f in fields(cls)
        ]

    @property
    def base(self) -> str:
        """The public address."""
        return self.public_base or f"http://{self.host}:{self.port}"

    @property
    def token_key(self) -> Path:
        """The file of the private key for tokens and answers."""
        return self.token_key_file or self.data_dir / "keys" / "token.pem"
