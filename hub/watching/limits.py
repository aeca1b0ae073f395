"""`limits`: every bound of what is told about a running hub, in one place; times are seconds."""

LEVELS = ("debug", "info", "warning", "error", "critical")
FORMATS = ("text", "json")
PART_CHARACTERS_MAX = 8_192
"""Longest message, traceback or other part of a line."""
LINE_CHARACTERS_MAX = 65_536
"""Longest line of the log, traceback included."""
SECRETS_MAX = 4096
"""Secrets that are looked for word by word in every line, the newest ones."""
SECRET_CHARACTERS_MIN = 6
"""A shorter one would black out ordinary words."""
SERIES_MAX = 2000
"""Label combinations of one figure; what comes after is counted under "other"."""
LOOP_LOOK_S = 0.5
"""Time between two looks how late the event loop is."""
DURATIONS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the histograms."""
