"""`visibility`: the one rule of who may see what, as SQL and as an answer in Python; pure.

- Rules are declared with the records (`schema.visibility`). Reads turn a rule into a condition with
  `sql`; code that has a row at hand (receipts, records) calls `holds`.
- A property test compares both for callers, grants and records of every kind.
- The scopes of the token are checked beside the rule: `RecordSpec.scope`, `Item.scope`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from hub.access.grants import PartyGrants
from schema.codes import AgreementDataset
from schema.dates import parse_instant
from schema.item import Grade, Item, RecordSpec, camel
from schema.values import OriginalText
from schema.visibility import PUBLIC_SCOPE, Agreed, Issuer, Named, Owner, Rule, Supervised, Term

Datasets = frozenset[AgreementDataset]


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """A row that somebody wants to see: whose it is, who issued it, and its wire object.

    A withdrawn row has an empty object: it names no party any more.
    """

    owner: str
    issuer: str
    wire: Mapping[str, Any]


class Parameters(Protocol):
    """Gives the parameters of a statement that stand for its caller."""

    def bind_party(self) -> str:
        """Return the caller's party, null for nobody."""
        ...

    def bind_owners(self, dataset: AgreementDataset, item: str | None) -> str:
        """Return the parties whose rows, or values of an item, the caller may see; its own too."""
        ...

    def bind_supervised(self) -> str:
        """Return what the caller supervises (`SupervisedKeys.text`), as jsonb."""
        ...


def sql(
    rule: Rule, spec: RecordSpec, alias: str, parameters: Parameters, limited: Datasets
) -> str | None:
    """Return the condition on the rows of `alias`, None where there is none.

    `limited`: data sets of which the caller was granted single items; of the others a grant of an
    item is a grant of all, which keeps statements alike and short.
    """
    if rule.is_public:
        return None
    agreed = [term for term in rule.terms if isinstance(term, Agreed)]
    conditions = [
        f"{alias}.owner = ANY({parameters.bind_owners(each.dataset, _granted_item(each, limited))})"
        for each in agreed
    ]
    for term in rule.terms:
        if isinstance(term, Owner) and not agreed:
            conditions.append(f"{alias}.owner = {parameters.bind_party()}")
        elif isinstance(term, Issuer) and spec.issuer is not None:
            conditions.append(f"{alias}.issuer = {parameters.bind_party()}")
        elif isinstance(term, Named):
            conditions.append(f"{alias}.{term.item} = {parameters.bind_party()}")
    conditions += [
        _supervised_sql(each, alias, parameters.bind_supervised()) for each in rule.supervised
    ]
    return f"({' OR '.join(conditions)})" if len(conditions) > 1 else conditions[0]


def _supervised_sql(term: Supervised, alias: str, supervised: str) -> str:
    """Return the condition as one that is true or false: what is not stated is not shown."""
    key = "||'/'||".join(f"{alias}.{name}" for name in term.by)
    since = f"({supervised} ->> ({key}))"
    told = [f"{since} IS NOT NULL"]
    if term.since is not None:
        told = [f"{since}::timestamptz <= {alias}.{term.since}"]
    if term.where is not None:
        item, code = term.where
        told.append(f"{alias}.{item} = '{code}'")
    return f"coalesce({' AND '.join(told)}, false)"


def _granted_item(term: Agreed, limited: Datasets) -> str | None:
    return term.item if term.dataset in limited else None


def holds(rule: Rule, subject: Subject, grants: PartyGrants) -> bool:
    """Whether a rule lets the party of these grants see a row; the grants are those of today."""
    if rule.is_public or grants.sees_everything:
        return True
    if grants.party is None:
        return False
    return any(_term_holds(term, subject, grants) for term in rule.terms) or any(
        _supervises(each, subject.wire, grants) for each in rule.supervised
    )


def _term_holds(term: Term, subject: Subject, grants: PartyGrants) -> bool:
    if isinstance(term, Agreed):
        return subject.owner in grants.owners(term.dataset, term.item)
    if isinstance(term, Owner):
        return subject.owner == grants.party
    if isinstance(term, Issuer):
        return subject.issuer == grants.party
    return isinstance(term, Named) and subject.wire.get(camel(term.item)) == grants.party


def _supervises(term: Supervised, wire: Mapping[str, Any], grants: PartyGrants) -> bool:
    parts = [wire.get(camel(name)) for name in term.by]
    if None in parts:
        return False
    since = grants.supervised.since.get("/".join(map(str, parts)))
    if since is None:
        return False
    if term.where is not None and wire.get(camel(term.where[0])) != term.where[1]:
        return False
    at = None if term.since is None else wire.get(camel(term.since))
    return term.since is None or (at is not None and since <= parse_instant(at).at)


def implies(rows: Rule, item: Rule, limited: Datasets) -> bool:
    """Whether whoever sees a row by the first rule sees an item by the second."""
    if item.is_public:
        return True
    if rows.is_public:
        return False
    known = {_unlimited(term, limited) for term in item.terms}
    is_wider = all(_unlimited(term, limited) in known for term in rows.terms)
    return is_wider and all(each in item.supervised for each in rows.supervised)


def _unlimited(term: Any, limited: Datasets) -> Any:
    if isinstance(term, Agreed) and term.dataset not in limited:
        return Agreed(term.dataset)
    return term


def may_see(
    spec: RecordSpec,
    subject: Subject,
    scopes: frozenset[str],
    grants: PartyGrants,
    rule: Rule | None = None,
) -> bool:
    """Whether a caller may see that a row is there, by the rule of its rows or by another one.

    Whatever else they need, records are read with the public scope.
    """
    return {PUBLIC_SCOPE, spec.scope} <= scopes and holds(rule or spec.rows, subject, grants)


def hidden_items(
    spec: RecordSpec, subject: Subject, scopes: frozenset[str], grants: PartyGrants
) -> list[str]:
    """Return the wire names of stated items that a caller may not read of a row that it sees.

    The text of an original counts as the item that it is the original of.
    """
    may = {
        item.wire: item.scope in scopes and holds(spec.rule(item), subject, grants)
        for item in spec.items
    }
    hidden = [name for name in subject.wire if not may.get(name, False)]
    for item in originals_of(spec):
        heads = {original_of(each["path"]) for each in subject.wire.get(item.wire, ())}
        hidden += [f"{item.wire}:{head}" for head in sorted(heads) if not may.get(head, False)]
    return hidden


def originals_of(spec: RecordSpec) -> list[Item]:
    """Return the items that keep texts of other items as their source wrote them."""
    return [item for item in spec.items if item.value and item.value.cls is OriginalText]


def original_of(path: str) -> str:
    """Return the wire name of the item that an original text is of."""
    return path.partition(".")[0]


def protected_items(spec: RecordSpec) -> list[Item]:
    """Return the items that not everybody who sees a row may read."""
    return [item for item in spec.items if item.grade is not Grade.L1]
