import pytest

from hub.harvest.reconcile import NOT_REPORTED, reconcile

KNOWN = {f"k{number}" for number in range(100)}


def keys(*numbers):
    return {f"k{number}" for number in numbers}


def test_what_a_whole_list_no_longer_names_is_withdrawn():
    verdict = reconcile(KNOWN, KNOWN - keys(1, 2), {}, whole=True)
    assert not verdict.held
    assert verdict.withdraw == {"k1": NOT_REPORTED, "k2": NOT_REPORTED}


def test_a_part_of_a_list_proves_nothing_about_the_rest():
    assert reconcile(KNOWN, keys(1), {}, whole=False).withdraw == {}


def test_what_the_source_calls_ended_is_withdrawn_if_the_hub_has_it():
    verdict = reconcile(KNOWN, keys(1), {"k2": "CANCELLED", "new": "CANCELLED"}, whole=False)
    assert verdict.withdraw == {"k2": "CANCELLED"}


def test_what_is_named_again_is_not_ended():
    assert reconcile(KNOWN, KNOWN, {"k2": "MOVED"}, whole=True).withdraw == {}


@pytest.mark.parametrize(("lost", "held"), [(20, False), (21, True), (99, True)])
def test_losing_more_than_a_fifth_waits_for_the_operator(lost, held):
    seen = {f"k{number}" for number in range(lost, 100)}
    verdict = reconcile(KNOWN, seen, {}, whole=True)
    assert verdict.held is held
    assert len(verdict.withdraw) == (0 if held else lost)
    approved = reconcile(KNOWN, seen, {}, whole=True, approved=True)
    assert not approved.held
    assert len(approved.withdraw) == lost


def test_as_many_new_as_lost_is_change_and_no_shrinking():
    seen = {f"k{number}" for number in range(50, 150)}
    verdict = reconcile(KNOWN, seen, {}, whole=True)
    assert not verdict.held
    assert len(verdict.withdraw) == 50


def test_an_empty_answer_never_deletes_even_when_approved():
    for approved in (False, True):
        verdict = reconcile(KNOWN, set(), {}, whole=True, approved=approved)
        assert verdict.held
        assert verdict.withdraw == {}


def test_one_of_three_is_no_shrinking_but_none_of_three_is():
    assert not reconcile(keys(1, 2, 3), keys(1, 2), {}, whole=True).held
    assert reconcile(keys(1, 2, 3), set(), {}, whole=True).held
    assert not reconcile(set(), set(), {}, whole=True).held
