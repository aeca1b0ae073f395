"""`statements`: the statements that the hub compiles, by themselves: pgbench and EXPLAIN.

pgbench runs exactly the text and the parameters that the hub sends, prepared, so that what the
hub adds to PostgreSQL's own time can be seen.
"""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from urllib.parse import parse_qs, urlsplit

import psycopg
from psycopg import RawCursor

from bench.data import TUESDAY
from bench.machine import cores
from bench.place import TOOLS
from bench.questions import Question
from bench.serve import CALLER, LIMITS
from hub.access.grants import PartyGrants
from hub.embedded.server import binaries
from hub.graphql.schema import interface
from hub.query.plan.binding import Env
from hub.query.sql.authorise import Authority
from hub.query.sql.planner import Planner
from hub.store.records import standard_records

CLIENTS = 8
"""As many as the hub's pool for reading has connections."""
SCRIPTS_MAX = 64
CLOCK = """'YYYY-MM-DD"T"HH24:MI:SS"Z"'"""
NOW = datetime.combine(TUESDAY, datetime.min.time()).astimezone()


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement with the parameters of one request."""

    sql: str
    parameters: tuple[str | None, ...]


def compiled(question: Question) -> list[Sent]:
    """Return what the hub sends to PostgreSQL for each of a question's requests."""
    planner = Planner(interface(standard_records()), LIMITS)
    document = planner.keep(planner.read(question.document))
    grants = PartyGrants(None)
    authority = Authority(CALLER.scopes, grants.limited)
    found = []
    for variables in question.variables:
        plan = planner.plan(document, None, variables, authority)
        assert plan.compiled is not None, "the questions compile"
        env = Env(plan.values, grants, NOW)
        found.append(
            Sent(plan.compiled.sql.decode(), tuple(bind(env) for bind in plan.compiled.binds))
        )
    return found


@dataclass(frozen=True, slots=True)
class Alone:
    """What PostgreSQL gives alone: one client's time in µs, and the rate of many clients."""

    one_us: float
    rps: float


def pgbench(url: str, sent: list[Sent], *, seconds: int, times: int) -> Alone:
    """Run statements through pgbench, with one client and with as many as the hub's pool."""
    files, values = _scripts(sent[:: max(1, len(sent) // SCRIPTS_MAX)][:SCRIPTS_MAX])
    one = [_run(url, files, values, 1, max(1, seconds // 2)) for _ in range(times)]
    many = [_run(url, files, values, CLIENTS, seconds) for _ in range(times)]
    return Alone(1e6 / median(one), median(many))


def _scripts(sent: list[Sent]) -> tuple[list[Path], list[str]]:
    folder = TOOLS / "pgbench"
    folder.mkdir(exist_ok=True)
    files, values = [], []
    for n, each in enumerate(sent):
        text = each.sql
        for number in sorted(range(1, len(each.parameters) + 1), reverse=True):
            text = re.sub(rf"\${number}::", f":v{n}_{number}::", text)
            values.append(f"-Dv{n}_{number}={each.parameters[number - 1]}")
        # pgbench would take the colons of a time for variables; U& says the same without them.
        text = text.replace(CLOCK, "U&" + CLOCK.replace(":", "\\003A"))
        file = folder / f"{n}.sql"
        file.write_text(text.replace("\n", " ") + ";\n")
        files.append(file)
    return files, values


def _run(url: str, files: list[Path], values: list[str], clients: int, seconds: int) -> float:
    parts = urlsplit(url)
    asked = parse_qs(parts.query)
    done = subprocess.run(
        [
            str(binaries() / "pgbench"), "-n", "-M", "prepared", f"-c{clients}", "-j1",
            f"-T{seconds}", "-h", asked["host"][0], "-p", asked["port"][0], "-U", "postgres",
            *(f"-f{file}" for file in files), *values, parts.path[1:],
        ],
        env={**os.environ, "PGOPTIONS": "-c jit=off"},
        capture_output=True, text=True, timeout=seconds + 60, check=False,
        preexec_fn=lambda: os.sched_setaffinity(0, [cores()[1]]),
    )  # fmt: skip
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    if found is None:
        raise RuntimeError(f"pgbench: {done.stderr[-800:]}")
    return float(found[1])


def explained(url: str, sent: Sent) -> str:
    """Return PostgreSQL's plan of a statement, run, without its long expressions."""
    with psycopg.connect(url, options="-c jit=off", autocommit=True) as connection:
        cursor = RawCursor(connection)
        text = f"EXPLAIN (ANALYZE, BUFFERS) {sent.sql}"
        for _ in range(2):  # the second run finds its pages in memory
            cursor.execute(text.encode(), sent.parameters)
            lines = [str(row[0]) for row in cursor.fetchall()]
    return "\n".join(line[:160] for line in lines)
