"""`checkup`: checks the connection of a partner to a hub, step by step; `deltahub doctor` shows it.

Each step gives one line: the result, and what to do if something is wrong. A failed step on which
others depend ends the checkup.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx

from hub.client.errors import ClientError, HubUnreachableError
from hub.client.hub_client import HubClient
from hub.client.network import unreachable
from hub.client.profile import Profile
from hub.client.token import server_clock_difference
from hub.clock import Clock

TIMEOUT_S = 10.0
LIMIT_S = 60.0
"""Longest checkup, in seconds."""
SKEW_WARN_S = 5.0
"""A clock that is off by more (seconds) is reported; the client corrects its times by itself."""
READ = "catalogue:read"
PUSH = "records:push"
FOLLOW = "changes:read"
PROBE_KEY = "doctor-0000"


@dataclass(frozen=True, slots=True)
class CheckupFinding:
    """The result of one step; `advice` is empty when nothing is wrong."""

    step: str
    result: str
    advice: str = ""
    ends: bool = False
    """Nothing further can be checked."""

    @property
    def is_well(self) -> bool:
        """Whether nothing needs to be done."""
        return not self.advice


@dataclass(frozen=True, slots=True)
class Questions:
    """Registered documents, which need no scope of their own: one asks `me`, one for `sources`."""

    me: str
    sources: str


async def check_up(
    profile: Profile, questions: Questions, clock: Clock, source: str | None = None
) -> AsyncIterator[CheckupFinding]:
    """Check address, clock, key, token, scopes, one query, one dry-run push.

    The push is tried for `source`, or for the first that the client may push as.
    """
    async for finding in _address_and_clock(profile, clock):
        yield finding
        if finding.ends:
            return
    try:
        client = profile.client()
    except ClientError as error:
        yield CheckupFinding("key 密钥", error.message, error.advice, ends=True)
        return
    yield CheckupFinding("key 密钥", f"{profile.key}, {client.key.kid}")
    async with client:
        try:
            await client.token()
        except ClientError as error:
            yield CheckupFinding("token 令牌", _told(error), error.advice, ends=True)
            return
        yield CheckupFinding("token 令牌", "granted and bound to the key")
        async for finding in _calls(client, questions, source):
            yield finding


async def _address_and_clock(profile: Profile, clock: Clock) -> AsyncIterator[CheckupFinding]:
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT_S) as http:
            answer = await http.get(f"{profile.hub}/healthz")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        message = unreachable(profile.hub, error).message
        yield CheckupFinding("address 地址", message, "check address, network and proxy", ends=True)
        return
    if answer.status_code not in (httpx.codes.OK, httpx.codes.SERVICE_UNAVAILABLE):
        message = f"{profile.hub} answers {answer.status_code}"
        yield CheckupFinding(
            "address 地址", message, "this is not a hub: check the address", ends=True
        )
        return
    well = answer.status_code == httpx.codes.OK
    advice = "" if well else "the hub itself is not well: tell its operator, or wait"
    yield CheckupFinding("address 地址", f"{profile.hub} {answer.text.strip()}", advice)
    skew = server_clock_difference(answer, clock()).total_seconds()
    far = abs(skew) > SKEW_WARN_S
    advice = "set this machine's clock (NTP); signatures and proofs carry the time" if far else ""
    yield CheckupFinding("clock 时钟", f"the hub is {skew:+.0f} s from this machine", advice)


async def _calls(
    client: HubClient, questions: Questions, source: str | None
) -> AsyncIterator[CheckupFinding]:
    try:
        me = (await client.query(questions.me))["data"]["me"]
    except (ClientError, KeyError) as error:
        yield CheckupFinding(
            "query 查询", f"who am I: {error}", "show this to the operator", ends=True
        )
        return
    scopes: list[str] = me["scopes"]
    yield CheckupFinding("scopes 权限", f"{me['clientId']} for {me['party']}: {' '.join(scopes)}")
    if READ in scopes:
        yield _query_finding(await client.query(questions.sources))
    if FOLLOW in scopes:
        yield await _webhooks(client)
    if PUSH not in scopes:
        return
    push_source = source or next(iter(me["sources"]), None)
    if push_source is None:
        yield CheckupFinding("push 推送", "no source to push as", "ask the operator for one")
        return
    yield await _dry_push(client, push_source)


async def _webhooks(client: HubClient) -> CheckupFinding:
    """Look whether the hub still delivers to the client's webhooks."""
    step = "webhooks 变更推送"
    try:
        answer = await client.relay("GET", "/clients/self/webhooks", {}, b"")
    except ClientError as error:
        return CheckupFinding(step, _told(error), error.advice)
    if answer.status_code != httpx.codes.OK:
        return CheckupFinding(step, f"HTTP {answer.status_code}", "show this to the operator")
    webhooks = answer.json()["webhooks"]
    ill = [each for each in webhooks if each["state"] != "ACTIVE" or each["fault"]]
    told = "; ".join(
        f"{each['webhookId']} {each['state']} {each['fault'] or ''}".strip() for each in ill
    )
    return CheckupFinding(step, f"{len(webhooks)}{': ' if ill else ''}{told}", _to_do(ill))


def _to_do(ill: list[dict[str, Any]]) -> str:
    """Return what to do about webhooks that get nothing, or not everything."""
    if not ill:
        return ""
    if any(each["state"] == "STOPPED" for each in ill):
        return "mend what the hub calls, then POST /clients/self/webhooks/{id}/replay starts it"
    if any(each["state"] == "PENDING" for each in ill):
        return "POST /clients/self/webhooks/{id}/challenge, and answer what it sends"
    if any(each["fault"] in ("FORBIDDEN", "SCOPE_MISSING") for each in ill):
        return f"it waits for rights: ask the operator for {FOLLOW}, or register it anew"
    return "mend what the hub calls: it is tried again by itself"


def _query_finding(answer: dict[str, Any]) -> CheckupFinding:
    if answer.get("errors"):
        code = answer["errors"][0]["extensions"]["code"]
        return CheckupFinding("query 查询", code, "see docs/errors.md")
    sources = answer["data"]["sources"]
    late = [source["id"] for source in sources if source["status"] != "OK"]
    message = f"{len(sources)} sources, not fresh: {', '.join(late) or 'none'}"
    return CheckupFinding("query 查询", message)


async def _dry_push(client: HubClient, source: str) -> CheckupFinding:
    """Push an empty row as a dry run: it is signed, checked and refused, and nothing is written."""
    row = {"type": "Instrument", "record": {"localNo": PROBE_KEY}}
    try:
        answer = await client.push([row], source=source, dry_run=True)
    except ClientError as error:
        return CheckupFinding("push 推送", _told(error), error.advice)
    problems = answer.body["rows"][0].get("problems", [])
    message = (
        f"{source}: signature accepted; the empty probe row was refused with "
        f"{len(problems)} reasons, nothing was written"
    )
    return CheckupFinding("push 推送", message)


def _told(error: ClientError) -> str:
    """Return what happened: a code that can be looked up, or in words why nothing was reached."""
    return error.message if isinstance(error, HubUnreachableError) else error.code


async def collect(
    profile: Profile, questions: Questions, clock: Clock, source: str | None = None
) -> list[CheckupFinding]:
    """Return every finding, within `LIMIT_S` seconds."""
    async with asyncio.timeout(LIMIT_S):
        return [finding async for finding in check_up(profile, questions, clock, source)]
