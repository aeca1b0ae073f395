from __future__ import annotations

import pytest

from schema.item import Grade, Kind, describe, item, record
from schema.records import RECORDS, Instrument


def test_a_record_is_described_with_wire_names_kinds_and_scopes() -> None:
    spec = describe(Instrument)
    assert spec.table == "instrument"
    value = spec.item("original_value")
    assert (value.wire, value.kind, value.scope) == ("originalValue", Kind.VALUE, "asset:read")
    assert spec.item("institution_key").relation == "institution"
    assert spec.item("classes").many


def test_an_item_above_the_public_grade_must_be_optional() -> None:
    with pytest.raises(TypeError, match="must be optional"):

        @record("测试", key=("name",), prefix="t")
        class Secret:
            """A record that hides what it requires."""

            name: str = item("名称", "Name")
            price: str = item("价格", "Price", grade=Grade.L2)


def test_an_item_without_a_meaning_in_both_languages_is_refused() -> None:
    with pytest.raises(TypeError, match="no meaning"):

        @record("测试", key=("name",), prefix="t")
        class Mute:
            """A record that says nothing of its item."""

            name: str = item("名称", "")


@pytest.mark.parametrize("name", RECORDS)
def test_every_record_has_a_key_of_required_public_items(name: str) -> None:
    spec = RECORDS[name]
    for part in spec.key:
        found = spec.item(part)
        assert not found.optional
        assert found.grade is Grade.L1


def test_every_prefix_belongs_to_one_record_type() -> None:
    prefixes = [spec.prefix for spec in RECORDS.values()]
    assert len(prefixes) == len(set(prefixes))


def test_the_owner_is_read_off_the_keys() -> None:
    owner = "moe:10335"
    assert RECORDS["Instrument"].owner_of({"institutionKey": owner}) == owner
    assert RECORDS["ServiceOffer"].owner_of({"instrumentKey": f"{owner}/A-1"}) == owner
    assert RECORDS["Agreement"].owner_of({"providerKey": owner}) == owner
