"""`reads`: the same questions to every server, in turn, on the same tables.

- All servers run at once and are asked one after another, round by round, so that a machine that
  slows down slows all of them down.
- No question is measured before every server's answers were found equal to the hub's.
- Each server has the first core to itself; load and PostgreSQL share the second, and PostgreSQL may
  use what is left of the first.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import OctKey

from bench.load import Headers, Load, Measured, Proofs, answers, middle, sample
from bench.machine import Running, free_port, memory_mib, process
from bench.place import ROOT, TOOLS
from bench.questions import Question
from hub.access.limits import CLOCK_AHEAD_S
from hub.state.limits import CLOCK_MARGIN_S

POOL = 8
"""Connections to PostgreSQL, the same for every server; the hub's default."""
WARM_S = 3.0
"""Length of the first run, which is not counted."""
EQUAL_MAX = 24
"""Answers that are compared for each question and server."""
SETTLE_S = CLOCK_MARGIN_S + CLOCK_AHEAD_S
"""A hub that has just started takes no proof that an earlier one may have seen."""
LOG = TOOLS / "server.log"
JWT_SECRET = "a secret of the benchmark alone, 32+ bytes"


@dataclass(frozen=True)
class Contestant:
    """A server of the race. `speaks`: whose documents it takes; `proofs` makes header lines."""

    name: str
    speaks: str
    command: Sequence[str]
    environment: Mapping[str, str]
    header: Mapping[str, str] = field(default_factory=dict)
    proofs: Proofs | None = None
    some_headers: Callable[[int], list[dict[str, str]]] | None = None
    settle_s: float = 0.0
    """What passes after its start before it believes a proof."""

    def headers(self, count: int) -> Headers:
        """Return the headers of some requests."""
        if self.some_headers is not None:
            return self.some_headers(count)
        return [self.header] * count


@dataclass(frozen=True, slots=True)
class Started:
    """What a server takes before it answers, and what it holds after the load."""

    seconds: float
    idle_mib: float
    loaded_mib: float


Race = dict[str, dict[str, Measured]]
"""What was measured, by question and contestant."""


def python_server(mode: str, url: str, port: int, more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of one of the benchmark's own servers."""
    return {"BENCH_URL": url, "BENCH_PORT": str(port), "PYTHONPATH": str(ROOT), **more}


def hub(name: str, mode: str, url: str, port: int, **more: str) -> Contestant:
    """Return the hub as a contestant: `engine` or `shipped`."""
    command = [sys.executable, "-m", "bench.serve", mode]
    return Contestant(name, "hub", command, python_server(mode, url, port, more))


def strawberry(url: str, port: int) -> Contestant:
    """Return stock Strawberry as a contestant."""
    command = [sys.executable, "-m", "bench.serve", "strawberry"]
    return Contestant("strawberry", "strawberry", command, python_server("", url, port, {}))


def postgraphile(node: Path, url: str, port: int, *, checked: bool) -> Contestant:
    """Return PostGraphile as a contestant, with its own check of a token or without."""
    parts = urlsplit(url)
    asked = parse_qs(parts.query)
    environment = {
        "PGHOST": asked["host"][0],
        "PGPORT": asked["port"][0],
        "PGUSER": "postgres",
        "PGDATABASE": parts.path[1:],
        "PGOPTIONS": "-c jit=off",
        "PORT": str(port),
        "POOL": str(POOL),
        "NODE_ENV": "production",
        "GRAPHILE_ENV": "production",
    }
    header = {}
    if checked:
        environment["JWT_SECRET"] = JWT_SECRET
        claims = {"aud": "postgraphile", "sub": "partner", "exp": 4_000_000_000}
        token = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(JWT_SECRET))
        header = {"Authorization": f"Bearer {token}"}
    script = str(ROOT / ".tools" / "peers" / "postgraphile.mjs")
    name = "postgraphile, JWT" if checked else "postgraphile"
    return Contestant(name, "postgraphile", [str(node), script], environment, header)


@contextmanager
def running(contestants: Sequence[Contestant]) -> Iterator[dict[str, Running]]:
    """Run every contestant until the block ends."""
    LOG.unlink(missing_ok=True)
    with ExitStack() as stack:
        found = {
            each.name: stack.enter_context(
                process(each.command, each.environment, _port(each), LOG)
            )
            for each in contestants
        }
        time.sleep(max(each.settle_s for each in contestants))
        yield found


def _port(contestant: Contestant) -> int:
    environment = contestant.environment
    return int(environment.get("BENCH_PORT") or environment["PORT"])


def race(
    contestants: Sequence[Contestant],
    questions: Mapping[tuple[str, str], Question],
    names: Sequence[str],
    postmaster: int,
    *,
    seconds: float,
    rounds: int,
) -> tuple[Race, dict[str, Started]]:
    """Ask every contestant every question, some rounds of some seconds each."""
    found: Race = {}
    with running(contestants) as servers:
        idle = {name: memory_mib(server.pid) for name, server in servers.items()}
        for name in names:
            asked = [each for each in contestants if (name, each.speaks) in questions]
            compare(asked, servers, questions, name)
            samples: dict[str, list[dict[str, float]]] = {each.name: [] for each in asked}
            for number in range(rounds + 1):  # the first round warms plans and connections
                for each in asked:
                    load = Load(seconds if number else WARM_S, each.header, each.proofs)
                    question = questions[name, each.speaks]
                    made = sample(servers[each.name], postmaster, question, load)
                    if number:
                        samples[each.name].append(made)
            found[name] = {key: middle(each) for key, each in samples.items()}
            for key, each in found[name].items():
                print(f"  {name} {key}: {each.rps:.0f} requests/s", flush=True)
        started = {
            name: Started(server.started_s, idle[name], memory_mib(server.pid))
            for name, server in servers.items()
        }
    return found, started


def compare(
    contestants: Sequence[Contestant],
    servers: Mapping[str, Running],
    questions: Mapping[tuple[str, str], Question],
    name: str,
) -> int:
    """See that all say the same to a question; return how many answers were compared."""
    first, *others = contestants
    count = min(EQUAL_MAX, len(questions[name, first.speaks].variables))
    wanted = answers(servers[first.name].host, questions[name, first.speaks], first.headers(count))
    for each in others:
        got = answers(servers[each.name].host, questions[name, each.speaks], each.headers(count))
        for number, (left, right) in enumerate(zip(wanted, got, strict=True)):
            if left != right:
                raise RuntimeError(
                    f"{name} variables {number}: {each.name} and {first.name} differ:\n"
                    f"{str(right)[:1500]}\n{str(left)[:1500]}"
                )
    return count


def ports(count: int) -> list[int]:
    """Return some free ports."""
    found: list[int] = []
    while len(found) < count:
        port = free_port()
        if port not in found:
            found.append(port)
    return found
