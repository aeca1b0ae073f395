"""`limits`: the bounds of one page of the change feed."""

from __future__ import annotations

from datetime import timedelta

from hub.access.agreements import AGREEMENT_CACHE_S

PAGE_DEFAULT = 100
"""Changes of a page that states no `first`."""
PAGE_MAX = 500
"""Largest `first`."""
SCANNED_MAX = 5_000
"""Entries that one page reads; if none is visible, a page is empty without being the last."""
JUDGED_MAX = 1_000
"""Entries of the requested types that one page judges."""
REVISIONS_MAX = 20_000
"""Earlier revisions that one page reads to find who could see a record before; a record with
more comes alone."""
CURSOR_CHARACTERS_MAX = 500
"""Characters of a cursor."""
CLOCKS_APART_S = 5.0
"""How far the clocks of two workers may be apart."""
SETTLED_S = AGREEMENT_CACHE_S + CLOCKS_APART_S
"""Seconds after a committed change of rights until every worker applies it. Its consumer is told to
read again only then, or it would read by the former rights."""
OVERLAP_MAX = timedelta(hours=1)
"""Two entries that were accepted further apart were written one after the other. Far above how long
a transaction may last (`hub.store.database`)."""
WATCH_S = 0.5
"""How often a process asks whether the feed has moved, while anybody follows it there."""
LOOK_ANYWAY_S = 60.0
"""How often a follower that waits reads a page unasked: rights also change with the date."""
NRII_PAGE_ROWS = 500
"""Records that a report to the national platform reads at once."""
NRII_PAUSE_EACH, NRII_PAUSE_S = 500, 1.0
"""The platform is left alone for so long after so many calls, as its known senders do."""
NRII_TOLD_MAX = 200
"""Objects of which a report says why they were not accepted; all are counted."""

CATALOGUE_ROWS = 1_000
"""Instruments that are read at a time when they go out to a catalogue."""
