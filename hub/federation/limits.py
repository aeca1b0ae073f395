"""`limits`: every size, wait and bound of asking sources live. Times are seconds."""

QUESTION_S_MAX = 10.0
"""Longest time for one question, whoever waits for it: as long as any caller may wait."""
FLIGHT_S_MAX = 12.0
"""Longest time for one flight, its turn at the source included."""
ANSWER_KEPT_S = 0.5
"""So long an answer is shared with who asks the same; asked so long before, it counts as fresh."""
LOOK_AGAIN_S = 5.0
"""So long who booked waits until the calendar shows it; the question goes on by itself."""
QUESTIONS_OF_ONE = 4
"""Questions of one worker that one source answers at a time."""
KEYS_MAX = 100
"""Instruments of one root field whose calendars are asked for: those of the largest page."""
ROUNDS_MAX = 2
"""How often instruments are asked about that came into a page by what was heard."""
RATE_CAPACITY = 100
"""Questions that one source is asked at once, by all workers together …"""
RATE_REFILL_PER_S = 20.0
"""… and how many more each second."""
PAGES_MAX = 50
"""Answers of one list that are read for one question."""
ROWS_MAX = 2_000
"""Rows of one list that are read for one question."""
SOURCES_KEPT_S = 2.0
"""So long the files of sources are not looked at again."""
MOMENTS_KEPT_MAX = 1_024
"""Texts of moments that are read once: when each source last spoke, as every request sees it."""
LOOK_UP_ROWS_MAX = 20_000
"""Rows of one look-up list: the units of a province, the tools of a laboratory."""
LOOK_UPS_KEPT_S = 600.0
"""So long is kept what look-up lists of a source told."""

LAST_ANSWERS_MAX = 20_000
"""Answers of which one worker remembers by hash what they said."""
HEARD_MAX = 8
"""Exchanges of one reading that are remembered; a longer one is read as if it were new."""
SESSION_KEPT_S = 60.0
"""So long a connection to a source is used again; then its name is looked up anew."""
SOURCES_OPEN_MAX = 256
"""Sources of which connections are kept; those of the one that was asked longest ago are closed."""

RELAYED_KEPT_S = 60.0
"""So long is known what a request of another hub asked here; it waits shorter than that."""
RELAYED_TOLD_S = 1.0
"""How exactly a hub says when something was known."""

OUTCOMES_MAX = 20
"""Outcomes at one source that a breaker remembers …"""
OUTCOMES_S = 60.0
"""… for so long."""
FAILURES_MIN = 5
"""Fewer failures open no breaker."""
FAILURE_SHARE = 0.5
"""A smaller share of failures opens none either."""
OPEN_S = 15.0
"""So long an open breaker lets nobody ask; then one asks as a probe."""
OPEN_KEPT_S = 3_600.0
"""So long is kept that a breaker was open, if nobody asks meanwhile."""
PROBE_S = FLIGHT_S_MAX + 1
"""So long one caller is the probe."""

HISTORY_PAUSE_S = 1.0
"""So long events of sources wait to be written together."""
EVENTS_WAITING_MAX = 1_000
"""Events that wait at most; the oldest of more are lost."""
