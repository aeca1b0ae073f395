"""`deltahub identity`: which keys name one thing, and who is believed of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from hub.cli.context import Act, open_database, run, settings
from hub.clock import system_clock
from hub.errors import ErrorCode, HubError
from hub.identity.explain import ExplainedItem
from hub.identity.likeness import Pair
from hub.identity.precedence import Claim
from hub.intake import linking
from hub.intake.batch import Outcomes
from hub.store.candidates import find_pairs, sides_of
from hub.store.explaining import Explained, explain
from schema.codes import LinkRelation
from schema.item import RecordSpec
from schema.parties import HUB_PARTY
from schema.registry import standard

app = typer.Typer(help="Which keys name one institution or instrument, and who is believed of it.")

SHOWN_MAX = 100
"""Pairs of one page."""
NOTHING = "-"
VALUE_MAX = 60
"""Characters of a value that are shown."""

RecordType = Annotated[str, typer.Argument(help="Institution or Instrument")]
Key = Annotated[str, typer.Argument(help="key of one of the two")]
Reason = Annotated[str, typer.Option(help="by what you know it; it is part of the record")]
OfType = Annotated[str | None, typer.Option("--type", help="of one record type only")]


@app.command()
def candidates(
    of_type: OfType = None,
    page: Annotated[int, typer.Option(min=1, max=10_000, help="which page")] = 1,
    size: Annotated[int, typer.Option(min=1, max=SHOWN_MAX, help="pairs of a page")] = 10,
) -> None:
    """Show pairs that may be one thing, both sides beside each other, and why they are shown.

    A pair that is decided does not come back. What identifiers prove within one institution a
    running hub joins by itself.
    """
    if of_type is not None:
        _spec(of_type)
    pairs, sides = run(_candidates(of_type, (page - 1) * size, size))
    for number, pair in enumerate(pairs[(page - 1) * size : page * size], (page - 1) * size + 1):
        _print_pair(number, pair, sides)
    pages = -(-len(pairs) // size)
    typer.echo(f"{len(pairs)} pairs, page {page} of {pages or 1}")
    if pairs:
        typer.echo("deltahub identity link TYPE KEY KEY --reason …   they are one")
        typer.echo("deltahub identity link TYPE KEY KEY --differs --reason …   they are two")


def _print_pair(number: int, pair: Pair, sides: Mapping[str, Mapping[str, Any]]) -> None:
    typer.echo(f"{number}  {pair.record_type}  {pair.first}  |  {pair.second}")
    typer.echo(f"    why: {'; '.join(pair.shared)}")
    if pair.is_certain:
        typer.echo("    needs no person: a running hub joins them")
    for doubt in sorted(pair.doubts):
        typer.echo(f"    doubt: {doubt}")
    for owner in pair.said_by:
        typer.echo(f"    {owner} says that they are one; it counts when both owners say it")
    first, second = (sides.get(key, {}) for key in (pair.first, pair.second))
    for item in ("sources", *(each.wire for each in _spec(pair.record_type).items)):
        one, other = (_text(side.get(item)) for side in (first, second))
        sign = " " if one == other else ("·" if NOTHING in (one, other) else "≠")
        if (one, other) != (NOTHING, NOTHING):
            typer.echo(f"  {sign} {item}: {one}  |  {other}")


def _text(value: Any) -> str:
    """Return a value as one line; long ones are cut."""
    if value is None or value == []:
        return NOTHING
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    line = " ".join(text.split())
    return line if len(line) <= VALUE_MAX else line[: VALUE_MAX - 1] + "…"


async def _candidates(
    of_type: str | None, start: int, size: int
) -> tuple[list[Pair], dict[str, Mapping[str, Any]]]:
    sides: dict[str, Mapping[str, Any]] = {}
    async with open_database() as database:
        pairs = await find_pairs(database, of_type)
        keys: dict[str, list[str]] = {}
        for pair in pairs[start : start + size]:
            keys.setdefault(pair.record_type, []).extend((pair.first, pair.second))
        for record_type, wanted in keys.items():
            sides |= await sides_of(database, record_type, wanted)
    return pairs, sides


@app.command()
def link(
    record_type: RecordType,
    first: Key,
    second: Key,
    reason: Reason,
    differs: Annotated[
        bool, typer.Option("--differs", help="they are two, however alike they look")
    ] = False,
) -> None:
    """State that two keys name one thing, with what is below them; or, --differs, that they do not.

    The pair does not come back as a candidate.
    """
    relation = LinkRelation.DIFFERS if differs else LinkRelation.SAME_AS
    _print_outcomes(run(_link((record_type, first, second), relation, reason)))


@app.command()
def unlink(record_type: RecordType, first: Key, second: Key, reason: Reason) -> None:
    """Take back what the operator or the hub stated of two keys: readers see the former rows.

    The hub does not join them again by itself.
    """
    _print_outcomes(run(_unlink((record_type, first, second), reason)))


@app.command()
def join() -> None:
    """Join now what identifiers prove to be one within an institution, as a running hub does."""
    typer.echo(f"{run(_join())} pairs joined")


def _print_outcomes(outcomes: Outcomes) -> None:
    for row in outcomes.rows:
        typer.echo(f"{row.outcome.value}  {row.key}  entry {row.entry_id}")


def _act(action: str, pair: tuple[str, str, str], **more: str) -> Act:
    record_type, *keys = pair
    owners = [key.partition("/")[0] for key in keys]
    return Act(action, {"type": record_type, "keys": keys, **more}, owners)


async def _link(pair: tuple[str, str, str], relation: LinkRelation, reason: str) -> Outcomes:
    hub_settings = settings()
    act = _act("identity link", pair, relation=relation.name)
    async with open_database(hub_settings, act) as database:
        party = f"{HUB_PARTY}{hub_settings.log_origin}"
        return await linking.link(database, system_clock, party, pair, relation, reason)


async def _unlink(pair: tuple[str, str, str], reason: str) -> Outcomes:
    hub_settings = settings()
    async with open_database(hub_settings, _act("identity unlink", pair)) as database:
        party = f"{HUB_PARTY}{hub_settings.log_origin}"
        return await linking.unlink(database, system_clock, party, pair, reason)


async def _join() -> int:
    hub_settings = settings()
    async with open_database(hub_settings, Act("identity join")) as database:
        party = f"{HUB_PARTY}{hub_settings.log_origin}"
        return await linking.join_identified(database, system_clock, party)


@app.command("explain")
def explain_key(
    key: Annotated[str, typer.Argument(help="key or id of a record; a former one as well")],
    of_type: OfType = None,
) -> None:
    """Show for every item of a record which claim won, by which rule, and what the others say."""
    if of_type is not None:
        _spec(of_type)
    found = run(_explain(key, of_type))
    if not found:
        of = of_type or "Institution or Instrument; name another record by --type"
        typer.echo(f"nothing stands under {key} ({of})", err=True)
        raise typer.Exit(1)
    for each in found:
        _print_explained(each)


def _print_explained(found: Explained) -> None:
    typer.echo(f"{found.spec.name} {found.spec.zh}  {found.key}  {found.item_id}")
    for claim in found.claims:
        typer.echo(f"  {_standing(claim)}  as {claim.key}  entry {claim.entry_id}")
    for item in found.items:
        _print_item(found.spec, item)


def _print_item(spec: RecordSpec, item: ExplainedItem) -> None:
    zh = next((each.facts.zh for each in spec.items if each.wire == item.item), "")
    first, *others = zip(item.claims, item.values, strict=True)
    name = f"{item.item} {zh}" if item.item else "the record as a whole"
    typer.echo(f"{name}: {_text(first[1])}  ← {first[0].source}  ({item.rule})")
    for claim, value in others:
        sign = "=" if value == first[1] else "≠"
        typer.echo(f"    {sign} {claim.source} {claim.as_of:%Y-%m-%d}: {_text(value)}")


def _standing(claim: Claim) -> str:
    authority = f"  {claim.authority}" if claim.authority else ""
    return (
        f"{claim.source}{authority}  {claim.kind} {claim.purpose}  {claim.assurance}  "
        f"{claim.as_of.isoformat(timespec='seconds')}"
    )


async def _explain(key: str, of_type: str | None) -> list[Explained]:
    act = Act("identity explain", {"key": key, "type": of_type}, [key.partition("/")[0]])
    async with open_database(act=act) as database:
        return await explain(database, key, of_type)


def _spec(name: str) -> RecordSpec:
    spec = standard().specs.get(name)
    if spec is None:
        raise HubError(
            ErrorCode.BAD_USER_INPUT,
            message_zh=f"没有记录类型 {name}",
            message_en=f"There is no record type {name}",
            hint=f"One of {', '.join(sorted(standard().specs))}.",
        )
    return spec
