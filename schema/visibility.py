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


Term = Everybody | Owner | Issuer | Named | Agreed


@dataclass(frozen=True, slots=True)
class Rule:
    """Who may see: whoever fits one of the terms."""

    terms: tuple[Term, ...]

    @property
    def is_public(self) -> bool:
        """Whether it asks for no particular party."""
        return Everybody() in self.terms

    @property
    def named(self) -> tuple[str, ...]:
        """Items that name parties which may see."""
        return tuple(term.item for term in self.terms if isinstance(term, Named))


PUBLIC = Rule((Everybody(),))


def between(*items: str) -> Rule:
    """Return the rule by which the owner, the issuer and the parties in these items may see."""
    return Rule((Owner(), Issuer(), *(Named(item) for item in items)))


HISTORY = between()
"""Who may see what stands no longer: older revisions, and that a record was withdrawn."""


def by_agreement(dataset: AgreementDataset, *items: str) -> Rule:
    """Return the rule `between` these parties and those to whom the owner granted the data set."""
    return Rule((*between(*items).terms, Agreed(dataset)))


def item_rule(rows: Rule, scope: str, wire: str, *, is_personal: bool) -> Rule:
    """Return the rule of an item above L1 of a record whose rows have the rule `rows`.

    The other parties that a row names see its items, but not what is personal.
    """
    parties = () if is_personal else rows.named
    return by_agreement_on(DATASETS[scope], wire, parties)


def by_agreement_on(dataset: AgreementDataset, wire: str, parties: tuple[str, ...]) -> Rule:
    """Return the rule `between` these parties and those who were granted this item of the set."""
    return Rule((*between(*parties).terms, Agreed(dataset, wire)))
