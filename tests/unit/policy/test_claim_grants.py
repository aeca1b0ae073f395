"""Two hubs and the line between them: messages are lost, doubled, late; one claim a record is paid.

The rules are those that the hubs run (`hub.policy.vouchers.grants`); what a hub commits is kept,
what it was about to send is lost when it dies. Money is counted at both.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from hub.policy.vouchers.grants import (
    ClaimWord,
    Granting,
    GrantStanding,
    GrantState,
    SharedStanding,
    SharedState,
    is_in_the_way,
    on_ask,
    on_word,
    takes_grant,
    word_on,
)

CLAIMS = ("A", "B", "C")
RECORDS = ("r1", "r2")
FINAL_GRANTS = {GrantState.FREED}


@dataclass
class VoucherHome:
    """What the home of the vouchers has committed: claims, money, what each claim is for."""

    shared: dict[str, SharedStanding] = field(default_factory=dict)
    wants: dict[str, str] = field(default_factory=dict)
    has_grant: set[str] = field(default_factory=set)
    buckets: dict[str, str] = field(default_factory=lambda: dict.fromkeys(CLAIMS, "reserved"))
    attempts: int = 0


@dataclass
class ServiceHome:
    """What the home of the services has committed: grants, and who holds each record."""

    grants: dict[str, tuple[GrantStanding, str]] = field(default_factory=dict)
    holder: dict[str, str] = field(default_factory=dict)


def test_what_a_restored_home_consumed_once_more_is_about_its_new_attempt() -> None:
    consumed = GrantStanding("lost", GrantState.CONSUMED)
    assert on_word(consumed, "new", ClaimWord.NONE) == consumed, "given up before it was consumed"
    anew = on_word(consumed, "new", ClaimWord.CONSUMED)
    assert anew == GrantStanding("new", GrantState.CONSUMED)
    assert on_word(anew, "lost", ClaimWord.NONE) == anew
    assert not on_word(anew, "new", ClaimWord.NONE).is_live
    granted = GrantStanding("other")
    assert on_word(granted, "new", ClaimWord.CONSUMED) == granted


class TwoHubs(RuleBasedStateMachine):
    """A voucher's hub with three claims, a service's hub with two records, and a bad line."""

    def __init__(self) -> None:
        super().__init__()
        self.vouchers, self.services = VoucherHome(), ServiceHome()
        self.line: list[tuple[str, ...]] = []
        self.final: dict[tuple[str, str], GrantState] = {}

    # What the hub of the vouchers does by itself.

    @rule(claim=st.sampled_from(CLAIMS), record=st.sampled_from(RECORDS), is_sent=st.booleans())
    def claim(self, claim: str, record: str, is_sent: bool) -> None:
        """A client consumes, for the first time or again; the hub may die before it sends."""
        home = self.vouchers
        stands = home.shared.get(claim)
        if home.buckets[claim] != "reserved":
            return
        if stands is None or stands.state is not SharedState.PENDING:
            home.attempts += 1
            home.shared[claim] = SharedStanding(f"t{home.attempts}")
            home.wants[claim] = record
            home.has_grant.discard(claim)
        if is_sent:
            self._ask(claim)

    @rule(claim=st.sampled_from(CLAIMS), is_sent=st.booleans())
    def consume(self, claim: str, is_sent: bool) -> None:
        """Money moves where the grant has come; the word of it may be lost."""
        home = self.vouchers
        stands = home.shared.get(claim)
        if stands is None or claim not in home.has_grant or not stands.may_consume:
            return
        home.buckets[claim] = "consumed"
        home.shared[claim] = replace(stands, state=SharedState.CONSUMED)
        if is_sent:
            self._tell(claim)

    @rule(claim=st.sampled_from(CLAIMS), is_sent=st.booleans())
    def give_up(self, claim: str, is_sent: bool) -> None:
        """A check fails, or another hub knows the invoice."""
        stands = self.vouchers.shared.get(claim)
        if stands is None or stands.state is not SharedState.PENDING:
            return
        self.vouchers.shared[claim] = replace(stands, state=SharedState.FREED)
        self.vouchers.has_grant.discard(claim)
        if is_sent:
            self._tell(claim)

    @rule(claim=st.sampled_from(CLAIMS))
    def reject(self, claim: str) -> None:
        """What was consumed is rejected by the issuer: its money goes back."""
        stands = self.vouchers.shared.get(claim)
        if stands is None or stands.state is not SharedState.CONSUMED:
            return
        self.vouchers.buckets[claim] = "available"
        self.vouchers.shared[claim] = replace(stands, state=SharedState.FREED)

    @rule(claim=st.sampled_from(CLAIMS))
    def look_after(self, claim: str) -> None:
        """What is pending is asked again, what is over is told again."""
        stands = self.vouchers.shared.get(claim)
        if stands is None:
            return
        if stands.state is SharedState.PENDING:
            self._ask(claim)
        else:
            self._tell(claim)

    def _ask(self, claim: str) -> None:
        stands = self.vouchers.shared[claim]
        self.line.append(("ask", claim, stands.attempt, self.vouchers.wants[claim]))

    def _tell(self, claim: str) -> None:
        stands = self.vouchers.shared[claim]
        word = word_on(stands, stands.attempt)
        self.line.append(("word", claim, stands.attempt, word.value))

    # What the hub of the services does by itself.

    @rule(claim=st.sampled_from(CLAIMS))
    def ask_about(self, claim: str) -> None:
        """A grant of which nothing was heard is asked about."""
        grant = self.services.grants.get(claim)
        if grant is not None and grant[0].state is GrantState.GRANTED:
            self.line.append(("outcome", claim, grant[0].attempt))

    # The line.

    @precondition(lambda self: self.line)
    @rule(data=st.data(), is_kept=st.booleans())
    def arrive(self, data: st.DataObject, is_kept: bool) -> None:
        """Any message that was ever sent arrives, in any order; a doubled one stays on the line."""
        at = data.draw(st.integers(0, len(self.line) - 1))
        message = self.line[at] if is_kept else self.line.pop(at)
        self._deliver(message)

    @precondition(lambda self: self.line)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        """A message is lost."""
        self.line.pop(data.draw(st.integers(0, len(self.line) - 1)))

    def _deliver(self, message: tuple[str, ...]) -> None:
        kind, claim, attempt, *more = message
        if kind == "ask":
            self._on_ask(claim, attempt, more[0])
        elif kind == "grant":
            if takes_grant(self.vouchers.shared.get(claim), attempt):
                self.vouchers.has_grant.add(claim)
        elif kind == "refuse":
            stands = self.vouchers.shared.get(claim)
            if takes_grant(stands, attempt) and claim not in self.vouchers.has_grant:
                assert stands is not None
                self.vouchers.shared[claim] = replace(stands, state=SharedState.FREED)
        elif kind == "outcome":
            word = word_on(self.vouchers.shared.get(claim), attempt)
            self.line.append(("word", claim, attempt, word.value))
        else:
            self._on_word(claim, attempt, ClaimWord(more[0]))

    def _on_ask(self, claim: str, attempt: str, record: str) -> None:
        home = self.services
        grant = home.grants.get(claim)
        decided = on_ask(None if grant is None else grant[0], attempt)
        is_live = grant is not None and grant[0].is_live
        if decided is Granting.OVER:
            return
        if is_live and grant is not None and grant[1] != record:
            if decided is Granting.AGAIN:
                self.line.append(("refuse", claim, attempt))
                return
            home.holder.pop(grant[1], None)
        if home.holder.get(record, claim) != claim:
            if is_live and grant is not None:
                home.grants[claim] = (replace(grant[0], state=GrantState.FREED), grant[1])
            self.line.append(("refuse", claim, attempt))
            return
        home.holder[record] = claim
        if decided is Granting.GIVE:
            home.grants[claim] = (GrantStanding(attempt), record)
        self.line.append(("grant", claim, attempt))

    def _on_word(self, claim: str, attempt: str, word: ClaimWord) -> None:
        home = self.services
        if claim not in home.grants:
            return
        grant, record = home.grants[claim]
        after = on_word(grant, attempt, word)
        home.grants[claim] = (after, record)
        if grant.is_live and not after.is_live and home.holder.get(record) == claim:
            del home.holder[record]

    # What always holds.

    @invariant()
    def one_claim_a_record(self) -> None:
        paid = [
            self.vouchers.wants[claim]
            for claim, stands in self.vouchers.shared.items()
            if stands.state is SharedState.CONSUMED
        ]
        assert len(paid) == len(set(paid)), "a record was paid for twice"

    @invariant()
    def money_follows_the_state(self) -> None:
        for claim, bucket in self.vouchers.buckets.items():
            stands = self.vouchers.shared.get(claim)
            is_consumed = stands is not None and stands.state is SharedState.CONSUMED
            assert (bucket == "consumed") == is_consumed

    @invariant()
    def what_is_over_stays_over(self) -> None:
        for claim, (grant, _) in self.services.grants.items():
            known = self.final.get((claim, grant.attempt))
            assert known is None or grant.state is known, "a way out of a final state"
            if grant.state in FINAL_GRANTS:
                self.final[claim, grant.attempt] = grant.state

    def teardown(self) -> None:
        """The line heals: nothing stays pending, and both hubs say the same of every record."""
        for _ in range(4):
            for claim in CLAIMS:
                self.look_after(claim)
                self.consume(claim, True)
                self.ask_about(claim)
            while self.line:
                self._deliver(self.line.pop(0))
        states = {claim: stands.state for claim, stands in self.vouchers.shared.items()}
        stuck = {claim for claim, state in states.items() if state is SharedState.PENDING}
        for claim in stuck:  # only an attempt that the other hub holds for over: a new one is asked
            stands = self.vouchers.shared[claim]
            grant = self.services.grants.get(claim)
            assert grant is not None
            assert on_ask(grant[0], stands.attempt) is Granting.OVER
        for claim, state in states.items():
            grant = self.services.grants.get(claim)
            if state is SharedState.CONSUMED:
                assert grant is not None
                assert grant[0].state is GrantState.CONSUMED, (claim, grant)
            elif grant is not None and state is SharedState.FREED:
                assert not grant[0].is_live, (claim, grant)
        self.one_claim_a_record()
        self.money_follows_the_state()


TwoHubs.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestTwoHubs = TwoHubs.TestCase


def test_of_two_pending_claims_the_smaller_wins_whoever_asks_first() -> None:
    """Both are pending before either asks, so one of both hears a hit or is beaten."""
    small, great = ("hub.a/records", "1/V/A"), ("hub.b/records", "2/V/A")
    pending = SharedStanding("t")
    assert is_in_the_way(pending, own=small, asker=great)
    assert not is_in_the_way(pending, own=great, asker=small)
    consumed = replace(pending, state=SharedState.CONSUMED)
    assert is_in_the_way(consumed, own=great, asker=small)
    assert is_in_the_way(None, own=great, asker=small)
