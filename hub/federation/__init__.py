"""Federation: sources are asked while a caller waits, into the store, before a statement reads it.

`service.Federation` is its door. What is decided without I/O is in `live_answer`, `entries` and
the window of `breaker`.
"""
