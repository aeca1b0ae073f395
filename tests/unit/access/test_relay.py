"""On whose way a question comes: who is believed to say so, in which form, and where it ends."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.access.clients import ClientKind
from hub.access.envelope import Envelope
from hub.access.gate import Admitted, Signed
from hub.access.limits import RELAY_S_MAX
from hub.access.relay import DEADLINE, REQUEST, VIA, Relay, believed, relay_headers
from hub.access.resource import Caller
from hub.access.signatures import MUTATION, SignatureEvidence
from hub.errors import RefusedError

HERE = "hub.zj.example/records"
RELAY = Relay(via=("hub.sh.example/records",), request_id="0123456789abcdef", left_s=1.45)
PEER = Caller("hub-sh", "moe:1", ClientKind.PEER, frozenset({"catalogue:read"}))
SIGNED = Signed(SignatureEvidence("hub-sh", "k", "n", 0, b"", b""), b"", "")


def admitted(caller: Caller = PEER, signed: Signed | None = SIGNED, **headers: str) -> Admitted:
    said = relay_headers(RELAY) | {f"hub-{name}": value for name, value in headers.items()}
    return Admitted(Envelope("POST", "/graphql", "t", "t", said), caller, b"", signed)


def test_what_a_peer_says_in_a_signed_request_is_believed_as_it_was_said() -> None:
    assert believed(admitted()) == RELAY
    both = replace(RELAY, via=("a/records", "b/records"))
    assert believed(admitted(via="a/records,  b/records")) == both


def test_nobody_else_is_believed() -> None:
    partner = replace(PEER, kind=ClientKind.PARTNER)
    assert believed(admitted(partner)) is None
    assert believed(admitted(replace(PEER, scopes=frozenset({"changes:read"})))) is None
    assert believed(admitted(signed=None)) is None
    without = replace(admitted(), envelope=Envelope("POST", "/graphql", "t", "t", {}))
    assert believed(without) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("via", ""),
        ("via", "a/records,"),
        ("via", "a b"),
        ("via", "x" * 201),
        ("request", "short"),
        ("request", "0123456789 abcdef"),
        ("request", "x" * 65),
        ("deadline", ""),
        ("deadline", "-1"),
        ("deadline", "1.5"),
        ("deadline", "01"),
        ("deadline", "1000000"),
    ],
)
def test_another_form_is_refused(name: str, value: str) -> None:
    with pytest.raises(RefusedError, match=f"hub-{name}"):
        believed(admitted(**{name: value}))


def test_time_is_never_more_than_the_bound_and_never_less_than_nothing() -> None:
    most = believed(admitted(deadline="999999"))
    assert most is not None
    assert most.left_s == RELAY_S_MAX
    assert relay_headers(replace(RELAY, left_s=-3.0))[DEADLINE] == "0"


def test_a_question_ends_where_it_was_before_and_after_two_hubs() -> None:
    assert not RELAY.ends_at(HERE)
    assert RELAY.ends_at("hub.sh.example/records")
    assert not replace(RELAY, via=("a", "b")).ends_at(HERE)
    assert replace(RELAY, via=("a", "b", "c")).ends_at(HERE)


def test_a_signature_covers_them_where_they_are_sent() -> None:
    headers = dict.fromkeys(("content-digest", "content-type", "authorization", "dpop"), "x")
    assert f'"{VIA}"' not in MUTATION.wanted(headers)
    covered = MUTATION.wanted(headers | relay_headers(RELAY))
    assert covered[-3:] == tuple(f'"{name}"' for name in (VIA, REQUEST, DEADLINE))
