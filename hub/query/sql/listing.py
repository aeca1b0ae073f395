"""`listing`: which pages are read from the listing of a record type, and by which conditions.

- The listing has one narrow row for each class of a record, in reading order (`hub.store.derive`);
  its indexes answer a page and its count without the wide rows, however many records there are.
- It serves connections in the order of names, narrowed by one class, by the facets that it holds,
  or by both. Everything else reads the records themselves; so does a page of all of them, which
  their own index gives in order.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.query.plan.arguments import Argument
from hub.query.sql.filters import FilterKind, Member, member_conditions, present_members, under_step
from hub.query.sql.statement import Statement
from schema.item import RecordSpec

ORDERS = ((), ("NAME_ASC",), ("NAME_DESC",))


@dataclass(frozen=True, slots=True)
class ListingPage:
    """The rows of a listing that a page is read from."""

    table: str
    where: tuple[str, ...]


def listing_page(
    spec: RecordSpec,
    filtered: Argument | None,
    names: tuple[str, ...],
    alias: str,
    statement: Statement,
) -> ListingPage | None:
    """Return how a page is read from the listing, or None where the listing cannot answer it."""
    listing = statement.model.listings.get(spec.name)
    if listing is None or filtered is None or names not in ORDERS:
        return None
    members = present_members(spec, filtered, statement.model)
    if not members or not all(
        _is_answered(member, argument, listing.facets) for member, argument in members
    ):
        return None
    step, where = "''", []
    for member, argument in members:
        if member.item is not None:
            statement.must_read(spec, member.item, f"filter.{member.name}")
        if member.kind is FilterKind.CLASSES:
            step = under_step(argument.members()[0], statement)
        else:
            where += member_conditions(member, argument, alias, statement)
    return ListingPage(listing.table, (f"{alias}.step = {step}", *where))


def _is_answered(member: Member, argument: Argument, facets: tuple[str, ...]) -> bool:
    if member.kind is FilterKind.CLASSES:
        classes = argument.members()
        return (
            len(classes) == 1
            and classes[0].get("under") is not None
            and classes[0].get("code") is None
        )
    if member.kind is FilterKind.PROVINCES:
        return True
    return member.item is not None and member.item.name in facets
