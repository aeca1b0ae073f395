"""Token proofs, client assertions and signatures used once, over two workers and one Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest
from redis.asyncio import Redis

from hub.access.content_digest import content_digest
from hub.access.envelope import Envelope
from hub.access.errors import SignatureError, TokenError
from hub.access.limits import CLOCK_AHEAD_S
from hub.access.resource import Caller
from hub.access.service import Access
from hub.access.signatures import PUSH, sign_request
from hub.state import StateRestartedError, StateUnavailableError
from hub.state.limits import CLOCK_MARGIN_S
from hub.state.redis import RedisState
from tests.integration.state.two_workers import Ahead, answers, two_workers, until
from tests.redis_server import RedisServer
from tests.unit.access.world import BASE, World

BODY = b"{}\n"


@dataclass
class Pair:
    """A partner's world at two workers of one hub."""

    world: World
    clock: Ahead
    workers: tuple[Access, Access]
    states: tuple[RedisState, RedisState]

    async def ask(self, worker: int, form: dict[str, str], proof: str) -> httpx.Response:
        self.world.access = self.workers[worker]
        async with self.world.http() as http:
            return await http.post("/oauth/token", data=form, headers={"DPoP": proof})

    async def token(self) -> str:
        answer = await self.ask(0, self.world.token_form(), self.world.proof())
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def call(self, token: str) -> Envelope:
        proof = self.world.proof("/graphql", token)
        headers = {"authorization": f"DPoP {token}", "dpop": proof, "host": "hub.delta.example"}
        return Envelope("POST", "/graphql", BASE + "/graphql", BASE + "/graphql", headers)

    def push(self) -> Envelope:
        headers = {
            "host": "hub.delta.example",
            "content-digest": content_digest(BODY),
            "content-type": "application/x-ndjson",
            "authorization": "DPoP a.b.c",
            "dpop": "d.e.f",
            "idempotency-key": "k-1",
        }
        plain = Envelope("POST", "/batches", BASE + "/batches", BASE + "/batches", headers)
        signed, _ = sign_request(plain, self.world.key, PUSH, self.clock())
        return Envelope("POST", plain.path, plain.target, plain.target_uri, {**headers, **signed})

    async def read(self, worker: int, envelope: Envelope) -> str:
        """Return OK, or the reason why the call is refused."""
        try:
            await self.workers[worker].authenticate(envelope)
        except TokenError as error:
            return error.reason.name
        except StateUnavailableError as error:
            return type(error).__name__
        return "OK"

    async def write(self, worker: int, envelope: Envelope) -> str:
        """Return OK, or the reason why the signed request is refused."""
        caller = await self.caller(worker)
        try:
            await self.workers[worker].check_signature(envelope, BODY, caller, PUSH)
        except SignatureError as error:
            return error.reason.name
        except StateUnavailableError as error:
            return type(error).__name__
        return "OK"

    async def caller(self, worker: int) -> Caller:
        client = await self.workers[worker].clients.get("zju")
        assert client is not None
        return Caller("zju", client.party, client.kind, frozenset(client.scopes), client=client)


@asynccontextmanager
async def opened(server: RedisServer) -> AsyncIterator[Pair]:
    """Two workers that have run long enough for the state to believe every proof in time."""
    clock = Ahead()
    world = World()
    world.clock = clock  # type: ignore[assignment] # a clock like any other
    for client_id, key in (("zju", world.key), ("ustc", world.other_key)):
        world.enrol(client_id, key)
    async with two_workers(server.url, clock) as states:
        first, second = (Access(world.config, world.hub_key, world.store, s, clock) for s in states)
        await states[0].check()
        clock.advance(CLOCK_MARGIN_S + 1)
        yield Pair(world, clock, (first, second), states)


@pytest.fixture
async def pair(redis_server: RedisServer) -> AsyncIterator[Pair]:
    async with opened(redis_server) as found:
        yield found


async def test_a_token_proof_is_used_once_whichever_worker_sees_it(pair: Pair) -> None:
    call = pair.call(await pair.token())
    assert [await pair.read(worker, call) for worker in (0, 1, 0)] == [
        "OK",
        "DPOP_REPLAYED",
        "DPOP_REPLAYED",
    ]


async def test_a_signature_is_used_once_whichever_worker_sees_it(pair: Pair) -> None:
    push = pair.push()
    assert [await pair.write(worker, push) for worker in (1, 0, 1)] == [
        "OK",
        "SIG_REPLAY",
        "SIG_REPLAY",
    ]


async def test_an_assertion_buys_one_token_whichever_worker_sees_it(pair: Pair) -> None:
    form, proof = pair.world.token_form(), pair.world.proof()
    assert (await pair.ask(0, form, proof)).status_code == 200
    again = await pair.ask(1, form, pair.world.proof())
    assert (again.status_code, again.json()["error"]) == (401, "invalid_client")
    again = await pair.ask(1, pair.world.token_form(), proof)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_dpop_proof")


async def restart(server: RedisServer) -> None:
    server.kill()
    server.start()


async def flush(server: RedisServer) -> None:
    async with Redis.from_url(server.url) as redis:
        await redis.flushall()


