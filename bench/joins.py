"""`joins`: one answer joined live from three systems, by the hub, gateways and stock httpx.

- The same upstream processes for all, asked in turn, round by round; answers are compared before each question.
- ALL: nothing may be older than the request, a few sets of instruments in turn, as when many look at the same. EACH: the
  same, and no set comes twice within a run, so that nobody can share an answer. SECOND: a few sets, one second old will do.
- A gateway gets three root fields of three subgraphs, which it asks at once: the plan that suits it best.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.load import Load, Measured, answers, middle, sample
from bench.machine import Running, cores, free_port, process
from bench.place import ROOT, TOOLS
from bench.questions import Question
from bench.reads import LOG
from bench.tools import composition, gateways
from bench.upstreams import LETTERS, SUBGRAPH, key_of

SETS = 8
WARM_S = 2.0
STARTED_S = 30.0
HUB, HIVE, APOLLO, HTTPX = "hub", "Hive Gateway", "Apollo Gateway", "Strawberry, stock httpx"
KEEPING = "Hive Gateway, answers kept 1 s"
CASES = {"ALL": "PT0S", "EACH": "PT0S", "SECOND": "PT1S"}
"""By case: how old the hub's answer may be."""
ROWS = "key bookings{} {{ nodes {{ localId startAt endAt }} }}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A contestant: what it is called, whose documents it takes, how it is started."""

    name: str
    speaks: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    port: int
    cases: tuple[str, ...] = tuple(CASES)


@dataclass(frozen=True, slots=True)
class Joined:
    """What was measured of one contestant; `questions`: to systems, for each answer."""

    measured: Measured
    questions: float


Joins = dict[str, dict[str, Joined]]
"""By case and contestant."""


@contextmanager
def upstreams(systems: int, count: int) -> Iterator[dict[str, str]]:
    """Run the systems on the second core; give their addresses by letter."""
    command = [sys.executable, "-m", "bench.upstreams", str(systems), str(count)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    TOOLS.mkdir(parents=True, exist_ok=True)
    with (
        (TOOLS / "upstreams.log").open(
            "w"
        ) as log,  # what is still waiting at the end is told there
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        ) as running,
    ):
        os.sched_setaffinity(running.pid, [cores()[1]])
        try:
            assert running.stdout is not None
            addresses: dict[str, str] = json.loads(running.stdout.readline())
            yield addresses
        finally:
            running.terminate()


def asked_of(addresses: Mapping[str, str]) -> int:
    """Return how many questions the systems were asked."""
    total = 0
    for each in addresses.values():
        with urllib.request.urlopen(f"{each}/asked", timeout=10) as answer:
            total += int(answer.read())
    return total


def fault(address: str, **how: object) -> None:
    """Spoil a system from now on; without anything, mend it."""
    urllib.request.urlopen(f"{address}/fault", json.dumps(how).encode(), timeout=10).close()


def hub_server(url: str, addresses: Mapping[str, str]) -> Server:
    """Return the hub that asks these systems."""
    port = free_port()
    environment = {
        "BENCH_URL": url, "BENCH_PORT": str(port), "PYTHONPATH": str(ROOT),
        "BENCH_UPSTREAMS": json.dumps(dict(addresses)),
    }  # fmt: skip
    command = (sys.executable, "-m", "bench.serve", "live")
    return Server(name=HUB, speaks="hub", command=command, environment=environment, port=port)


def peers(addresses: Mapping[str, str], *, limit_ms: int = 0, node: bool = True) -> list[Server]:
    """Return the others before these systems. `limit_ms`: what a system may take, 0 for no bound."""
    port, known = free_port(), json.dumps(dict(addresses))
    environment = {
        "BENCH_PORT": str(port),
        "BENCH_URL": "",
        "PYTHONPATH": str(ROOT),
        "BENCH_UPSTREAMS": known,
    }
    command = (sys.executable, "-m", "bench.serve", "httpx")
    stock = Server(name=HTTPX, speaks="httpx", command=command, environment=environment, port=port)
    return [*(node_gateways(addresses, limit_ms) if node else []), stock]


def node_gateways(addresses: Mapping[str, str], limit_ms: int = 0) -> list[Server]:
    """Return the gateways, before a supergraph of these systems."""
    folder, node = gateways()
    supergraph = composed(node, addresses)
    limit = {"SUBGRAPH_MS": str(limit_ms)} if limit_ms else {}
    found = []
    for name, more in ((HIVE, {}), (KEEPING, {"ANSWERS_KEPT_MS": "1000"})):
        port = free_port()
        program = str(folder / "node_modules" / "@graphql-hive" / "gateway" / "dist" / "bin.js")
        config = ["--config-path", str(folder / "gateway.config.mjs")]
        host = ["--port", str(port), "--host", "127.0.0.1"]
        found.append(
            Server(
                name=name, speaks="gateway", port=port,
                command=(str(node), program, "supergraph", str(supergraph), *host, *config),
                environment={"NODE_ENV": "production", **limit, **more},
                cases=("SECOND",) if more else tuple(CASES),
            )
        )  # fmt: skip
    port = free_port()
    script = (str(node), str(folder / "apollo.mjs"), str(supergraph), str(port))
    more_limit = (str(limit_ms),) if limit_ms else ()
    environment = {"NODE_ENV": "production"}
    found.append(
        Server(
            name=APOLLO,
            speaks="gateway",
            command=(*script, *more_limit),
            environment=environment,
            port=port,
        )
    )
    return found


