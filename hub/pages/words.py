"""`words`: what pages say, in Chinese and English, as data.

- `words.toml` is the one home: each line a name and the two texts. Pages and scripts name a word
  and never say it themselves. `{name}` in a text is a place that a script fills.
- A page is in one language at a time: Chinese, unless its reader chose English.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

LANGUAGES = ("zh", "en")


@cache
def words(language: str) -> Mapping[str, str]:
    """Return every word of a language by its name, such as `submit.check`."""
    at = LANGUAGES.index(language)
    return MappingProxyType({name: texts[at] for name, texts in word_table().items()})


@cache
def word_table() -> Mapping[str, tuple[str, str]]:
    """Return both texts of every word."""
    read = tomllib.loads(files("hub.pages").joinpath("words.toml").read_text("utf-8"))
    return MappingProxyType(
        {
            f"{section}.{name}": (zh, en)
            for section, listed in read.items()
            for name, (zh, en) in listed.items()
        }
    )
