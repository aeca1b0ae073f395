"""Keep a copy of every instrument that one may read, by the change feed.

python mirror.py PROFILE.toml COPY.json

Run it as often as you like: each run brings the copy up to date and says what changed.
"""

import asyncio
import json
import sys
from pathlib import Path

from hub.client import ClientError
from hub.client.profile import load_profile

CHANGES = """query($after: String, $owner: String) {
  changes(first: 500, after: $after, owner: $owner, types: ["Instrument"]) {
    nodes { kind id } resync endCursor hasMore retryAfterS } }"""
ITEMS = """query($ids: [ID!]!) { nodes(ids: $ids) {
  ... on Instrument { id key name { zh } status provenance { owner source } } } }"""
AT_ONCE = 100


class PageRefusedError(Exception):
    """The hub refused a question; `code` says why."""

    def __init__(self, error):
        self.code = error["extensions"]["code"]
        super().__init__(f"{self.code}: {error['message']}")


async def ask(hub, document, **variables):
    answer = await hub.query(document, variables)
    if "errors" in answer:
        raise PageRefusedError(answer["errors"][0])
    return answer["data"]


async def look_again(hub, items, ids):
    """Put the items as they are now; those that are not there any more are dropped."""
    for start in range(0, len(ids), AT_ONCE):
        part = ids[start : start + AT_ONCE]
        found = (await ask(hub, ITEMS, ids=part))["nodes"]
        for identity, item in zip(part, found, strict=True):
            if item:
                items[identity] = item
            else:
                items.pop(identity, None)


async def walk(hub, items, after, owner=None):
    """Follow the feed from a place to its end; return the place that was reached."""
    while True:
        page = (await ask(hub, CHANGES, after=after, owner=owner))["changes"]
        for other in page["resync"]:  # what may be read of it has changed: begin with it anew
            for identity in [
                i for i, item in items.items() if item["provenance"]["owner"] == other
            ]:
                del items[identity]
            await walk(hub, items, None, other)
        for change in page["nodes"]:
            if change["kind"] == "REMOVED":
                items.pop(change["id"], None)
        changed = [change["id"] for change in page["nodes"] if change["kind"] == "CHANGED"]
        await look_again(hub, items, changed)
        after = page["endCursor"]
        if not page["hasMore"]:
            return after
        await asyncio.sleep(page["retryAfterS"] or 0)


async def main(profile, copy_file):
    path = Path(copy_file)
    copy = json.loads(path.read_text("utf-8")) if path.exists() else {"after": None, "items": {}}
    before = dict(copy["items"])
    async with load_profile(Path(profile)).client() as hub:
        try:
            copy["after"] = await walk(hub, copy["items"], copy["after"])
        except PageRefusedError as error:
            if error.code != "CURSOR_RESET":
                raise
            copy = {"items": {}}  # the hub says: begin anew
            copy["after"] = await walk(hub, copy["items"], None)
    path.write_text(json.dumps(copy, ensure_ascii=False, indent=1), "utf-8")
    items = copy["items"]
    new, gone = len(items.keys() - before.keys()), len(before.keys() - items.keys())
    changed = sum(before[i] != items[i] for i in before.keys() & items.keys())
    print(f"{len(items)} instruments: {new} new, {changed} changed, {gone} gone")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    try:
        asyncio.run(main(*sys.argv[1:]))
    except (ClientError, PageRefusedError, OSError, ValueError) as error:
        sys.exit(str(error))
