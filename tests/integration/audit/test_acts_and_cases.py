"""What an operator does is in the audit, and what is given by case ends with it."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub.access.cases import CaseGrant
from hub.access.clients import ClientKind, RegistrationError
from hub.access.registration import ClientGrant, admit, application_document, read_application
from hub.access.scopes import OPERATOR_WILDCARD, expand
from hub.access.store import DatabaseClientStore
from hub.cli.main import assemble
from hub.client import CallRefusedError, HubClient
from hub.clock import system_clock
from hub.crypto.keys import generate_key
from hub.store.database import Database
from tests.integration.app.conftest import BASE, UNIVERSITY, World, world  # noqa: F401 - a fixture

pytestmark = pytest.mark.integration
KID_UNKNOWN = "x" * 43


@pytest.fixture
def deltahub(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HUB_DATABASE_URL", database_url)
    monkeypatch.setenv("HUB_DATA_DIR", str(tmp_path / "data"))

    def run(*words: str) -> Any:
        return CliRunner().invoke(assemble(), list(words))

    return run


def listed(deltahub: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in deltahub("audit", "list").output.splitlines()]


def test_every_verb_that_changes_something_is_in_the_audit_before_it_is_done(
    deltahub: Any, tmp_path: Path
) -> None:
    document = tmp_path / "registration.json"
    document.write_text(json.dumps(application_document("zju", "ZJU", generate_key().public)))
    told = ("--party", UNIVERSITY, "--kind", "UNIVERSITY", "--scope", "catalogue:read")
    case = ("--case", "7", "--purpose", "复核", "--until", "2030-01-31")
    order = ("--reason", "x", "--authority", "y", "--by", "z")
    verbs = [
        (0, "client register", (str(document), *told)),
        (0, "client grant-case", ("zju", "person:read", *case)),
        (1, "client revoke-key", (KID_UNKNOWN,)),
        (0, "source add", ("zju", "--title", "浙大", "--owner", UNIVERSITY)),
        (2, "quarantine discard", ("1",)),
        (0, "identity link", ("Institution", "moe:10335", "moe:10336", "--reason", "x")),
        (1, "erase", ("Instrument", "moe:10335/A1", *order)),
        (0, "store rebuild", ()),
        (0, "store backup", (str(tmp_path / "b.zip"),)),
    ]
    for code, verb, words in verbs:
        done = deltahub(*verb.split(), *words)
        assert (done.exit_code == 0) is (code == 0), (verb, done.output)
    rows = listed(deltahub)
    said = [(row["action"], "failed" in row["detail"]) for row in rows]
    expected = []
    for code, verb, _ in verbs:
        expected += [(verb, False)] + ([(verb, True)] if code == 1 else [])
    assert said == expected
    assert {row["kind"] for row in rows} == {"ACT"}
    assert rows[0]["owners"] == [UNIVERSITY]
    assert all(row["detail"]["user"] for row in rows)


def test_what_an_order_erases_is_not_kept_by_the_audit(deltahub: Any) -> None:
    order = ("--authority", "y", "--by", "z")
    deltahub("erase", "--text", "张三丰", "--reason", "张三丰 要求", *order)
    deltahub("erase", "--text", "张三丰", "--reason", "号码 11010519491231002X", *order)
    text = deltahub("audit", "list").output
    assert text.count('"action": "erase"') == 4
    assert "张三丰" not in text
    assert "11010519491231002" not in text


def test_reading_changes_nothing_and_leaves_no_row(deltahub: Any) -> None:
    for words in (("source", "list"), ("client", "list"), ("store", "check"), ("audit", "check")):
        assert deltahub(*words).exit_code == 0
    assert listed(deltahub) == []


def test_the_wildcard_of_operators_does_not_break_the_glass() -> None:
    assert "operator:break-glass" not in expand([OPERATOR_WILDCARD])
    assert expand(["operator:break-glass"]) == ("operator:break-glass",)


async def test_a_scope_that_is_given_by_case_is_not_registered_without_one(
    database: Database,
) -> None:
    application = read_application(application_document("zju", "ZJU", generate_key().public))
    for scope in ("person:read", "operator:break-glass"):
        grant = ClientGrant(UNIVERSITY, ClientKind.UNIVERSITY, (scope,))
        with pytest.raises(RegistrationError, match="by case"):
            await admit(DatabaseClientStore(database), application, grant, system_clock())


DOCUMENT = """{ usageRecords(first: 1) { nodes { userReference } } }"""


async def test_a_case_that_is_over_gives_nothing_and_callers_read_of_themselves(
    world: World,  # noqa: F811 - the fixture
) -> None:
    scopes = ("catalogue:read", "service:read", "graphql:adhoc", "receipt:read", "records:push")
    writer = await world.register("zju", UNIVERSITY, ClientKind.UNIVERSITY, scopes, "zju-push")
    record = {
        "instrumentKey": f"{UNIVERSITY}/A1",
        "localId": "U1",
        "hours": "4.0",
        "startedAt": "2026-11-02T01:00:00Z",
        "endedAt": "2026-11-02T05:00:00Z",
        "purpose": "RESEARCH",
        "collectionMethod": "SENSOR",
        "userReference": "p-1",
    }
    pushed = await writer.push([{"type": "UsageRecord", "record": record}], source="zju-push")
    assert pushed.body["counts"]["accepted"] == 1
    store = DatabaseClientStore(world.hub.database)
    shown = []
    for name, days in (("ended", -1), ("open", 1)):
        until = system_clock() + timedelta(days=days)
        case = CaseGrant(scope="person:read", case_no=name, purpose="复核", until=until)
        key = generate_key()
        application = read_application(application_document(name, name, key.public))
        granted = (*scopes[:4], "person:read")
        grant = ClientGrant(UNIVERSITY, ClientKind.UNIVERSITY, granted, cases=(case,))
        await admit(store, application, grant, system_clock())
        async with HubClient(BASE, name, key, transport=world.transport) as client:
            answer = await client.query(DOCUMENT)
            shown.append(answer["data"]["usageRecords"]["nodes"][0]["userReference"])
    assert shown == [None, "p-1"]
    rows = await world.hub.database.reads.fetch_all(
        "SELECT client_id, grade, case_no FROM audit ORDER BY audit_id"
    )
    assert rows == [("ended", "L3", None), ("open", "L4", "open")]
    seen = await writer.audit()
    assert [row["clientId"] for row in seen["rows"]] == ["ended", "open"]
    assert seen["next"] is None
    assert (await writer.audit(seen["rows"][0]["auditId"]))["rows"] == seen["rows"][1:]
    stranger = await world.register("other", "moe:10246", ClientKind.PARTNER, ("receipt:read",))
    assert (await stranger.audit())["rows"] == []
    deaf = await world.register("deaf", UNIVERSITY, ClientKind.UNIVERSITY, ("catalogue:read",))
    with pytest.raises(CallRefusedError) as refused:
        await deaf.audit()
    assert refused.value.code == "SCOPE_MISSING"
    for wrong in ("x", "1&after=2", "-1", "9" * 30, "0&first=0", "0&first=201", "0&more=1"):
        with pytest.raises(CallRefusedError) as refused:
            await _raw(writer, f"/audit?after={wrong}")
        assert refused.value.code == "BAD_USER_INPUT"


async def _raw(client: HubClient, path: str) -> None:
    answer = await client._call("GET", path, {"accept": "application/json"}, b"")
    if answer.is_error:
        raise CallRefusedError(answer.json()["code"], answer.status_code)
