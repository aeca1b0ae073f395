"""`visibility`: who may see a record and its items, as small expressions over its declaration.

- A record declares one rule for its rows; the rule of an item follows from its grade and scope.
- A rule says which party may see; the scope that a token must carry is stated beside it.
- The hub turns a rule into SQL and evaluates it in Python (`hub.access.visibility`).
"""

from __future__ import annotations

from dataclasses import dataclass

from schema.codes import AgreementDataset

PUBLIC_SCOPE = "catalogue:read"
DATASETS: dict[str, AgreementDataset] = {
    "asset:read": AgreementDataset.ASSET,
    "service:read": AgreementDataset.SERVICE,
    "customs:read": AgreementDataset.CUSTOMS,
    "voucher:read": AgreementDataset.VOUCHER,
    "person:read": AgreementDataset.PERSON,
}
"""The data set of which an agreement must speak before a scope reveals another party's items."""


@dataclass(frozen=True, slots=True)
class Everybody:
    """Whoever may see the record at all."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The owner of the record."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """The party that stated the record."""


@dataclass(frozen=True, slots=True)
class Named:
    """The party that an item of the record names, by the item's snake_case name."""

    item: str


@dataclass(frozen=True, slots=True)
class Agreed:
    """A party to which the owner granted a data set, all of it or some items.

    `item` (wire name): the grant must cover this item; None: any grant of the data set will do.
    """

    dataset: AgreementDataset
    item: str | None = None


@dataclass(frozen=True, slots=True)
class Supervised:
    """The office that supervises today what the row is about (`schema.traits.Supervises`).

    `by`: the items whose values, joined by `/`, are the key of the supervision or of the thing that
    it supervises. `since`: an item with an instant, not before supervision began; a row that does
    not state it is not shown. `where`: an item and the code that it must have. `shows` (wire
    names): all that the office reads above L1; none named: whatever is not personal.
    """

    by: tuple[str, ...]
    since: str | None = None
    where: tuple[str, str] | None = None
    shows: frozenset[str] = frozenset()

    @property
    def items(self) -> tuple[str, ...]:
        """The items of the row that it is judged by."""
        since = () if self.since is None else (self.since,)
        where = () if self.where is None else self.where[:1]
        return (*self.by, *since, *where)

    def reveals(self, wire: str) -> bool:
        """Whether the office reads an item that is not personal."""
        return not self.shows or wire in self.shows


Term = Everybody | Owner | Issuer | Named | Agreed


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may see: whoever fits one of the terms, or supervises it."""

    terms: tuple[Term, ...]
    supervised: tuple[Supervised, ...] = ()

    @property
    def is_public(self) -> bool:
        """Whether it asks for no particular party."""
        return Everybody() in self.terms

    @property
    def named(self) -> tuple[str, ...]:
        """Items that name parties which may see."""
        return tuple(term.item for term in self.terms if isinstance(term, Named))

    def without_supervision(self) -> Rule:
        """Return what it is for a party that supervises nothing."""
        return Rule(self.terms) if self.supervised else self


PUBLIC = Rule((Everybody(),))


def between(*items: str) -> Rule:
    """Return the rule by which the owner, the issuer and the parties in these items may see."""
    return Rule((Owner(), Issuer(), *(Named(item) for item in items)))


HISTORY = between()
"""Who may see what stands no longer: older revisions, and that a record was withdrawn."""


def by_agreement(
    dataset: AgreementDataset, *items: str, supervised: Supervised | None = None
) -> Rule:
    """Return the rule `between` these parties and those to whom the owner granted the data set.

    `supervised`: the office that supervises it sees it too.
    """
    offices = () if supervised is None else (supervised,)
    return Rule((*between(*items).terms, Agreed(dataset)), offices)


def item_rule(rows: Rule, scope: str, wire: str, *, is_personal: bool) -> Rule:
    """Return the rule of an item above L1 of a record whose rows have the rule `rows`.

    The other parties that a row names see its items, and the office that supervises it those that
    its term reveals, but not what is personal.
    """
    parties = () if is_personal else rows.named
    rule = by_agreement_on(DATASETS[scope], wire, parties)
    if is_personal or not rows.supervised:
        return rule
    return Rule(rule.terms, tuple(each for each in rows.supervised if each.reveals(wire)))


def by_agreement_on(dataset: AgreementDataset, wire: str, parties: tuple[str, ...]) -> Rule:
    """Return the rule `between` these parties and those who were granted this item of the set."""
    return Rule((*between(*parties).terms, Agreed(dataset, wire)))
