"""`limits`: the bounds of the customs desk."""

RECORDS_MAX = 500
"""Records of each type that are read of one instrument; with more nothing is decided."""
SUPERVISIONS_MAX = 2000
"""Supervised items of one list of reports due; further ones are said to be left out."""
SERVICES_MAX = 1000
"""Services of one list; further ones are said to be left out."""
REPORTS_MAX = 80_000
"""Reports that are read for such a list: as many years as a term may have, of every item."""
PERIOD_DAYS_MAX = 366
"""Days of one use."""
KEY_CHARACTERS_MAX = 500
"""Characters of a key in a question."""
PLACE_CHARACTERS_MAX = 200
"""Characters of the name of a place, as in records."""
DECISION_COST = 20
"""What a decision costs a caller: about as many rows are read."""
LIST_COST = 200
"""What a list of reports due costs a caller."""
