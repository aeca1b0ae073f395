"""`load`: asks a server as fast as it answers, with wrk, and says what that cost.

- Answers are compared with the hub's before each run, and no run counts in which one answer was
  refused.
- Processor time of the server and of PostgreSQL is taken beside the rate: it hardly moves when
  other programs use the machine at the same time, the rate does.
- A request that needs a proof gets one of its own, made just before the run.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from bench.machine import Running, children_seconds, cores, cpu_seconds, load
from bench.place import TOOLS
from bench.questions import Question, plain

HERE = Path(__file__).parent
SLACK_S = 30


@dataclass(frozen=True, slots=True)
class Measured:
    """The median run. `rps` requests a second, `server_us` and `postgres_us` of processor time."""

    rps: float
    server_us: float
    postgres_us: float
    p50_ms: float
    p99_ms: float
    bytes: float
    spread: float
    """(best - worst) / median of the rates."""
    load: float
    """Load of the machine when the runs began."""


Headers = Sequence[Mapping[str, str]]


def ask(host: str, body: bytes, headers: Mapping[str, str]) -> Any:
    """Return the data of one answer; an answer with errors ends the benchmark."""
    request = urllib.request.Request(
        f"http://{host}/graphql",
        body,
        {"Content-Type": "application/json", "Accept": "application/json", **headers},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        found = json.load(answer)
    if found.get("errors") or found.get("data") is None:
        raise RuntimeError(f"{host} answered {json.dumps(found)[:600]}")
    return found["data"]


def answers(host: str, question: Question, headers: Headers) -> list[Any]:
    """Return what a server answers to a question, in plain form."""
    return [
        plain(ask(host, body, headers[n % len(headers)] if headers else {}))
        for n, body in enumerate(question.bodies[: len(headers) or None])
    ]


class Proofs:
    """Makes the header lines of requests; `make(n)` returns n of them."""

    def __init__(self, make: Any, most: int) -> None:
        self.make = make
        self.most = most


@dataclass(frozen=True, slots=True)
class Load:
    """How a server is loaded: how long, and what each request carries beside its body."""

    seconds: float
    header: Mapping[str, str] | None = None
    proofs: Proofs | None = None


def sample(running: Running, postmaster: int, question: Question, asked: Load) -> dict[str, float]:
    """Ask one question as fast as the server answers it, for some seconds."""
    bodies = TOOLS / "bodies.txt"
    bodies.write_bytes(b"\n".join(question.bodies) + b"\n")
    extra = "\r\n".join(f"{name}: {value}" for name, value in (asked.header or {}).items())
    environment = {
        "BENCH_BODIES": str(bodies),
        "BENCH_HOST": running.host,
        "BENCH_HEADER": extra,
    }
    if asked.proofs is not None:
        file = TOOLS / "headers.txt"
        file.write_text("\n".join(asked.proofs.make(int(asked.proofs.most * asked.seconds))) + "\n")
        environment["BENCH_HEADERS"] = str(file)
    before = load()
    server, database = cpu_seconds(running.pid), children_seconds(postmaster)
    made = _run(running, environment, asked.seconds, question.connections)
    count = made["requests"]
    made["server_us"] = (cpu_seconds(running.pid) - server) / count * 1e6
    made["postgres_us"] = (children_seconds(postmaster) - database) / count * 1e6
    made["rps"] = count / made["us"] * 1e6
    made["load"] = before
    return made


def middle(found: Sequence[Mapping[str, float]]) -> Measured:
    """Return the medians of some samples."""
    rates = sorted(each["rps"] for each in found)

    def of(name: str) -> float:
        return float(median(each[name] for each in found))

    return Measured(
        rps=of("rps"),
        server_us=of("server_us"),
        postgres_us=of("postgres_us"),
        p50_ms=of("p50") / 1000,
        p99_ms=of("p99") / 1000,
        bytes=sum(e["bytes"] for e in found) / sum(e["requests"] for e in found),
        spread=(rates[-1] - rates[0]) / median(rates),
        load=max(each["load"] for each in found),
    )


def _run(
    running: Running, environment: Mapping[str, str], seconds: float, connections: int
) -> dict[str, float]:
    wrk = shutil.which("wrk")
    assert wrk is not None, "checked at the start"
    done = subprocess.run(
        [
            wrk, "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "20s",
            "-s", str(HERE / "wrk.lua"), f"http://{running.host}",
        ],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=seconds + SLACK_S,
        check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, [cores()[1]]),
    )  # fmt: skip
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT "))
    found: dict[str, float] = json.loads(line.removeprefix("RESULT "))
    if found["bad"] or found["failed"] or not found["requests"]:
        raise RuntimeError(f"{running.host}: refused or failed: {done.stdout[-800:]}")
    return found
