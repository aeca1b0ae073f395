"""`exports`: what a caller may read, as files: made beside its requests, kept for a day.

`service` is its main file; `making` reads one snapshot row by row and writes parts, `formats` are
the files that parts can be, `endpoint` gives them out.
"""
