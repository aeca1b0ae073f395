"""`checks`: what each step of an authenticated read costs, one after another, in one process.

The steps are the hub's own functions on real tokens, proofs and documents; each is timed alone over
many requests, so that the sum can be compared with what a whole request costs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from bench.partners import Tokens
from bench.questions import Question
from bench.serve import LIMITS
from hub.access.clients import ClientDirectory
from hub.access.dpop import ProofChecker
from hub.access.envelope import Envelope, read_envelope
from hub.access.grants import PartyGrants
from hub.access.limits import PROOF_TTL_S
from hub.access.resource import Gate
from hub.access.store import DatabaseClientStore
from hub.access.tokens import TokenVerifier
from hub.app import access_config
from hub.clock import system_clock
from hub.crypto.key_files import load_or_create
from hub.crypto.keys import generate_key, key_from_pem
from hub.graphql.endpoint import read_request
from hub.graphql.schema import interface
from hub.query.plan.binding import Env
from hub.query.sql.authorise import Authority
from hub.query.sql.planner import Planner
from hub.settings import Settings
from hub.state.memory import MemoryState
from hub.store.database import Database
from hub.store.records import standard_records

ROUNDS = 5


def _each(count: int, step: Callable[[int], Any]) -> float:
    """Return µs of processor time for one call; the best of some rounds over all inputs."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time_ns()
        for n in range(count):
            step(n)
        best = min(best, (time.process_time_ns() - began) / count / 1000)
    return best


async def _once(count: int, step: Callable[[int], Any]) -> float:
    began = time.process_time_ns()
    for n in range(count):
        await step(n)
    return (time.process_time_ns() - began) / count / 1000


async def check_costs(
    database: Database, settings: Settings, tokens: Tokens, question: Question, count: int
) -> dict[str, float]:
    """Return µs of processor time by step, in the order in which a request meets them."""
    config = access_config(settings)
    key = load_or_create(settings.token_key, generate_key, lambda k: k.pem(), key_from_pem)
    body = question.bodies[0]
    scopes = [_scope(settings, pair, len(body)) for pair in tokens.pairs(count)]
    verifier = TokenVerifier(config.issuer, config.resources, {key.kid: key.public})
    fresh = [tokens.token(tokens.partners[n % len(tokens.partners)]) for n in range(200)]
    cold = TokenVerifier(config.issuer, config.resources, {key.kid: key.public})
    proofs, now = ProofChecker(), system_clock()
    state = MemoryState(system_clock)
    directory = ClientDirectory(DatabaseClientStore(database), system_clock)
    envelopes = [read_envelope(scope, config) for scope in scopes]
    texts = [e.headers["authorization"].partition(" ")[2] for e in envelopes]
    found = {
        "envelope: host, path, single headers": _each(
            count, lambda n: read_envelope(scopes[n], config)
        ),
        "token, met before": _each(count, lambda n: verifier.verify(texts[n], now)),
        "DPoP proof: parse, key, ES256, claims": _each(
            count, lambda n: _proof(proofs, envelopes[n], texts[n], now)
        ),
    }
    for partner in tokens.partners:
        await directory.get(partner.client.client_id)
    ids = [tokens.partners[n % len(tokens.partners)].client.client_id for n in range(count)]
    found["client's registration, kept <= 4 s"] = await _once(
        count, lambda n: directory.get(ids[n])
    )
    names = [f"dpop:bench:{n:040d}" for n in range(count)]
    moment = int(now.timestamp())
    found["replay: proof reserved (in process)"] = await _once(
        count, lambda n: state.reserve(names[n], PROOF_TTL_S, moment)
    )
    found["rate: cost taken from the bucket"] = await _once(
        count,
        lambda n: state.take(f"gql:{ids[n]}", LIMITS.cost_capacity, LIMITS.cost_refill_per_s, 50),
    )
    gate = Gate(config, verifier, directory, MemoryState(system_clock), system_clock)
    found["= all of authentication together"] = await _once(
        count, lambda n: gate.authenticate(envelopes[n])
    )
    found["(a token met for the first time, once in five minutes)"] = _first(cold, fresh, now)
    return found | _reading(question, count)


def _reading(question: Question, count: int) -> dict[str, float]:
    planner = Planner(interface(standard_records()), LIMITS)
    document = planner.keep(planner.read(question.document))
    grants = PartyGrants(None)
    authority = Authority(frozenset({"catalogue:read"}), grants.limited)
    bodies = question.bodies
    given = [question.variables[n % len(bodies)] for n in range(count)]

    def plan(n: int) -> Any:
        return planner.plan(document, None, given[n], authority)

    made = plan(0)
    compiled = made.compiled
    assert compiled is not None
    now = system_clock()

    def bound(n: int) -> None:
        env = Env(made.values, grants, now)
        for check in compiled.checks:
            check(env)
        for bind in compiled.binds:
            bind(env)

    env = Env(made.values, grants, now)
    return {
        "body: JSON and its members": _each(count, lambda n: read_request(bodies[n % len(bodies)])),
        "plan, kept: variables coerced, shape, look-up": _each(count, plan),
        "parameters bound": _each(count, bound),
        "cost counted": _each(count, lambda n: compiled.cost.total(env.values)),
    }


def _first(verifier: TokenVerifier, texts: list[str], now: Any) -> float:
    began = time.process_time_ns()
    for text in texts:
        verifier.verify(text, now)
    return (time.process_time_ns() - began) / len(texts) / 1000


def _proof(proofs: ProofChecker, envelope: Envelope, token: str, now: Any) -> None:
    proofs.check(
        envelope.headers["dpop"], method="POST", target=envelope.target, token=token, now=now
    )


def _scope(settings: Settings, pair: tuple[str, str], length: int) -> dict[str, Any]:
    token, proof = pair
    return {
        "type": "http",
        "method": "POST",
        "raw_path": b"/graphql",
        "query_string": b"",
        "headers": [
            (b"host", f"127.0.0.1:{settings.port}".encode()),
            (b"accept", b"application/json"),
            (b"content-type", b"application/json"),
            (b"content-length", str(length).encode()),
            (b"authorization", f"DPoP {token}".encode()),
            (b"dpop", proof.encode()),
        ],
    }
