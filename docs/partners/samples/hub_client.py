"""A client of the hub with the hub's own library: token, proofs and signatures are its affair.

python hub_client.py HUB CLIENT KEY.pem [SOURCE ROWS.ndjson]

Fetches a token, asks a question; with a source it pushes rows and fetches the first one's receipt.
"""

import asyncio
import json
import sys
from pathlib import Path

from hub.client import ClientError, HubClient, load_key

QUESTION = (
    "{ instruments(first: 1) { totalCount nodes { name { zh } } sources { id status asOf } } }"
)


async def main(base, client, key_file, source=None, rows_file=None):
    async with HubClient(base, client, load_key(Path(key_file))) as hub:
        print("token    ", " ".join((await hub.registration())["scopes"]))
        answer = await hub.query(QUESTION)
        if "errors" in answer:
            sys.exit(f"question refused: {answer['errors']}")
        instruments = answer["data"]["instruments"]
        first = instruments["nodes"][0]["name"]["zh"] if instruments["nodes"] else "-"
        print("question ", instruments["totalCount"], "instruments, the first:", first)
        if source is None:
            return
        rows = [
            json.loads(line) for line in Path(rows_file).read_text("utf-8").splitlines() if line
        ]
        told = (await hub.push(rows, source=source)).body
        for row in told["rows"]:
            print(
                "push      row",
                row["row"],
                row["outcome"],
                row.get("entryId", ""),
                row.get("problems", ""),
            )
        entry = next((row["entryId"] for row in told["rows"] if "entryId" in row), None)
        if entry is None:
            sys.exit("nothing was taken")
        Path(f"{entry}.tlog-proof").write_text(await hub.receipt(entry), "utf-8")
        Path(f"{entry}.record.json").write_bytes(await hub.record(entry))
        print(f"receipt   {entry}.tlog-proof {entry}.record.json")


if __name__ == "__main__":
    if len(sys.argv) not in (4, 6):
        sys.exit(__doc__)
    try:
        asyncio.run(main(*sys.argv[1:]))
    except (ClientError, OSError, ValueError) as error:
        sys.exit(str(error))
