"""`limits`: the bounds of one page of the change feed."""

from __future__ import annotations

from datetime import timedelta

from hub.access.agreements import AGREEMENT_CACHE_S

PAGE_DEFAULT = 100
"""Changes of a page that states no `first`."""
PAGE_MAX = 500
"""Largest `first`."""
SCANNED_MAX = 5_000
"""Entries that one page looks at; with few to tell of, a page may be empty and not the last."""
JUDGED_MAX = 1_000
"""Entries of the wanted types that one page judges."""
REVISIONS_MAX = 20_000
"""Earlier revisions that one page reads to find who was to know of a record; the last record of a
page may have more."""
CURSOR_CHARACTERS_MAX = 500
"""Characters of a cursor."""
CLOCKS_APART_S = 5.0
"""How far the clocks of two workers may be apart."""
SETTLED_S = AGREEMENT_CACHE_S + CLOCKS_APART_S
"""After a change of rights was seen to be committed, the time until every worker goes by it. Only
then is its consumer told to look again, or the look would meet the rights of before."""
OVERLAP_MAX = timedelta(hours=1)
"""Two entries that were accepted further apart were written one after the other. Far above how long
a transaction may last (`hub.store.database`)."""