@pytest.mark.parametrize("lose", [restart, flush])
async def test_what_was_used_before_redis_lost_everything_is_refused_for_ever(
    pair: Pair, redis_server: RedisServer, lose: Callable[[RedisServer], Awaitable[None]]
) -> None:
    token = await pair.token()
    call, push = pair.call(token), pair.push()
    form, proof = pair.world.token_form(), pair.world.proof()
    assert await pair.read(0, call) == "OK"
    assert await pair.write(0, push) == "OK"
    assert (await pair.ask(0, form, proof)).status_code == 200

    await lose(redis_server)
    for state in pair.states:
        await until(partial(answers, state))
    for wait in (0, CLOCK_MARGIN_S, 20):
        pair.clock.advance(wait)
        for worker in (0, 1):
            assert await pair.read(worker, call) == "StateRestartedError"
            assert await pair.write(worker, push) == "StateRestartedError"
            bought = await pair.ask(worker, form, pair.world.proof())
            assert bought.status_code == 503
            assert int(bought.headers["Retry-After"]) >= 1
    call, push = pair.call(token), pair.push()
    assert [await pair.read(w, call) for w in (1, 0)] == ["OK", "DPOP_REPLAYED"]
    assert [await pair.write(w, push) for w in (0, 1)] == ["OK", "SIG_REPLAY"]
    assert await pair.token()


async def test_the_first_proofs_after_a_loss_hear_when_to_come_again(
    pair: Pair, redis_server: RedisServer
) -> None:
    token = await pair.token()
    await flush(redis_server)
    early = await pair.ask(1, pair.world.token_form(), pair.world.proof())
    assert early.status_code == 503
    assert early.json()["error"] == "temporarily_unavailable"
    wait = int(early.headers["Retry-After"])
    assert wait <= CLOCK_MARGIN_S + 1
    pair.clock.advance(wait)
    assert await pair.read(0, pair.call(token)) == "OK"


async def test_a_redis_that_came_back_from_its_file_may_have_lost_the_end_of_it(
    redis_program: str, tmp_path: Path
) -> None:
    server = RedisServer(redis_program, tmp_path, append_only=True)
    server.start()
    try:
        async with opened(server) as pair:
            token = await pair.token()
            used, unused = pair.call(token), pair.call(token)
            assert await pair.read(0, used) == "OK"
            await restart(server)
            await until(partial(answers, pair.states[1]))
            assert await pair.read(1, used) == "DPOP_REPLAYED", "the file has it"
            assert await pair.read(1, unused) == "StateRestartedError", "who knows"
            pair.clock.advance(CLOCK_MARGIN_S + 1)
            assert await pair.read(1, pair.call(token)) == "OK"
    finally:
        server.kill()


async def test_a_replica_that_takes_over_may_lack_what_the_primary_acknowledged(
    redis_server: RedisServer, redis_program: str, tmp_path: Path
) -> None:
    replica = RedisServer(redis_program, tmp_path)
    replica.start()
    try:
        async with opened(redis_server) as pair, Redis.from_url(replica.url) as redis:
            await redis.execute_command("REPLICAOF", "127.0.0.1", redis_server.port)

            async def has_the_epoch() -> bool:
                return bool(await redis.exists("hub:epoch"))

            await until(has_the_epoch)
            issued_at = pair.clock().timestamp()
            assert await pair.states[0].reserve("used", 80, issued_at)
            redis_server.kill()
            await redis.execute_command("REPLICAOF", "NO", "ONE")
            await redis.delete("hub:n:used")

            after = RedisState(replica.url, pair.clock)
            with pytest.raises(StateRestartedError):
                await after.reserve("used", 80, issued_at)
            assert await after.reserve("later", 80, issued_at + CLOCK_MARGIN_S + 2)
            await after.aclose()
    finally:
        replica.kill()


def test_the_margin_covers_the_clocks_that_are_let_in() -> None:
    assert CLOCK_MARGIN_S >= CLOCK_AHEAD_S + 5


async def test_without_redis_nobody_passes_and_with_it_again_they_do(
    pair: Pair, redis_server: RedisServer
) -> None:
    token = await pair.token()
    redis_server.kill()
    for worker in (0, 1):
        assert await pair.read(worker, pair.call(token)) == "StateUnavailableError"
        assert await pair.write(worker, pair.push()) == "StateUnavailableError"
        refused = await pair.ask(worker, pair.world.token_form(), pair.world.proof())
        assert refused.status_code == 503
    redis_server.start()
    for state in pair.states:
        await until(partial(answers, state))
    assert await pair.read(0, pair.call(token)) == "StateRestartedError"
    pair.clock.advance(CLOCK_MARGIN_S + 1)
    for worker in (0, 1):
        assert await pair.read(worker, pair.call(token)) == "OK"
        assert await pair.write(worker, pair.push()) == "OK"


async def test_of_a_thousand_at_once_over_two_workers_exactly_one_is_first(pair: Pair) -> None:
    issued_at = pair.clock().timestamp()
    answers = await asyncio.gather(
        *(pair.states[n % 2].reserve("dpop:k:j", 80, issued_at) for n in range(1000))
    )
    assert sorted(answers) == [False] * 999 + [True]


async def test_many_different_nonces_replayed_at_the_other_worker_are_all_refused(
    pair: Pair,
) -> None:
    issued_at = pair.clock().timestamp()
    for worker, expected in ((0, True), (1, False)):
        answers = await asyncio.gather(
            *(pair.states[worker].reserve(f"sig:k:{n}", 310, issued_at) for n in range(200))
        )
        assert set(answers) == {expected}
