"""A source that is renamed or registered otherwise, and another order of precedence."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from hub.audit.service import Audit
from hub.errors import ErrorCode, HubError
from hub.housekeeping import renew_precedence
from hub.identity import precedence
from hub.identity.precedence import Precedence
from hub.intake.batch import Outcome
from hub.intake.linking import link, unlink
from hub.ledger.receipts import receipt_for
from hub.store.candidates import find_pairs
from hub.store.check import check
from hub.store.database import Database
from hub.store.epoch import horizon
from hub.store.rebuild import rebuild
from hub.store.relinking import switch_precedence
from hub.store.sources import register_source, rename_source
from schema.codes import LinkRelation, SystemPurpose
from tests.integration.intake.conftest import NOW, UNIVERSITY, make_instrument

pytestmark = pytest.mark.integration
HUB = "hub:hub.delta.example"


async def rows(database: Database, statement: str) -> list[tuple[Any, ...]]:
    return await database.reads.fetch_all(statement)


async def models(database: Database) -> list[tuple[Any, ...]]:
    return await rows(database, "SELECT source, model FROM instrument ORDER BY key")


# -- renaming ----------------------------------------------------------------------------------


async def test_a_renamed_source_goes_on_where_it_was(
    push: Any, harvest: Any, instrument: Any, database: Database
) -> None:
    (first,) = (await push(instrument())).rows
    await harvest(instrument(2))
    await rename_source(database, "zju", "zju-lims")
    assert (await check(database)).is_right
    (again,) = (await push(instrument(), source="zju-lims")).rows
    assert (again.outcome, again.item_id, again.entry_id) == (
        Outcome.DUPLICATE,
        first.item_id,
        first.entry_id,
    )
    (next_one,) = (await push(instrument(model="B"), source="zju-lims")).rows
    assert (next_one.item_id, next_one.revision) == (first.item_id, 2)
    assert await models(database) == [("zju-lims", "B"), ("anhui", "JEM-2100F")]
    await rebuild(database)
    assert await models(database) == [("zju-lims", "B"), ("anhui", "JEM-2100F")]
    assert (await check(database)).is_right
    names = await rows(database, "SELECT source FROM entry ORDER BY entry_id")
    assert [name for (name,) in names] == ["zju", "anhui", "zju-lims"]


async def test_the_sender_of_a_renamed_source_keeps_its_receipts(
    push: Any, instrument: Any, database: Database, policy: Any
) -> None:
    (first,) = (await push(instrument())).rows
    await rename_source(database, "zju", "zju-lims")
    found = await receipt_for(database, first.entry_id, policy)
    assert found.source == "zju-lims"
    assert await rows(database, "SELECT sources FROM client") == [(["zju-lims"],)]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("nobody", "somebody", ErrorCode.NOT_FOUND),
        ("zju", "anhui", ErrorCode.CONFLICT),
        ("zju", "zju", ErrorCode.CONFLICT),
    ],
)
async def test_a_name_that_is_not_there_or_is_taken_is_refused(
    sources: None, database: Database, old: str, new: str, code: ErrorCode
) -> None:
    with pytest.raises(HubError) as refused:
        await rename_source(database, old, new)
    assert refused.value.code is code


async def test_a_former_name_is_not_given_to_another_source(
    sources: None, database: Database
) -> None:
    await rename_source(database, "zju", "new")
    with pytest.raises(HubError) as refused:
        await rename_source(database, "other", "zju")
    assert refused.value.code is ErrorCode.CONFLICT
    await rename_source(database, "new", "newer")
    assert await rows(database, "SELECT * FROM former_source ORDER BY 1") == [
        ("new", "newer"),
        ("zju", "newer"),
    ]


# -- registered otherwise, ordered otherwise ---------------------------------------------------


async def test_what_two_sources_say_is_settled_again_when_one_is_registered_otherwise(
    push: Any, harvest: Any, database: Database
) -> None:
    await push(make_instrument(model="own"))
    await harvest(make_instrument(model="platform"), as_of=NOW + timedelta(days=1))
    assert await models(database) == [("zju", "own")]
    before = await horizon(database)
    await register_source(
        database, "zju", "浙江大学", mode="PUSH", now=NOW, owners=["moe:1", "moe:2"]
    )
    assert await models(database) == [("anhui", "platform")]
    assert (await horizon(database)).epoch != before.epoch
    assert (await check(database)).is_right


async def test_a_registration_that_changes_nothing_leaves_the_feed_alone(
    push: Any, harvest: Any, database: Database
) -> None:
    await push(make_instrument(model="own"))
    await harvest(make_instrument(model="platform"))
    before = await horizon(database)
    await register_source(database, "zju", "新名", mode="PUSH", now=NOW, owners=[UNIVERSITY])
    assert (await horizon(database)).epoch == before.epoch


async def test_an_order_that_comes_into_force_settles_everything_again(
    push: Any, harvest: Any, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await push(make_instrument(model="own"))
    await harvest(make_instrument(model="platform"))
    (now,) = precedence._orders()
    platforms_first = Precedence(date(2027, 1, 1), tuple(reversed(now.kinds)), now.assurances)
    monkeypatch.setattr(precedence, "_orders", lambda: (now, platforms_first))
    before = await horizon(database)
    assert not await switch_precedence(database, date(2026, 12, 31))
    assert (await horizon(database)).epoch == before.epoch
    assert await switch_precedence(database, date(2027, 1, 1))
    assert await models(database) == [("anhui", "platform")]
    assert (await horizon(database)).epoch != before.epoch
    assert not await switch_precedence(database, date(2027, 1, 1))
    await harvest(make_instrument(model="newer"))  # goes by the order in force
    assert await models(database) == [("anhui", "newer")]
    assert (await check(database)).is_right


async def test_a_switch_of_precedence_is_in_the_audit_of_its_day(
    push: Any, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await push(make_instrument(model="own"))
    (now,) = precedence._orders()
    another = Precedence(date(2027, 1, 1), now.kinds, now.assurances)
    monkeypatch.setattr(precedence, "_orders", lambda: (now, another))
    later = datetime(2027, 1, 1, 1, tzinfo=UTC)
    assert await renew_precedence(database, lambda: later)
    assert not await renew_precedence(database, lambda: later)
    (row,) = await Audit(database, lambda: later).all(0, 9)
    assert (row.action, row.at) == ("precedence", later)
    assert row.detail == {"since": "2027-01-01", "former": "2026-01-01"}


async def test_a_source_that_is_kept_for_something_else_now_is_settled_again(
    push: Any, harvest: Any, database: Database
) -> None:
    """The asset cloud, a platform, leads for what a thing cost as soon as it is said to be one."""

    def costing(amount: str, **more: Any) -> Any:
        return make_instrument(originalValue={"amount": amount, "currency": "CNY"}, **more)

    await push(costing("1.00", model="own"))
    await harvest(costing("2.00", model="cloud"))
    shown = "SELECT source, model, original_value->>'amount', chosen FROM instrument"
    assert await database.reads.fetch_all(shown) == [("zju", "own", "1.00", None)]
    before = await horizon(database)
    await register_source(
        database,
        "anhui",
        "资产云",
        mode="HARVEST",
        now=NOW,
        owners=None,
        purpose=SystemPurpose.ASSET.value,
    )
    assert await database.reads.fetch_all(shown) == [
        ("zju", "own", "2.00", {"acceptedOn": "anhui", "originalValue": "anhui"})
    ]
    assert (await horizon(database)).epoch != before.epoch
    assert (await check(database)).is_right
    await harvest(costing("3.00"))
    ((_, _, amount, _),) = await database.reads.fetch_all(shown)
    assert amount == "3.00"
    assert (await check(database)).is_right


async def test_a_hub_that_was_never_written_takes_the_order_of_the_day_in_silence(
    database: Database,
) -> None:
    before = await horizon(database)
    assert not await switch_precedence(database, date(2026, 11, 25))
    assert (await horizon(database)).epoch == before.epoch


# -- links by the operator ---------------------------------------------------------------------


async def test_the_operator_links_and_takes_back(harvest: Any, database: Database) -> None:
    await harvest(make_instrument(1), make_instrument(2))
    pair = ("Instrument", f"{UNIVERSITY}/A00002", f"{UNIVERSITY}/A00001")
    await link(database, lambda: NOW, HUB, pair, LinkRelation.SAME_AS, "one plate")
    assert await rows(database, "SELECT key FROM instrument") == [(f"{UNIVERSITY}/A00001",)]
    assert (await check(database)).is_right
    await unlink(database, lambda: NOW, HUB, pair, "a mistake")
    assert len(await models(database)) == 2
    assert (await check(database)).is_right


async def test_a_link_of_what_is_no_key_is_refused_in_words(database: Database) -> None:
    with pytest.raises(HubError) as refused:
        pair = ("Institution", "moe:1", "moe:2/x")
        await link(database, lambda: NOW, HUB, pair, LinkRelation.SAME_AS, None)
    assert "secondKey" in refused.value.message_en
    with pytest.raises(HubError):
        await unlink(database, lambda: NOW, HUB, ("Institution", "moe:1", "moe:2"), "never was")


async def test_candidates_share_an_identifier_or_maker_model_and_serial_and_never_a_name(
    harvest: Any, database: Database
) -> None:
    plate = {"manufacturer": "JEOL", "serialNo": "S1"}
    pid = [{"scheme": "HANDLE", "value": "21.T1/1"}]
    await harvest(
        make_instrument(1, **plate),
        make_instrument(2, **plate),
        make_instrument(3, identifiers=pid),
        make_instrument(4, identifiers=pid),
        make_instrument(5, manufacturer="JEOL"),  # the same maker and model, no serial number
        make_instrument(6, name={"zh": "场发射扫描电镜1"}),
    )
    key = f"{UNIVERSITY}/A0000"
    found = [(each.first, each.second) for each in await find_pairs(database)]
    assert found == [(f"{key}1", f"{key}2"), (f"{key}3", f"{key}4")]
    pair = ("Instrument", f"{key}1", f"{key}2")
    await link(database, lambda: NOW, HUB, pair, LinkRelation.DIFFERS, "two plates")
    assert [each.first for each in await find_pairs(database)] == [f"{key}3"]
