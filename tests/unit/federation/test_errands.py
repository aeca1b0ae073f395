"""What goes with a question to another hub, and to which hubs a question is not sent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from adapters import discover
from hub.access.clients import ClientKind
from hub.access.relay import Relay
from hub.access.requester import Requester
from hub.access.resource import Caller
from hub.client.keyfile import create_key
from hub.federation.errands import Questioner, asked_name, errand_of, leads_back
from hub.harvest.connections import HttpConnection, HubConnection, StaticToken
from hub.harvest.source import HarvestSource
from hub.ledger.note import Signer
from hub.ledger.policy import NONE, Policy

OWN, THERE, BEFORE = "hub.sh.example/records", "hub.zj.example/records", "hub.ah.example/records"
READER = Caller("reader", "moe:1", ClientKind.PARTNER, frozenset({"catalogue:read", "a:read"}))
ASKER = Questioner(caller=READER, request_id="0123456789abcdef")
RELAY = Relay(via=(BEFORE,), request_id="fedcba9876543210", left_s=1.0)


def hub(folder: Path) -> HarvestSource:
    key_file, policy = folder / "key.pem", folder / "policy"
    create_key(key_file)
    signer = Signer(THERE, Ed25519PrivateKey.generate())
    policy.write_bytes(Policy((signer.key,), {}, {}, NONE).encode())
    connection = HubConnection(
        url="https://hub.zj.example",
        client_id="hub-shanghai",
        key_file=str(key_file),
        policy=str(policy),
    )
    adapter = discover()["peer_hub"]
    return HarvestSource(id="zhejiang", adapter=adapter, connection=connection, owners=None)


def errand(source: HarvestSource, asker: Questioner | None = ASKER) -> Any:
    return errand_of(source, asker, OWN, 10.0, 60.0)


def test_who_asks_for_himself_begins_a_way_and_is_named_with_his_scopes(tmp_path: Path) -> None:
    made = errand(hub(tmp_path))
    assert (made.via, made.request_id) == ((OWN,), "0123456789abcdef")
    assert (made.principal.subject, made.principal.party) == ("reader", "moe:1")
    assert made.principal.scopes == ("a:read", "catalogue:read")
    assert made.principal.act is None


def test_what_came_from_a_hub_goes_on_for_the_same_somebody_under_its_number(
    tmp_path: Path,
) -> None:
    said = Requester("ustc", "moe:2", ("hub-anhui", "hub-first"))
    asker = replace(ASKER, caller=replace(READER, requester=said), relay=RELAY)
    made = errand(hub(tmp_path), asker)
    assert (made.via, made.request_id) == ((BEFORE, OWN), RELAY.request_id)
    assert (made.principal.subject, made.principal.party) == ("ustc", "moe:2")
    assert made.principal.act == {"sub": "hub-anhui", "act": {"sub": "hub-first"}}


def test_only_hubs_are_asked_for_somebody(tmp_path: Path) -> None:
    plain = HarvestSource(
        id="campus",
        adapter=discover()["ecnu"],
        connection=HttpConnection(base_url="http://x", auth=StaticToken("t")),
        owners=("moe:10269",),
    )
    assert errand(plain) is None
    assert errand(hub(tmp_path), None) is None
    assert not leads_back(plain, replace(ASKER, relay=RELAY))


def test_a_question_is_not_sent_to_a_hub_that_it_passed(tmp_path: Path) -> None:
    source = hub(tmp_path)
    assert not leads_back(source, ASKER)
    assert not leads_back(source, replace(ASKER, relay=RELAY))
    assert leads_back(source, replace(ASKER, relay=replace(RELAY, via=(THERE,))))


def test_one_number_names_each_source_and_instrument_apart() -> None:
    names = {asked_name(RELAY, source, key) for source in "ab" for key in ("k", "l")}
    assert len(names) == 4
    other = replace(RELAY, request_id="0000000000000000")
    assert asked_name(other, "a", "k") not in names
