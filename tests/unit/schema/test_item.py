from __future__ import annotations

import pytest

from hub.store.records import stored
from schema.codes import AgreementDataset, InstrumentUse
from schema.item import Grade, Kind, describe, item, record, value
from schema.parties import Effect, owner_of_key_in, party_in
from schema.records import Instrument
from schema.registry import build, standard
from schema.traits import Listing
from schema.values import ClassCode, Name
from schema.visibility import by_agreement


def test_a_record_is_described_with_wire_names_kinds_and_scopes() -> None:
    spec = describe(Instrument)
    assert spec.table == "instrument"
    value = spec.item("original_value")
    assert (value.wire, value.kind, value.scope) == ("originalValue", Kind.VALUE, "asset:read")
    assert spec.item("institution_key").relation == "institution"
    assert spec.item("classes").many


def test_an_item_above_the_public_grade_must_be_optional() -> None:
    with pytest.raises(TypeError, match="must be optional"):

        @record("测试", key=("name",), prefix="t", owner=party_in("name"))
        class Secret:
            """A record that hides what it requires."""

            name: str = item("名称", "Name")
            price: str = item("价格", "Price", grade=Grade.L2)


def test_an_item_without_a_meaning_in_both_languages_is_refused() -> None:
    with pytest.raises(TypeError, match="no meaning"):

        @record("测试", key=("name",), prefix="t", owner=party_in("name"))
        class Mute:
            """A record that says nothing of its item."""

            name: str = item("名称", "")


@pytest.mark.parametrize("name", standard().names)
def test_every_record_has_a_key_of_required_public_items(name: str) -> None:
    spec = standard()[name]
    for part in spec.key:
        found = spec.item(part)
        assert not found.optional
        assert found.grade is Grade.L1


def test_every_prefix_belongs_to_one_record_type() -> None:
    prefixes = [spec.prefix for spec in standard()]
    assert len(prefixes) == len(set(prefixes))


def test_the_owner_is_read_off_the_keys() -> None:
    owner = "moe:10335"
    assert standard()["Instrument"].owner_of({"institutionKey": owner}) == owner
    assert standard()["ServiceOffer"].owner_of({"instrumentKey": f"{owner}/A-1"}) == owner
    assert standard()["Agreement"].owner_of({"providerKey": owner}) == owner


def test_a_restricted_item_without_a_scope_fails_at_import() -> None:
    with pytest.raises(TypeError, match="name its scope"):

        @record("测试", key=("name",), prefix="t", owner=party_in("name"))
        class Vague:
            """A record that restricts an item and does not say to whom."""

            name: str = item("名称", "Name")
            charge: str | None = item("金额", "Charge", grade=Grade.L3, default=None)


def test_the_scope_of_the_rows_is_that_of_the_restricted_items() -> None:
    assert standard()["UsageRecord"].item("hours").scope == "service:read"
    assert standard()["ServiceRecord"].item("voucher_fen").scope == "voucher:read"


def test_a_part_of_a_value_cannot_have_a_grade_of_its_own() -> None:
    with pytest.raises(TypeError, match="has the grade of the item that holds it"):

        @value("测试")
        class Inner:
            """A value that would hide a part of itself."""

            secret: str | None = item("秘密", "Secret", grade=Grade.L2, default=None)


def test_a_record_names_its_parties_by_required_items_that_it_has() -> None:
    with pytest.raises(TypeError, match="has no item whose_key"):

        @record("测试", key=("name",), prefix="t", owner=party_in("whose_key"))
        class Lost:
            """A record of nobody."""

            name: str = item("名称", "Name")

    with pytest.raises(TypeError, match="so it is one required text"):

        @record("测试", key=("name",), prefix="t", owner=owner_of_key_in("whose_key"))
        class Unsure:
            """A record that may be nobody's."""

            name: str = item("名称", "Name")
            whose_key: str | None = item("单位", "Whose", default=None)


def test_what_decides_names_who_decides() -> None:
    with pytest.raises(TypeError, match="names an issuer"):

        @record("测试", key=("name",), prefix="t", owner=party_in("name"), effect=Effect.DECISION)
        class Grading:
            """A grade that its owner would give himself."""

            name: str = item("名称", "Name")


def test_a_registry_refuses_what_cannot_stand_side_by_side() -> None:
    @record(
        "测试",
        key=("name",),
        prefix="instr",
        owner=party_in("name"),
        rows=by_agreement(AgreementDataset.ASSET),
    )
    class Twin:
        """A record with the prefix of another."""

        name: str = item("名称", "Name")

    with pytest.raises(TypeError, match="share a prefix"):
        build([*(spec.cls for spec in standard()), Twin])
    with pytest.raises(TypeError, match="which no record is"):
        build([Instrument])
    with pytest.raises(TypeError, match="needs one record that prices"):
        build([spec.cls for spec in standard() if spec.name != "ServiceOffer"])


def test_no_record_of_the_standard_can_be_seen_by_a_party_that_it_does_not_name() -> None:
    """Whoever adds a record decides who sees it: the list is written by hand."""
    public = {
        "Institution",
        "Centre",
        "Instrument",
        "ServiceOffer",
        "OpeningException",
        "OpeningHours",
        "Occupancy",
        "OccupancyCoverage",
        "Link",
        "AuditDay",
        "ClaimMap",
        "SharingConsent",
        "SensorBinding",
        "Topic",
        "BusinessStatus",
    }
    assert {spec.name for spec in standard() if spec.rows.is_public} == public


def test_what_is_searched_or_is_a_key_is_public() -> None:
    with pytest.raises(TypeError, match="keys and searched items are L1"):

        @record("测试", key=("name",), prefix="t", owner=party_in("name"))
        class Leaky:
            """A record that would be found by what it hides."""

            name: str = item("名称", "Name")
            secret: str | None = item("秘密", "Secret", grade=Grade.L2, search=True, default=None)


def test_a_listing_holds_nothing_that_needs_a_right() -> None:
    @record(
        "测试",
        key=("name_key",),
        prefix="t",
        owner=party_in("name_key"),
        golden=True,
        traits=(Listing(classes="classes", order="name", facets=("use",)),),
    )
    class Listed:
        """A record whose listing would show what an agreement protects."""

        name_key: str = item("标识", "Key")
        name: Name = item("名称", "Name", sortable=True)
        classes: tuple[ClassCode, ...] = item("分类", "Classes", filterable=True, default=())
        use: InstrumentUse | None = item(
            "类别", "Use", grade=Grade.L2, filterable=True, default=None
        )

    with pytest.raises(TypeError, match="a listing holds nothing"):
        stored(build([Listed]))
