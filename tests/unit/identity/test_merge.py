"""The golden record of several claims, and whom it believes."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.identity import precedence as believed
from hub.identity.merge import merge
from hub.identity.precedence import Claim, kind_for, precedence_on
from schema.codes import Assurance, SourceKind, SystemPurpose
from schema.registry import standard

NOW = datetime(2026, 11, 25, tzinfo=UTC)
ORDER = precedence_on(NOW.date())
KINDS = ("OWN", "DELEGATE", "PLATFORM", "PEER", "NONE")
ASSURANCES = ("PRODUCER_SIGNED", "REQUEST_SIGNED", "HUB_OBSERVED")


def claim(
    source: str,
    kind: str = "OWN",
    assurance: str = "HUB_OBSERVED",
    day: int = 0,
    entry_id: int = 1,
    purpose: str = "OTHER",
    **wire: Any,
) -> Claim:
    return Claim(
        source=source,
        authority="",
        key="moe:10335/1",
        kind=SourceKind[kind],
        purpose=SystemPurpose[purpose],
        assurance=assurance,
        as_of=NOW + timedelta(days=day),
        entry_id=entry_id,
        wire=wire,
    )


def test_of_nothing_there_is_nothing() -> None:
    assert merge([], ORDER) is None


def test_one_claim_is_taken_as_it_is() -> None:
    found = merge([claim("a", name="x")], ORDER)
    assert found is not None
    assert (found.lead.source, found.wire, found.chosen) == ("a", {"name": "x"}, {})


def test_each_item_comes_from_the_first_that_states_it() -> None:
    found = merge(
        [
            claim("p", "PLATFORM", entry_id=3, a="p", b="p", c="p", d="p"),
            claim("own", entry_id=1, a="own"),
            claim("d", "DELEGATE", entry_id=2, a="d", b="d", e=[]),
        ],
        ORDER,
    )
    assert found is not None
    assert found.lead.source == "own"
    assert found.wire == {"a": "own", "b": "d", "c": "p", "d": "p", "e": []}
    assert found.chosen == {"b": "d", "c": "p", "d": "p", "e": "d"}


def test_who_says_unknown_says_so_only_where_nobody_knows_more() -> None:
    own, platform = claim("own", status="UNKNOWN"), claim("p", "PLATFORM", status="IN_SERVICE")
    found = merge([own, platform], ORDER)
    assert found is not None
    assert (found.lead.source, found.wire) == ("own", {"status": "IN_SERVICE"})
    assert found.chosen == {"status": "p"}
    alone = merge([own, claim("p", "PLATFORM", status="UNKNOWN")], ORDER)
    assert alone is not None
    assert (alone.wire, alone.chosen) == ({"status": "UNKNOWN"}, {})


def test_a_value_is_taken_whole() -> None:
    found = merge(
        [claim("a", price={"amount": "1"}), claim("p", "PLATFORM", price={"currency": "CNY"})],
        ORDER,
    )
    assert found is not None
    assert found.wire == {"price": {"amount": "1"}}


def test_merging_changes_no_claim() -> None:
    lead, other = claim("a", a=1), claim("p", "PLATFORM", b=2)
    merge([lead, other], ORDER)
    assert (lead.wire, other.wire) == ({"a": 1}, {"b": 2})


@pytest.mark.parametrize(
    ("first", "second"),
    [
        *(
            (
                claim("1", better, "HUB_OBSERVED", -9999, 1),
                claim("2", worse, "PRODUCER_SIGNED", 9999, 2),
            )
            for better, worse in pairwise(KINDS)
        ),
        *(
            (claim("1", "PLATFORM", better, -9999, 1), claim("2", "PLATFORM", worse, 9999, 2))
            for better, worse in pairwise(ASSURANCES)
        ),
        (claim("1", day=1, entry_id=1), claim("2", day=0, entry_id=2)),
        (claim("1", entry_id=2), claim("2", entry_id=1)),
    ],
)
def test_kind_comes_first_then_assurance_then_age_then_the_entry(
    first: Claim, second: Claim
) -> None:
    assert ORDER.rank(first) < ORDER.rank(second)


_claims = st.builds(
    claim,
    source=st.sampled_from("abcd"),
    kind=st.sampled_from(KINDS),
    assurance=st.sampled_from(ASSURANCES),
    day=st.integers(-3, 3),
    entry_id=st.integers(1, 10**6),
    **{name: st.integers(0, 3) for name in "xy"},
)


@given(
    st.lists(_claims, unique_by=lambda each: each.entry_id, max_size=6).flatmap(
        lambda claims: st.tuples(st.just(claims), st.permutations(claims))
    )
)
def test_the_order_in_which_claims_are_read_never_matters(
    both: tuple[list[Claim], list[Claim]],
) -> None:
    assert merge(both[0], ORDER) == merge(both[1], ORDER)


@given(st.lists(_claims, unique_by=lambda each: each.entry_id, min_size=1, max_size=6))
def test_what_is_shown_was_said_by_whom_it_names(claims: list[Claim]) -> None:
    found = merge(claims, ORDER)
    assert found is not None
    assert found.wire.keys() == {name for each in claims for name in each.wire}
    for name, value in found.wire.items():
        source = found.chosen.get(name, found.lead.source)
        assert any(each.source == source and each.wire.get(name) == value for each in claims)


def same(key: str) -> str:
    return {"moe:1": "uscc:1"}.get(key, key)


@pytest.mark.parametrize(
    ("owners", "issuer", "kind"),
    [
        (["moe:1"], "uscc:1", "OWN"),
        (["uscc:1"], "uscc:1", "OWN"),
        (["moe:2", "moe:1"], "uscc:1", "OWN"),
        (["moe:2"], "uscc:1", "NONE"),
        ([], "uscc:1", "NONE"),
        (None, "uscc:1", "OWN"),
    ],
)
def test_a_source_that_was_cut_down_has_no_standing(
    owners: list[str] | None, issuer: str, kind: str
) -> None:
    assert kind_for(SourceKind.OWN, owners, issuer, same) is SourceKind[kind]


def test_every_order_names_every_kind_and_assurance_once() -> None:
    stated = tomllib.loads(Path(believed.__file__).with_name("precedence.toml").read_text("utf-8"))
    assert stated["precedence"]
    for each in stated["precedence"]:
        assert sorted(each["kinds"]) == sorted(kind.name for kind in SourceKind)
        assert sorted(each["assurances"]) == sorted(kind.name for kind in Assurance)
        assert isinstance(each["since"], date)
        assert each["kinds"][0] == "OWN"
        assert each["kinds"][-1] == "NONE"
    dates = [each["since"] for each in stated["precedence"]]
    assert dates == sorted(set(dates))


def test_an_order_that_leaves_something_out_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "precedence.toml"
    file.write_text(
        '[[precedence]]\nsince = 2026-01-01\nkinds = ["OWN"]\nassurances = ["HUB_OBSERVED"]\n',
        "utf-8",
    )
    monkeypatch.setattr(believed, "_FILE", file)
    with pytest.raises(TypeError, match="does not name everything"):
        believed._orders.__wrapped__()


def test_the_order_of_a_day_is_the_last_that_began(monkeypatch: pytest.MonkeyPatch) -> None:
    def since(year: int) -> believed.Precedence:
        return believed.Precedence(date(year, 1, 1), ORDER.kinds, ORDER.assurances)

    orders = (since(2026), since(2028))
    monkeypatch.setattr(believed, "_orders", lambda: orders)
    days = {date(2020, 1, 1): 0, date(2026, 1, 1): 0, date(2027, 12, 31): 0, date(2028, 1, 1): 1}
    assert {day: precedence_on(day) for day in days} == {day: orders[n] for day, n in days.items()}


def value_of(*claims: Claim, item: str = "originalValue") -> Any:
    found = merge(claims, ORDER, "Instrument")
    assert found is not None
    return found.wire[item]


@pytest.mark.parametrize("kind", ["OWN", "DELEGATE", "PLATFORM"])
def test_the_asset_accounts_lead_for_the_value_and_the_laboratory_for_the_status(kind: str) -> None:
    """Whichever of them is the newer word, the better signed, or the owner's own."""
    lab = claim(
        "lab",
        "OWN",
        "PRODUCER_SIGNED",
        day=9,
        entry_id=2,
        purpose="LAB",
        originalValue="lab",
        status="lab",
        model="lab",
    )
    asset = claim(
        "asset", kind, purpose="ASSET", originalValue="asset", status="asset", model="asset"
    )
    for claims in ([lab, asset], [asset, lab]):
        found = merge(claims, ORDER, "Instrument")
        assert found is not None
        assert found.wire == {"originalValue": "asset", "status": "lab", "model": "lab"}
        assert (found.lead.source, found.chosen) == ("lab", {"originalValue": "asset"})


