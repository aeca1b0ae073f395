"""Receive changes: a webhook, registered, challenged and served by one program.

python webhook.py PROFILE.toml https://HOST/hook PORT

Serves on PORT of this machine, where a proxy brings what comes to the address, and prints a line
for each change. The secret lies in a file beside the profile, readable by its owner alone.
"""

import asyncio
import hmac
import json
import sys
import threading
import time
from base64 import b64decode, b64encode
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

from hub.client.profile import load_profile

BYTES_MAX = 1 << 20
AGE_S = 300
WEBHOOKS = "/clients/self/webhooks"


def mac(secret, content):
    key = b64decode(secret.removeprefix("whsec_"))
    return b64encode(hmac.digest(key, content, "sha256")).decode()


def is_genuine(secret, headers, body):
    """Whether a message is the hub's and of today (Standard Webhooks)."""
    identity, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not sent_at.isdigit() or abs(time.time() - int(sent_at)) > AGE_S:
        return False
    wanted = f"v1,{mac(secret, f'{identity}.{sent_at}.'.encode() + body)}"
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(wanted.encode(), each.encode()) for each in given)


class Receiver(BaseHTTPRequestHandler):
    """Takes messages. What takes long is done after the answer: the hub waits ten seconds."""

    secret = ""
    seen: ClassVar = set()

    def do_POST(self):
        size = int(self.headers.get("content-length", "0"))
        body = self.rfile.read(min(size, BYTES_MAX))
        if size > BYTES_MAX or not is_genuine(self.secret, self.headers, body):
            self.answer(400, {})
            return
        message = json.loads(body)
        if message["type"] == "webhook.challenge":
            challenge = f"challenge.{message['challenge']}".encode()
            self.answer(200, {"answer": mac(self.secret, challenge)})
            return
        self.answer(200, {})
        if self.headers["webhook-id"] in self.seen:  # it may come more than once
            return
        self.seen.add(self.headers["webhook-id"])
        if message["type"] == "changes.reset":
            print("RESET drop everything: it is told again", flush=True)
            return
        for owner in message["resync"]:
            print("RESYNC", owner, flush=True)
        for item in message["items"]:
            print(item["kind"], item["recordType"], item["id"], flush=True)

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


async def ask(hub, method, path, body=b""):
    answer = await hub.relay(method, path, {"content-type": "application/json"}, body)
    if answer.is_error:
        sys.exit(f"refused: {answer.text}")
    return answer.json()


async def register(profile, url, kept):
    """Register the address unless that was done, and have it challenged."""
    async with load_profile(profile).client() as hub:
        if not kept.exists():
            asked = json.dumps({"url": url, "types": ["Instrument"]}).encode()
            made = await ask(hub, "POST", WEBHOOKS, asked)
            kept.touch(mode=0o600)
            kept.write_text(json.dumps({"id": made["webhookId"], "secret": made["secret"]}))
        known = json.loads(kept.read_text())
        Receiver.secret = known["secret"]
        state = (await ask(hub, "POST", f"{WEBHOOKS}/{known['id']}/challenge"))["state"]
        print(state, known["id"], flush=True)


def main(profile, url, port):
    server = ThreadingHTTPServer(("127.0.0.1", int(port)), Receiver)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    try:
        path = Path(profile)
        asyncio.run(register(path, url, path.with_name("webhook.json")))
        serving.join()
    finally:
        server.shutdown()


if __name__ == "__main__":
    main(*sys.argv[1:])
