"""Hear of changes as they come: the change feed over server-sent events.

python follow.py PROFILE.toml [CURSOR]

Prints a line for each change and, after each page, the cursor with which to go on. A stream ends
with its token (five minutes) or with the connection; the program then opens another one.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx

from hub.access import dpop
from hub.client.profile import load_profile

CHANGES = """subscription($after: String) { changes(after: $after, types: ["Instrument"]) {
  nodes { kind id key } resync endCursor } }"""
GO_ON = {"TOKEN_EXPIRED", "TOKEN_REVOKED", "DATABASE_UNAVAILABLE", "RATE_LIMITED"}
PAUSE_S = 2


async def answers(hub, http, after):
    """Give the answers of one stream."""
    token, address = await hub.token(), f"{hub.base}/graphql"
    headers = {
        "accept": "text/event-stream",
        "authorization": f"DPoP {token}",
        "dpop": dpop.make(hub.key, "POST", address, datetime.now(UTC), token=token),
    }
    asked = {"query": CHANGES, "variables": {"after": after}}
    async with http.stream("POST", address, json=asked, headers=headers) as stream:
        if stream.is_error:
            sys.exit(f"refused: {(await stream.aread()).decode()}")
        async for line in stream.aiter_lines():
            if line.startswith("data: {"):
                yield json.loads(line.removeprefix("data: "))


def told(answer):
    """Print a page; return its cursor."""
    page = answer["data"]["changes"]
    for owner in page["resync"]:
        print("RESYNC", owner, flush=True)
    for change in page["nodes"]:
        print(change["kind"], change["key"] or change["id"], flush=True)
    print("CURSOR", page["endCursor"], flush=True)
    return page["endCursor"]


async def main(profile, after=None):
    async with load_profile(Path(profile)).client() as hub, httpx.AsyncClient(timeout=60) as http:
        while True:
            try:
                async for answer in answers(hub, http, after):
                    errors = answer.get("errors", [])
                    code = errors[0]["extensions"]["code"] if errors else None
                    if code is not None and code not in GO_ON:
                        sys.exit(f"{code}: {errors[0]['message']}")
                    if code is None:
                        after = told(answer)
            except httpx.HTTPError as error:
                print(f"again in {PAUSE_S} s: {error!r}", file=sys.stderr)
            await asyncio.sleep(PAUSE_S)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
