"""Bounds of handing rows on. Times are seconds."""

FORWARD_S = 60.0
"""So long the home of rows is waited for; afterwards nobody knows what became of them."""
BATCHES_AWAY = 8
"""Batches of one worker that are handed on at once …"""
BATCHES_AWAY_OF_ONE = 2
"""… of them those of one client …"""
BATCHES_AWAY_WAITING = 8
"""… and what of one client may wait: it holds its rows in memory …"""
AWAY_WAIT_S = 60.0
"""… for so long."""
RECEIPTS_MAX = 100
"""Rows of one answer for which their home is asked for receipts: one question."""
RECEIPT_WAIT_S = 2.0
"""So long an answer waits for its receipts: a log signs once a second."""
RECEIPTS_S = 5.0
"""So long one home may take to give them, all in all."""
RECEIPT_PAUSE_S = 0.4
"""Between two looks for them."""
TEXT_MAX = 500
"""Characters of a text that a home says of a row; longer ones are cut."""
PROBLEMS_MAX = 100
"""Problems of one row that are passed on."""
