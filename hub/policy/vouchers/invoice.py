"""`invoice`: one spelling for the number of an invoice, so that it is paid for once; pure.

An invoice of the State Taxation Administration has a number of 20 digits (fully digital), or one of
8 digits with a code of 10 or 12. Anything else is not "another invoice": it cannot be told.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from hub.policy.bounds import Missing

NUMBER_LENGTH, CODE_LENGTHS, DIGITAL_LENGTH = 8, (10, 12), 20
TEXT_MAX = 60


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice in normal form. `code`: empty for a fully digital one; `issuer`: key."""

    code: str
    number: str
    issuer: str


def normal_invoice(code: str | None, number: str | None, issuer: str | None) -> Invoice | Missing:
    """Return an invoice in normal form, or say why it cannot be told from others."""
    if not number or not issuer:
        return Missing("invoice")
    digits, of_code = digits_of(number), digits_of(code or "")
    if len(digits) == DIGITAL_LENGTH and not of_code:
        return Invoice("", digits, issuer)
    if len(digits) == NUMBER_LENGTH and len(of_code) in CODE_LENGTHS:
        return Invoice(of_code, digits, issuer)
    return Missing("invoice", "UNREADABLE")


def digits_of(text: str) -> str:
    """Return the digits of a number as a person wrote it, in any width."""
    folded = unicodedata.normalize("NFKC", text[:TEXT_MAX])
    return "".join(each for each in folded if each in "0123456789")