def test_who_leads_for_an_item_but_does_not_state_it_leaves_it_to_the_general_order() -> None:
    asset = claim("asset", "PLATFORM", purpose="ASSET", model="asset")
    own, other = claim("own", originalValue="own"), claim("p", "PLATFORM", originalValue="p")
    assert value_of(other, asset, own) == "own"


@pytest.mark.parametrize("kind", ["PEER", "NONE"])
def test_a_peer_or_who_is_not_registered_leads_nothing_by_its_purpose(kind: str) -> None:
    stranger = claim("x", kind, "PRODUCER_SIGNED", 9, purpose="ASSET", originalValue="x")
    assert value_of(stranger, claim("p", "PLATFORM", originalValue="p")) == "p"


def test_a_laboratory_system_of_a_platform_does_not_lead_before_the_owner() -> None:
    platform = claim("p", "PLATFORM", purpose="LAB", status="p")
    assert value_of(claim("own", status="own"), platform, item="status") == "own"


def test_the_national_platform_comes_after_the_other_platforms() -> None:
    nrii = claim("nrii", "PLATFORM", "PRODUCER_SIGNED", 9, purpose="NATIONAL", model="n")
    province = claim("p", "PLATFORM", model="p")
    assert value_of(nrii, province, item="model") == "p"
    assert value_of(nrii, claim("peer", "PEER", model="peer"), item="model") == "n"


def test_lines_of_an_order_name_records_and_items_of_the_standard() -> None:
    """Items of merged records; other records as a whole."""
    assert ORDER.leads
    for record, item in ORDER.leads:
        spec = standard()[record]
        assert (item in {each.wire for each in spec.items}) if spec.golden else item == ""


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ('kinds = ["PEER"]\nrecord = "Instrument"\nitems = ["model"]', "leads nothing"),
        ('kinds = ["OWN"]\nrecord = "Instrument"\nitems = ["model", "model"]', "two lines lead"),
    ],
)
def test_a_line_that_puts_a_peer_first_or_repeats_an_item_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, wrong: str
) -> None:
    general = Path(believed.__file__).with_name("precedence.toml").read_text("utf-8")
    general = general.partition("[[precedence.lead]]")[0]
    file = tmp_path / "precedence.toml"
    file.write_text(f'{general}[[precedence.lead]]\npurpose = "LAB"\n{line}\n', "utf-8")
    monkeypatch.setattr(believed, "_FILE", file)
    with pytest.raises(TypeError, match=wrong):
        believed._orders.__wrapped__()