def composed(node: Path, addresses: Mapping[str, str]) -> Path:
    """Compose the systems' subgraphs; return the supergraph."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    named = []
    for letter, url in addresses.items():
        file = TOOLS / f"system_{letter}.graphql"
        file.write_text(SUBGRAPH % letter, "utf-8")
        named.append(f"{letter}={url}/graphql={file}")
    command = [node, composition() / "compose.mjs", TOOLS, *named]
    told = subprocess.run(command, check=True, timeout=60, capture_output=True, text=True).stdout
    if errors := json.loads(told)["apollo"]["errors"]:
        raise RuntimeError(f"the systems do not compose: {errors}")
    return TOOLS / "apollo.graphql"


def document(speaks: str, letters: str) -> str:
    """Return the question for one instrument of each system, in a server's own words."""
    keys = ", ".join(f"${letter}: String!" for letter in letters)
    if speaks == "hub":
        rows = ROWS.format(": occupancies(first: 20, orderBy: [START_AT_ASC])")
        fields = [
            f"{x}: instrument(by: {{key: ${x}}}, maxStaleness: $age, deadline: $wait) {{ {rows} }}"
            for x in letters
        ]
        return f"query Join({keys}, $age: Duration, $wait: Duration!) {{ {' '.join(fields)} }}"
    name = "device" if speaks == "httpx" else "device_{x}"
    fields = [f"{x}: {name.format(x=x)}(key: ${x}) {{ {ROWS.format('')} }}" for x in letters]
    return f"query Join({keys}) {{ {' '.join(fields)} }}"


def question(case: str, speaks: str, letters: str, sets: int) -> Question:
    """Return a question with its variables."""
    more = {"age": CASES[case], "wait": "PT10S"} if speaks == "hub" else {}
    variables = tuple(
        {**{letter: key_of(letter, n) for letter in letters}, **more} for n in range(sets)
    )
    return Question(case, speaks, document(speaks, letters), variables)


@contextmanager
def running(servers: Sequence[Server]) -> Iterator[dict[str, Running]]:
    """Run all contestants on the first core until the block ends."""
    TOOLS.mkdir(parents=True, exist_ok=True)
    LOG.unlink(missing_ok=True)
    with ExitStack() as stack:
        yield {
            each.name: stack.enter_context(
                process(each.command, each.environment, each.port, LOG, STARTED_S)
            )
            for each in servers
        }


def compare(
    servers: Sequence[Server], up: Mapping[str, Running], asked: Mapping[str, Question]
) -> int:
    """See that all say the same; return how many answers were compared."""
    first, *others = servers
    some = {
        name: Question(each.name, each.server, each.document, each.variables[:8])
        for name, each in asked.items()
    }
    wanted = answers(up[first.name].host, some[first.speaks], [])
    for each in others:
        found = answers(up[each.name].host, some[each.speaks], [])
        if found != wanted:
            raise RuntimeError(f"{each.name} and {first.name} differ:\n{found[0]}\n{wanted[0]}")
    return len(wanted)


def race(
    servers: Sequence[Server],
    addresses: Mapping[str, str],
    postmaster: int,
    *,
    seconds: float,
    rounds: int,
    count: int,
) -> Joins:
    """Ask every contestant each case, some rounds of some seconds."""
    found: Joins = {}
    letters = "".join(addresses)
    with running(servers) as up:
        for case in CASES:
            part = [each for each in servers if case in each.cases]
            sets = count if case == "EACH" else min(SETS, count)
            asked = {each.speaks: question(case, each.speaks, letters, sets) for each in part}
            compare(part, up, asked)
            samples: dict[str, list[dict[str, float]]] = {each.name: [] for each in part}
            for number in range(rounds + 1):
                for each in part:
                    before = asked_of(addresses)
                    load = Load(seconds if number else WARM_S)
                    made = sample(up[each.name], postmaster, asked[each.speaks], load)
                    made["questions"] = (asked_of(addresses) - before) / made["requests"]
                    if number:
                        samples[each.name].append(made)
            found[case] = {
                name: Joined(middle(each), median(one["questions"] for one in each))
                for name, each in samples.items()
            }
            for name, each in found[case].items():
                print(f"  {case} {name}: {each.measured.rps:.0f} requests/s", flush=True)
    return found


THREE, FOUR = LETTERS[:3], LETTERS
