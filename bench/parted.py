"""`parted`: a search over four systems of which one is dead and one takes two seconds.

Callers ask the hub and the gateways for one instrument of each system and wait one second at most. What must come: the
rows of the healthy ones, a mark for each of the others, at the deadline. And whoever asks the healthy ones alone must not
feel it: their rate is taken without such callers and with them, in turn.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from bench.joins import FOUR, SETS, Server, document, fault, question, running
from bench.load import Load, sample
from bench.machine import Running
from bench.upstreams import key_of

DEADLINE_MS = 1_000
DEAD, SLOW = "c", "d"
HEALTHY = "ab"
SLOW_S = 2.0
ASKERS = 4
SETTLE_S = 1.0


@dataclass(kw_only=True)
class Parted:
    """What callers of one contestant met. Times are milliseconds."""

    waits: list[float] = field(default_factory=list)
    marked: int = 0
    """Answers in which both sick systems are told."""
    whole: int = 0
    """Answers that have the rows of both healthy ones."""
    alone_rps: float = 0.0
    beside_rps: float = 0.0

    @property
    def over_ms(self) -> float:
        """By how much the slowest answer came after the deadline."""
        return max(self.waits) - DEADLINE_MS

    @property
    def kept(self) -> float:
        """The share of their rate that the healthy ones keep."""
        return self.beside_rps / self.alone_rps if self.alone_rps else 0.0


def body_of(speaks: str, place: int) -> bytes:
    """Return a request for one instrument of each system."""
    variables: dict[str, Any] = {letter: key_of(letter, place) for letter in FOUR}
    if speaks == "hub":
        variables |= {"age": "PT0S", "wait": f"PT{DEADLINE_MS // 1000}S"}
    return json.dumps({"query": document(speaks, FOUR), "variables": variables}).encode()


def ask_once(host: str, speaks: str, place: int, made: Parted) -> None:
    """Ask once, and note how long it took and what came."""
    headers = {"Content-Type": "application/json", "Accept": "application/json"}
    request = urllib.request.Request(f"http://{host}/graphql", body_of(speaks, place), headers)
    began = time.perf_counter()
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            found = json.load(answer)
    except urllib.error.HTTPError as partial:  # Hive Gateway answers 504, with what there is
        found = json.load(partial)
    made.waits.append((time.perf_counter() - began) * 1000)
    made.marked += is_marked(speaks, found)
    data = found.get("data") or {}
    rows = [(data.get(letter) or {}).get("bookings", {}).get("nodes") for letter in HEALTHY]
    made.whole += all(rows)


def is_marked(speaks: str, answer: Mapping[str, Any]) -> bool:
    """Tell whether an answer says of both sick systems that they did not answer."""
    if speaks == "hub":
        states = {each["id"]: each["status"] for each in answer["extensions"]["sources"]}
        return all(states.get(f"system-{letter}", "OK") != "OK" for letter in (DEAD, SLOW))
    errors = answer.get("errors", ())
    named = {error["path"][0] for error in errors if error.get("path")}
    named |= {error.get("extensions", {}).get("serviceName") for error in errors}  # Apollo's way
    return {DEAD, SLOW} <= named


@contextmanager
def callers(server: Server, host: str, made: Parted) -> Iterator[None]:
    """Ask the whole question again and again, by some callers at once, while the block runs."""
    stop = threading.Event()

    def work(number: int) -> None:
        place = number
        while not stop.is_set():
            ask_once(host, server.speaks, place, made)
            place = (place + ASKERS) % SETS

    threads = [threading.Thread(target=work, args=(number,)) for number in range(ASKERS)]
    for each in threads:
        each.start()
    try:
        yield
    finally:
        stop.set()
        for each in threads:
            each.join()


def measure(
    servers: Sequence[Server],
    addresses: Mapping[str, str],
    postmaster: int,
    *,
    seconds: float,
    rounds: int,
) -> dict[str, Parted]:
    """Measure every contestant, in turn."""
    found = {each.name: Parted() for each in servers}
    rates: dict[str, list[tuple[float, float]]] = {each.name: [] for each in servers}
    with running(servers) as up:
        fault(addresses[DEAD], dead=True)
        fault(addresses[SLOW], slow_s=SLOW_S)
        for number in range(rounds + 1):
            for each in servers:
                made = found[each.name] if number else Parted()  # the first round warms
                pair = _pair(each, up[each.name], postmaster, seconds, made)
                if number:
                    rates[each.name].append(pair)
        for address in addresses.values():
            fault(address)
    for name, pairs in rates.items():
        found[name].alone_rps = median(alone for alone, _ in pairs)
        found[name].beside_rps = median(beside for _, beside in pairs)
        print(f"  {name}: {found[name].over_ms:+.0f} ms, {found[name].kept:.0%} kept", flush=True)
    return found


def _pair(
    server: Server, up: Running, postmaster: int, seconds: float, made: Parted
) -> tuple[float, float]:
    """Return the rate of the healthy systems without and with callers that ask the sick ones too."""
    healthy = question("ALL", server.speaks, HEALTHY, SETS)
    alone = sample(up, postmaster, healthy, Load(seconds))["rps"]
    with callers(server, up.host, made):
        time.sleep(SETTLE_S)
        beside = sample(up, postmaster, healthy, Load(seconds))["rps"]
    return alone, beside
