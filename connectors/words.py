"""`Words`: a sentence in Chinese and in English, which is shown as both or as one of them.

As a text it is both, Chinese first, for a person whose language nobody has said.
"""

from __future__ import annotations

__all__ = ["Words", "in_both"]


class Words(str):
    """One sentence in two languages."""

    __slots__ = ("en", "zh")
    zh: str
    en: str

    def __new__(cls, zh: str, en: str) -> Words:
        """Join the two; each stays to be had alone."""
        words = super().__new__(cls, f"{zh} {en}")
        words.zh, words.en = zh, en
        return words


def in_both(text: str) -> tuple[str, str]:
    """Return a text in Chinese and in English; one that has no languages is the same in both."""
    return (text.zh, text.en) if isinstance(text, Words) else (text, text)
